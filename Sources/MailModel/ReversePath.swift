/// Where failures of a message are told: MAIL's argument (RFC 5321 §4.1.1.2), without a source route.
package enum ReversePath: Hashable, Sendable {
    /// `<>`: nobody; so that reports on reports do not circle (RFC 5321 §4.5.5).
    case null
    case mailbox(Address)

    package var address: Address? {
        switch self {
        case .null: nil
        case .mailbox(let address): address
        }
    }

    /// With its angle brackets, as a command or Return-Path writes it.
    package var written: String {
        switch self {
        case .null: "<>"
        case .mailbox(let address): "<\(address.written)>"
        }
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
