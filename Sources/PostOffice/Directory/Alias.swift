package import MailModel

/// An address of the house that stands for others, ours or not.
package struct Alias: Hashable, Sendable {
    /// Whose mail it is: an address, or all of a domain that are nobody's (a catch-all).
    package enum Name: Hashable, Sendable {
        case address(Address)
        case everybody(at: Domain)

        /// From `local@domain`, or `@domain`.
        package init?(_ text: String) {
            if text.hasPrefix("@") {
                guard let domain = Domain(text.dropFirst()), !domain.isLiteral else { return nil }
                self = .everybody(at: domain)
            } else {
                guard let address = Address(text), !address.domain.isLiteral, !address.localPart.isEmpty else { return nil }
                self = .address(address)
            }
        }

        package var domain: Domain {
            switch self {
            case .address(let address): address.domain
            case .everybody(let domain): domain
            }
        }

        /// What it is kept by.
        var key: String {
            switch self {
            case .address(let address): address.key
            case .everybody(let domain): "@" + (domain.asciiForm ?? domain).value
            }
        }

        package var written: String {
            switch self {
            case .address(let address): address.written
            case .everybody(let domain): "@" + domain.value
            }
        }
    }

    package let name: Name
    /// One at least, each once, in the order in which they were added.
    package var targets: [Address]

    /// Of one alias, and of one account's forwarding.
    package static let mostTargets = 1_000
    /// Places that one address may reach by way of all of them.
    package static let mostDestinations = 2_000
}

/// As it is kept.
struct StoredAlias: Codable, Hashable {
    var name: String
    var targets: [String]

    init(_ alias: Alias) {
        name = alias.name.written
        targets = alias.targets.map { "\($0.localPart)@\($0.domain)" }
    }

    /// Targets that no address can be any more are left out.
    var addresses: [Address] { targets.compactMap { Address($0) } }
}
