package import Conversation
import MailModel

/// What is known of the servers of a next hop before they are asked: how each has to be spoken to, or that it is not asked now.
package struct DeliveryPolicies: Sendable {
    private let dane: DANE

    /// - parameter resolver: whom the servers' records are asked of.
    package init(_ resolver: any Resolver) { dane = DANE(resolver) }

    struct Decisions: Sendable {
        /// By the place of the server in its route, and as many.
        let decisions: [TLSDecision]
        /// Seconds for which they hold.
        let ttl: Int
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
        let findings = try await findings(for: Dictionary(zip(questions, route.servers), uniquingKeysWith: { first, _ in first }), route, domain)
        return Decisions(
            // What DANE says of a server, be it that nobody knows, no other policy overrides (RFC 8461 §2): others speak of those alone that it leaves open.
            decisions: questions.map { findings[$0]?.decision ?? .unpublished }, ttl: findings.values.map(\.ttl).min() ?? .max)
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
