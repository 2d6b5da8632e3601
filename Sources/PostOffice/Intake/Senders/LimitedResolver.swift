import Conversation
import SenderTrust
import Synchronization

/// The same resolver, for a part of one message's judging: questions that come later than a moment, or beyond a number, are not asked, and time out. Whoever waits for
/// a message's verdicts waits no longer than that and one question's patience, and no message makes us ask without end.
final class LimitedResolver: Resolver {
    private let resolver: any Resolver
    private let most: Int
    private let end: ContinuousClock.Instant
    private let now: @Sendable () -> ContinuousClock.Instant
    private let asked = Atomic(0)

    /// What all judges but DMARC can ask, by their own limits: SPF twice, ten keys, a chain's 51, a client's names, a picture. No message uses it up.
    static let mostForProofs = 2 * SPFLimits.standard.questions + 10 + 51 + 30 + PolicyWalk.mostQuestions + 2
    /// The same for policies: nothing else that a message makes us ask keeps us from asking for them.
    static let mostForPolicies = MessageAuthors.mostDomains * PolicyWalk.mostQuestions

    init(_ resolver: any Resolver, most: Int, until end: ContinuousClock.Instant, _ now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.resolver = resolver
        self.most = most
        self.end = end
        self.now = now
    }

    func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> {
        guard now() < end, asked.add(1, ordering: .relaxed).newValue <= most else { throw ResolverFault.timedOut }
        return try await resolver.rdata(type, of: name)
    }
}
