package import Conversation
package import MailModel

/// What is known of the servers of a next hop before they are asked: how each has to be spoken to, or that it is not asked now.
package struct DeliveryPolicies: Sendable {
    private let dane: DANE
    private let strictTransport: StrictTransport?

    /// - parameter resolver: whom the servers' records are asked of.
    /// - parameter strictTransport: nil: no domain's policy (MTA-STS) is looked for.
    package init(_ resolver: any Resolver, _ strictTransport: StrictTransport? = nil) {
        dane = DANE(resolver)
        self.strictTransport = strictTransport
    }

    struct Decisions: Sendable {
        /// By the place of the server in its route, and as many.
        let decisions: [TLSDecision]
        /// Seconds for which they hold.
        let ttl: Int
        /// Why the domain's policy (MTA-STS) could not be had.
        let policyFailure: TLSFailure?
        /// It may have one that could not be had now.
        let isPolicyUnknown: Bool
    }

    /// What decides for all addresses of a host alike.
    private struct Question: Hashable {
        let host: Domain
        let canonicalName: Domain?
        let isSecure: Bool
        let port: Int
    }

    /// - parameter domain: the recipients', in ASCII; nil: the servers are those of a route of the configuration.
    /// - parameter port: at which a server listens.
    ///
    /// Throws `CancellationError`.
    func decisions(for route: MailRoute, of domain: Domain?, port: (MailRoute.Server) -> Int) async throws -> Decisions {
        let questions = route.servers.map { Question(host: $0.host, canonicalName: $0.canonicalName, isSecure: $0.isSecure, port: port($0)) }
        async let policy = policy(of: domain)
        let findings = try await findings(for: Dictionary(zip(questions, route.servers), uniquingKeysWith: { first, _ in first }), route, domain)
        let found = try await policy
        return Decisions(
            // What DANE says of a server, be it that nobody knows, no other policy overrides (RFC 8461 §2): others speak of those alone that it leaves open.
            decisions: questions.map { question in
                let decision = findings[question]?.decision ?? .unpublished
                switch decision {
                case .unpublished: return found.policy?.decision(on: question.host) ?? .unpublished
                case .required(let requirement) where !requirement.terms.verification.isAuthenticating:
                    // Of records that nobody can use TLS alone is left (RFC 7672 §2.2): a policy that is enforced asks for that too, and for more.
                    guard let policy = found.policy, policy.mode == .enforce else { return decision }
                    return policy.decision(on: question.host)
                case .required, .passedOver: return decision
                }
            }, ttl: findings.values.map(\.ttl).min() ?? .max, policyFailure: found.failure, isPolicyUnknown: found.isUnknown)
    }

    private func policy(of domain: Domain?) async throws -> StrictTransport.Finding {
        guard let strictTransport, let domain = domain?.asciiForm else { return StrictTransport.Finding(policy: nil) }
        return try await strictTransport.finding(for: domain)
    }

    /// All are asked for at once.
    private func findings(for servers: [Question: MailRoute.Server], _ route: MailRoute, _ domain: Domain?) async throws -> [Question: DANE.Finding] {
        try await withThrowingTaskGroup(of: (Question, DANE.Finding).self) { group in
            for (question, server) in servers {
                group.addTask { (question, try await dane.finding(for: server, port: question.port, nextHop: domain, isSecure: route.isSecure)) }
            }
            var findings: [Question: DANE.Finding] = [:]
            for try await (question, finding) in group { findings[question] = finding }
            return findings
        }
    }
}

extension StrictTransportPolicy {
    /// RFC 8461 §4: a server that the policy names, in TLS, with a certificate by authorities for its name.
    package func decision(on host: Domain) -> TLSDecision {
        let unnamed = covers(host) ? nil : TLSFailure(.validation, "it is none of the servers that the domain's policy names (MTA-STS)")
        switch mode {
        case .none: return .unpublished
        case .enforce: if let unnamed { return .passedOver(PassedServer(host: host.value, policy: .sts, failure: unnamed)) }
        case .testing: break
        }
        let terms = TLSTerms(serverName: host.value, verification: .authorities(names: [host.value]))
        return .required(TLSRequirement(.sts, terms, isEnforced: mode == .enforce, knownFailure: unnamed))
    }
}
