package import Conversation
package import Logging
package import MailModel
package import Storage

/// What domains want of those that send to them (MTA-STS, RFC 8461): found by DNS and HTTPS, and kept until it ends.
///
/// - What is kept ends by its age, by a policy that says `none`, and by nothing else: not by a record that is gone, nor by a policy that cannot be fetched.
/// - Its age counts from when it was last fetched. It is fetched anew when the record has another id, and when half of its life is over, then also where the record
///   cannot be looked up.
/// - Whom nothing is known of sends as ever: so says RFC 8461 §3.3, and so it is where the store has lost what was kept.
package actor StrictTransport {
    package struct Finding: Hashable, Sendable {
        /// What holds now, and was not ended by the mode `none`; nil: mail goes as ever.
        package let policy: StrictTransportPolicy?
        /// Why the policy that the domain announces could not be had.
        package let failure: TLSFailure?
        /// The domain may have a policy, or another one, that could not be had now.
        package let isUnknown: Bool

        package init(policy: StrictTransportPolicy?, failure: TLSFailure? = nil, isUnknown: Bool = false) {
            self.policy = policy
            self.failure = failure
            self.isUnknown = isUnknown || failure != nil
        }
    }

    /// Seconds for which a domain's policy is not asked for again when it could not be had, under whatever id (RFC 8461 §3.3).
    static let retry: Int64 = 300
    /// That are kept, and their octets. Past them, those that were fetched longest ago go.
    static let mostKept = 10_000
    static let mostKeptOctets = 16 << 20
    /// At the same time: as many as the outbox looks up at once, so that nobody waits for those of others.
    private static let mostFetches = DeliverySchedule.Settings().lookups

    private let resolver: any Resolver
    private let source: StrictTransportSource
    private let store: any KeyValueStore
    private let clock: Timestamp.Clock
    private let log: Logger
    /// Domains whose policy is being looked for, and who waits for the answer too; nil: there is none, for whoever asked was cancelled.
    private var asking: [Domain: [CheckedContinuation<Finding?, Never>]] = [:]
    private var failures: [Domain: (until: Timestamp, failure: TLSFailure)] = [:]
    private var fetches = 0
    private var turns: [CheckedContinuation<Void, Never>] = []

    package init(resolver: any Resolver, fetcher: any WebFetcher, store: any KeyValueStore, clock: @escaping Timestamp.Clock, log: Logger) {
        self.resolver = resolver
        source = StrictTransportSource(fetcher)
        self.store = store
        self.clock = clock
        self.log = log
    }

    /// What a domain wants now. Asks DNS each time, the web where that says that there is something new; once for all that ask at the same time.
    /// - parameter domain: in ASCII; an address literal has no policy.
    ///
    /// Throws `CancellationError` alone.
    package func finding(for domain: Domain) async throws -> Finding {
        guard let name = StrictTransportRecord.name(of: domain), let host = Domain("mta-sts.\(domain.value)") else { return Finding(policy: nil) }
        while asking[domain] != nil {
            let finding = await withCheckedContinuation { asking[domain]?.append($0) }
            try Task.checkCancellation()
            if let finding { return finding }
        }
        asking[domain] = []
        let finding = await look(domain, name, host)
        for waiting in asking.removeValue(forKey: domain) ?? [] { waiting.resume(returning: Task.isCancelled ? nil : finding) }
        try Task.checkCancellation()
        return finding
    }

    private func look(_ domain: Domain, _ name: Domain, _ host: Domain) async -> Finding {
        let kept = kept(domain)
        let holding = kept?.policy.mode == StrictTransportPolicy.Mode.none ? nil : kept?.policy
        // A fault, and a record that is not there any more, end nothing.
        let id: String
        do {
            guard let record = StrictTransportRecord(try await resolver.texts(of: name).records) else { return Finding(policy: holding) }
            id = record.id
            if let kept, kept.id == id, !kept.isOld(clock()) { return Finding(policy: holding) }
        } catch {
            guard let kept else { return Finding(policy: nil, isUnknown: true) }
            // Who can keep the answer from us must not see the policy end by that: the web is another way. It stays under the id that is known.
            guard holding != nil, kept.isOld(clock()) else { return Finding(policy: holding) }
            id = kept.id
        }
        if let last = failures[domain], clock() < last.until { return Finding(policy: holding, failure: last.failure) }
        do throws(TLSFailure) {
            let policy = try await fetch(from: host)
            failures[domain] = nil
            await keep(KeptPolicy(id: id, fetched: clock(), policy: policy), of: domain)
            return Finding(policy: policy.mode == .none ? nil : policy)
        } catch {
            guard !Task.isCancelled else { return Finding(policy: holding) }
            remember(error, of: domain)
            return Finding(policy: holding, failure: error)
        }
    }

    /// For tests: who waits for what another is looking for, and for a turn to fetch.
    func waiting(for domain: Domain) -> Int { asking[domain]?.count ?? 0 }
    var turnsWanted: Int { turns.count }

    // MARK: Fetching

    private func fetch(from host: Domain) async throws(TLSFailure) -> StrictTransportPolicy {
        await takeTurn()
        defer { endTurn() }
        return try await source.policy(at: host)
    }

    private func takeTurn() async {
        guard fetches >= StrictTransport.mostFetches else { return fetches += 1 }
        await withCheckedContinuation { turns.append($0) }
    }

    private func endTurn() {
        if turns.isEmpty { fetches -= 1 } else { turns.removeFirst().resume() }
    }

    private func remember(_ failure: TLSFailure, of domain: Domain) {
        let now = clock()
        if failures.count >= StrictTransport.mostKept { failures = failures.filter { now < $0.value.until } }
        if failures.count >= StrictTransport.mostKept { failures.removeAll() }
        if failures[domain] == nil {
            log.notice(
                "A policy for TLS (MTA-STS) could not be had",
                metadata: ["domain": "\(domain)", "reason": "\(LogText.quoted(failure.reason))"])
        }
        failures[domain] = (Timestamp(rawValue: now.rawValue + StrictTransport.retry), failure)
    }

    // MARK: Keeping

    private func kept(_ domain: Domain) -> KeptPolicy? {
        do {
            guard let octets = try store.value(of: domain.value, in: .transportPolicies), let kept = KeptPolicy(octets), kept.holds(clock()) else { return nil }
            return kept
        } catch {
            log.error("Policies for TLS (MTA-STS) that were kept cannot be read, and are looked for anew: \(error)", metadata: ["domain": "\(domain)"])
            return nil
        }
    }

    private func keep(_ kept: KeptPolicy, of domain: Domain) async {
        do {
            var others = try store.values(in: .transportPolicies)
            others[domain.value] = nil
            let octets = kept.octets
            var changes = [KeyValueChange(.transportPolicies, domain.value, octets)]
            let size = others.reduce(StrictTransport.size(domain.value, octets)) { $0 + StrictTransport.size($1.key, $1.value) }
            if others.count >= StrictTransport.mostKept || size > StrictTransport.mostKeptOctets {
                changes += excess(others, size).map { KeyValueChange(.transportPolicies, $0, nil) }
            }
            try await store.change(changes)
        } catch {
            log.warning("A policy for TLS (MTA-STS) was not kept: \(error)", metadata: ["domain": "\(domain)"])
        }
    }

    /// Until nine tenths are left, so that this is not done each time: what has ended or cannot be read, then what was fetched longest ago.
    private func excess(_ all: [String: [UInt8]], _ size: Int) -> [String] {
        let now = clock()
        let ages = all.mapValues { octets in KeptPolicy(octets).map { $0.holds(now) ? $0.fetched.rawValue : .min } ?? .min }
        var (count, size) = (all.count, size)
        return ages.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key).prefix { key in
            guard count > StrictTransport.mostKept / 10 * 9 || size > StrictTransport.mostKeptOctets / 10 * 9 else { return false }
            count -= 1
            size -= StrictTransport.size(key, all[key] ?? [])
            return true
        }
    }

    private static func size(_ name: String, _ octets: [UInt8]) -> Int { name.utf8.count + octets.count }
}
