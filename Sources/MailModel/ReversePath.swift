/// Where failures of a message are told: MAIL's argument (RFC 5321 §4.1.1.2), without a source route.
package enum ReversePath: Hashable, Sendable {
    /// `<>`: nobody; so that reports on reports do not circle (RFC 5321 §4.5.5).
    case null
    case mailbox(Address)
    /// An address whose sender wrote its local part without the quotes that it needs (`a..b@example.org`). Their own server knows it by these octets, so
    /// they are kept. Made by `init(_:unquoted:)`.
    case unquoted(Address, localPart: String)

    /// - parameter localPart: as it was sent, or nil where the address says all. One that could end a path or a line is not kept.
    package init(_ address: Address, unquoted localPart: String?) {
        if let localPart, !localPart.isEmpty, localPart.unicodeScalars.allSatisfy(ReversePath.staysUnquoted) {
            self = .unquoted(address, localPart: localPart)
        } else {
            self = .mailbox(address)
        }
    }

    package var address: Address? {
        switch self {
        case .null: nil
        case .mailbox(let address), .unquoted(let address, _): address
        }
    }

    /// With its angle brackets, as a command or Return-Path writes it.
    package var written: String {
        switch self {
        case .null: "<>"
        case .mailbox(let address): "<\(address.written)>"
        case .unquoted(let address, let localPart): "<\(localPart)@\(address.domain.value)>"
        }
    }

    /// No space, control character or special of RFC 5322 §3.2.3 but the dot.
    private static func staysUnquoted(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value > 0x20 && !(0x7F...0x9F).contains(scalar.value) && !"()<>[]:;@\\,\"".unicodeScalars.contains(scalar)
    }
}

/// Who gets a message: RCPT's argument (RFC 5321 §4.1.1.3), without a source route.
package enum ForwardPath: Hashable, Sendable {
    /// `<postmaster>` without a domain, in any mixture of cases: this server's own.
    case postmaster
    case mailbox(Address)

    /// With its angle brackets.
    package var written: String {
        switch self {
        case .postmaster: "<postmaster>"
        case .mailbox(let address): "<\(address.written)>"
        }
    }
}
