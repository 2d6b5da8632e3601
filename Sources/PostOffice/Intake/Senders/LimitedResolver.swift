import Conversation

/// The same resolver, until a moment: questions that come later are not asked, and time out. Whoever waits for a message's verdicts waits no longer than that, and one
/// question's patience.
struct LimitedResolver: Resolver {
    private let resolver: any Resolver
    private let end: ContinuousClock.Instant
    private let now: @Sendable () -> ContinuousClock.Instant

    init(_ resolver: any Resolver, until end: ContinuousClock.Instant, _ now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.resolver = resolver
        self.end = end
        self.now = now
    }

    func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> {
        guard now() < end else { throw ResolverFault.timedOut }
        return try await resolver.rdata(type, of: name)
    }
}
