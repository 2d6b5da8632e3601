import Conversation
import Synchronization

/// The same resolver, for one message: questions that come later than a moment, or beyond a number, are not asked, and time out. Whoever waits for a message's
/// verdicts waits no longer than that and one question's patience, and no message makes us ask without end.
final class LimitedResolver: Resolver {
    private let resolver: any Resolver
    private let end: ContinuousClock.Instant
    private let now: @Sendable () -> ContinuousClock.Instant
    private let asked = Atomic(0)

    /// SPF with all its terms, ten keys, a tree walk and a chain's keys stay well below.
    private static let most = 300

    init(_ resolver: any Resolver, until end: ContinuousClock.Instant, _ now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.resolver = resolver
        self.end = end
        self.now = now
    }

    func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> {
        guard now() < end, asked.add(1, ordering: .relaxed).newValue <= LimitedResolver.most else { throw ResolverFault.timedOut }
        return try await resolver.rdata(type, of: name)
    }
}
