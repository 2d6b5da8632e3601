import ACME
import Conversation
import Logging
import MailModel
import WebAPI

/// Names by which the web asks this server for its domains, as far as they lead here: optional ones of its certificate.
struct AutomaticNames: Sendable {
    /// What stands before a domain, the most wanted first.
    let labels: [OwnNames.Label]
    /// Whose addresses are this server's, in ASCII.
    let server: Domain
    let resolver: any Resolver
    let domains: @Sendable () async throws -> [Domain]
    let log: Logger

    /// Domains that are looked at.
    private static let mostDomains = 1_000

    /// Of each label all domains'. A name leads here where it has addresses, all of which are the server's: a CA may look at any of them, and a wildcard record or a
    /// stale one leads elsewhere.
    /// - parameter known: those that there is a certificate for: one that cannot be looked up now stays.
    func find(known: Set<CertificateName>) async throws -> [CertificateName] {
        let domains = try await domains().compactMap(\.asciiForm).filter { $0.value.contains(".") }.sorted()
        if domains.count > AutomaticNames.mostDomains {
            log.warning("Names for the certificate are looked for below \(AutomaticNames.mostDomains) domains alone")
        }
        let ours = try await addresses(of: server)
        var found: [CertificateName] = []
        for label in labels {
            for domain in domains.prefix(AutomaticNames.mostDomains) {
                try Task.checkCancellation()
                guard let name = Domain("\(label.rawValue).\(domain)").flatMap({ CertificateName($0) }) else { continue }
                if try await leadsHere(name, ours) ?? known.contains(name) { found.append(name) }
            }
        }
        return found
    }

    /// Nil: that is not known.
    private func leadsHere(_ name: CertificateName, _ ours: Set<IPAddress>?) async throws -> Bool? {
        guard let ours, let addresses = try await addresses(of: name.domain) else { return nil }
        return !addresses.isEmpty && addresses.isSubset(of: ours)
    }

    /// Nil: that is not known.
    private func addresses(of host: Domain) async throws -> Set<IPAddress>? {
        do {
            return Set(try await resolver.addresses(of: host, .ipv4).records + resolver.addresses(of: host, .ipv6).records)
        } catch is ResolverFault { return nil }
    }
}

extension Configuration {
    /// What stands before a domain where this server answers by https.
    var webLabels: [OwnNames.Label] {
        guard listeners.contains(where: { $0.service == .https }) else { return [] }
        return (web.strictTransport == nil ? [] : [.strictTransport]) + [.autoconfig, .autodiscover]
    }
}
