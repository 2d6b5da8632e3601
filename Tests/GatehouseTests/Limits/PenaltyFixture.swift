import Gatehouse
import Logging
import MailModel
import Storage
import Synchronization

/// Keeps values in memory, and counts writes.
final class CountingStore: KeyValueStore {
    private struct Kept {
        var values: [String: [UInt8]] = [:]
        var writes = 0
        var isBroken = false
    }

    private let kept = Mutex(Kept())

    var writes: Int { kept.withLock { $0.writes } }
    var count: Int { kept.withLock { $0.values.count } }

    func fail(_ isBroken: Bool) { kept.withLock { $0.isBroken = isBroken } }
    func put(_ text: String, at key: String) { kept.withLock { $0.values[key] = Array(text.utf8) } }

    func values(in keyspace: Keyspace) throws -> [String: [UInt8]] {
        try kept.withLock { kept in
            guard keyspace == .loginPenalties, !kept.isBroken else { throw StorageFault.corrupt("not there") }
            return kept.values
        }
    }

    func value(of key: String, in keyspace: Keyspace) throws -> [UInt8]? { try values(in: keyspace)[key] }

    func change(_ changes: [KeyValueChange]) async throws {
        try kept.withLock { kept in
            guard !kept.isBroken else { throw StorageFault.unavailable("the disk is gone") }
            kept.writes += 1
            for change in changes { kept.values[change.key] = change.value }
        }
    }
}

/// Penalties whose clocks are moved by hand.
struct PenaltyHouse {
    let clock = HandClock()
    let log = LogLines()
    let store: CountingStore
    let penalties: LoginPenalties

    init(_ store: CountingStore = CountingStore(), wall start: Int64 = 1_800_000_000, _ change: (inout LoginPenalties.Settings) -> Void = { _ in }) throws {
        self.store = store
        var settings = LoginPenalties.Settings()
        change(&settings)
        let exempt = try NetworkList("127.0.0.0/8 198.51.100.7")
        let (clock, began) = (clock, clock.instant)
        penalties = LoginPenalties(
            settings, key: Array(repeating: 7, count: 32), store: store, log: log.logger,
            clock: { Timestamp(rawValue: start + began.duration(to: clock.instant).components.seconds) }, monotonic: { clock.instant },
            isExempt: { exempt.contains($0) })
        penalties.load()
    }

    func trial(_ user: String, _ secret: String?, _ peer: String, isKnown: Bool = false) -> LoginTrial {
        // try?: what is no name is nobody's.
        let name = try? AccountName(user, defaultDomain: Domain("example.org"))
        var trial = penalties.trial(of: user, name: name, secret: secret.map { Password($0) }, from: peer)
        trial.isKnown = isKnown
        return trial
    }

    /// Fails so many times with as many secrets; what the last led to.
    @discardableResult
    func fail(_ count: Int, _ user: String = "alice", from peer: String, isKnown: Bool = false, first: Int = 0) -> LoginSetback {
        var last = LoginSetback()
        for number in 0..<count { last = penalties.failed(trial(user, "wrong \(first + number)", peer, isKnown: isKnown)) }
        return last
    }

    /// The same over so many accounts.
    @discardableResult
    func spray(_ count: Int, from peer: String, first: Int = 0) -> LoginSetback {
        var last = LoginSetback()
        for number in 0..<count { last = penalties.failed(trial("user\(first + number)", "wrong", peer)) }
        return last
    }

    func isBarred(_ user: String = "alice", from peer: String, isKnown: Bool = false) -> Bool {
        penalties.bars(trial(user, "right", peer, isKnown: isKnown))
    }

    func isBanned(_ peer: String) -> Bool { IPAddress(peer).map { penalties.isBanned($0) } ?? false }
}
