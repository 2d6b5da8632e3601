import Conversation
import MailModel

/// Whom a report goes to, by what the domain asks for and what those that it names agree to.
struct ReportTargets: Sendable {
    let resolver: any Resolver

    /// Of one domain.
    static let most = 5

    /// Of TLS (RFC 8460 §3): those of the domain's record; none where there is no record. Throws where nobody knows.
    func tls(of domain: Domain) async throws -> [ReportURI] {
        guard let name = TLSReportRecord.name(of: domain) else { return [] }
        let answer = try await resolver.texts(of: name)
        return Array((TLSReportRecord(answer.records)?.targets ?? []).prefix(ReportTargets.most))
    }

    /// Of mail (RFC 9990 §4): those of a policy that are the domain's own, or agree. Throws where nobody knows.
    ///
    /// - parameter domain: where the policy was found.
    func dmarc(of domain: Domain, _ published: PolicyTally.Published) async throws -> [ReportURI] {
        var found: [ReportURI] = []
        for uri in published.reportURIs.compactMap({ ReportURI($0) }) where found.count < ReportTargets.most {
            guard case .mail(let address) = uri.target else { continue }
            let host = address.domain.asciiForm ?? address.domain
            let agreed = isOwn(host, domain, published.organizationalDomain) ? [uri] : try await authorized(uri, at: host, of: domain)
            for uri in agreed where !found.contains(uri) { found.append(uri) }
        }
        return Array(found.prefix(ReportTargets.most))
    }

    /// The same organization, as far as the names tell: a name below the organizational domain counts as the organization's. A policy of a public suffix is not
    /// its registrants'.
    private func isOwn(_ host: Domain, _ domain: Domain, _ organization: Domain?) -> Bool {
        if host == domain { return true }
        guard let organization, domain == organization || domain.value.hasSuffix("." + organization.value) else { return false }
        return host == organization || host.value.hasSuffix("." + organization.value)
    }

    private func authorized(_ uri: ReportURI, at host: Domain, of domain: Domain) async throws -> [ReportURI] {
        guard let name = ReportAuthorization.name(of: domain, at: host),
            let authorization = ReportAuthorization(try await resolver.texts(of: name).records)
        else { return [] }
        guard !authorization.targets.isEmpty else { return [uri] }
        // RFC 9990 §4: another host than the one that was asked is a loop, or worse; then nobody gets any.
        let isSame = authorization.targets.allSatisfy {
            if case .mail(let address) = $0.target { (address.domain.asciiForm ?? address.domain) == host } else { false }
        }
        return isSame ? authorization.targets : []
    }
}
