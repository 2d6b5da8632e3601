import Conversation
import MailModel

/// Whom a report goes to, by what the domain asks for and what those that it names agree to.
struct ReportTargets: Sendable {
    let resolver: any Resolver

    /// Of one domain.
    static let most = 5

    struct Target: Hashable {
        let uri: ReportURI
        /// Another organization's address, which has said that it takes these reports.
        let hasAgreed: Bool
    }

    /// - `fault`: why it is not known of all that are asked for whether they are to get it.
    struct Found: Hashable {
        var targets: [Target] = []
        var fault: ResolverFault?
    }

    /// Of TLS (RFC 8460 §3): those of the domain's record; none where there is no record.
    func tls(of domain: Domain) async throws -> Found {
        guard let name = TLSReportRecord.name(of: domain) else { return Found() }
        switch try await texts(of: name) {
        case .success(let texts):
            let uris = (TLSReportRecord(texts)?.targets ?? []).prefix(ReportTargets.most)
            return Found(targets: uris.map { Target(uri: $0, hasAgreed: false) })
        case .failure(let fault): return Found(fault: fault)
        }
    }

    /// Of mail (RFC 9990 §4): those of a policy that are the domain's own, or agree. One that cannot be asked keeps none from the others.
    ///
    /// - parameter domain: where the policy was found.
    func dmarc(of domain: Domain, _ published: PolicyTally.Published) async throws -> Found {
        var found = Found()
        for uri in published.reportURIs.compactMap({ ReportURI($0) }) where found.targets.count < ReportTargets.most {
            // How a report on mail would be brought elsewhere nothing says (RFC 9990 §3.5).
            guard case .mail(let address) = uri.target else { continue }
            let host = address.domain.asciiForm ?? address.domain
            if isOwn(host, domain, published.organizationalDomain) {
                add([uri], hasAgreed: false, to: &found)
            } else if let name = ReportAuthorization.name(of: domain, at: host) {
                switch try await texts(of: name) {
                case .success(let texts): add(agreed(texts, uri, host), hasAgreed: true, to: &found)
                case .failure(let fault): found.fault = fault
                }
            }
        }
        found.targets = Array(found.targets.prefix(ReportTargets.most))
        return found
    }

    private func add(_ uris: [ReportURI], hasAgreed: Bool, to found: inout Found) {
        for uri in uris where !found.targets.contains(where: { $0.uri == uri }) { found.targets.append(Target(uri: uri, hasAgreed: hasAgreed)) }
    }

    private func texts(of name: Domain) async throws -> Result<[String], ResolverFault> {
        do { return .success(try await resolver.texts(of: name).records) } catch let fault as ResolverFault { return .failure(fault) }
    }

    /// The same organization, as far as the names tell: a name below the organizational domain counts as the organization's. A policy of a public suffix is not
    /// its registrants'.
    private func isOwn(_ host: Domain, _ domain: Domain, _ organization: Domain?) -> Bool {
        if host == domain { return true }
        guard let organization, domain == organization || domain.value.hasSuffix("." + organization.value) else { return false }
        return host == organization || host.value.hasSuffix("." + organization.value)
    }

    /// Those that it agrees to, by the texts that stand there.
    private func agreed(_ texts: [String], _ uri: ReportURI, _ host: Domain) -> [ReportURI] {
        guard let authorization = ReportAuthorization(texts) else { return [] }
        guard !authorization.targets.isEmpty else { return [uri] }
        // RFC 9990 §4: another host than the one that was asked is a loop, or worse; then nobody gets any.
        let isSame = authorization.targets.allSatisfy {
            if case .mail(let address) = $0.target { (address.domain.asciiForm ?? address.domain) == host } else { false }
        }
        return isSame ? authorization.targets : []
    }
}
