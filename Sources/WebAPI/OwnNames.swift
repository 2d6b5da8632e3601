package import MailModel

/// The names by which this server is asked for: its own, those of our domains, and some below these.
package struct OwnNames: Sendable {
    /// What stands before a domain where something is looked for.
    package enum Label: String, CaseIterable, Sendable {
        /// RFC 8461 §3.3.
        case strictTransport = "mta-sts"
        case autoconfig
        case autodiscover
        case www
    }

    /// The server's own, in ASCII.
    package let server: Domain
    private let isServed: @Sendable (Domain) async throws -> Bool

    /// - parameters:
    ///   - server: in ASCII.
    ///   - isServed: whether a domain, in ASCII, is one of ours; throws where that is not known.
    package init(server: Domain, isServed: @escaping @Sendable (Domain) async throws -> Bool) {
        self.server = server
        self.isServed = isServed
    }

    /// The domain in ASCII, where it is one of ours.
    package func own(_ domain: Domain) async throws -> Domain? {
        guard let domain = domain.asciiForm, !domain.isLiteral else { return nil }
        return try await isServed(domain) ? domain : nil
    }

    /// The domain of ours that `host` names behind this label; nil where it names none.
    package func domain(of host: String, behind label: Label) async throws -> Domain? {
        guard let name = Domain(host)?.value, name.hasPrefix(label.rawValue + "."), let domain = Domain(name.dropFirst(label.rawValue.utf8.count + 1)) else {
            return nil
        }
        return try await own(domain)
    }

    /// A host that was asked for as others find it, in ASCII, where it is one of ours.
    package func ownHost(_ host: String) async throws -> Domain? {
        guard let name = Domain(host)?.asciiForm, !name.isLiteral else { return nil }
        if name == server { return name }
        if try await own(name) != nil { return name }
        for label in Label.allCases where try await domain(of: name.value, behind: label) != nil { return name }
        return nil
    }
}
