import Crypto
import MailModel
import Storage
import Synchronization

/// An account's index: segments on disk, and what is in memory alone. A value of one moment; together they have every indexed body once.
struct AccountWords: Sendable {
    var segments: [SegmentRecord] = []
    var young = YoungShelf()
}

/// Words in memory that queries read while the indexer adds to them.
final class YoungShelf: Sendable {
    let words = Mutex(YoungWords())
}

/// Which segments there are, for queries and the indexer. The indexer alone changes it.
final class SearchShelf: Sendable {
    private let accounts = Mutex<[AccountID: AccountWords]>([:])
    let cache = SearchCache()

    func words(of account: AccountID) -> AccountWords? { accounts.withLock { $0[account] } }

    var all: [AccountID: AccountWords] { accounts.withLock { $0 } }

    /// What the indexer adds to; made when there is none.
    func young(of account: AccountID) -> YoungShelf {
        accounts.withLock { accounts in
            if let known = accounts[account] { return known.young }
            let new = AccountWords()
            accounts[account] = new
            return new.young
        }
    }

    func load(_ segments: [SegmentRecord]) {
        accounts.withLock { accounts in
            for segment in segments { accounts[segment.account, default: AccountWords()].segments.append(segment) }
        }
    }

    /// A segment takes the place of what was in memory, or of others.
    func put(_ segment: SegmentRecord?, for account: AccountID, insteadOf old: [SegmentRecord] = [], insteadOfYoung: Bool = false) {
        accounts.withLock { accounts in
            var words = accounts[account, default: AccountWords()]
            words.segments.removeAll { old.contains($0) }
            if let segment { words.segments.append(segment) }
            if insteadOfYoung { words.young = YoungShelf() }
            accounts[account] = words
        }
        cache.forget(old.map(\.id))
    }

    /// Nothing is indexed any more.
    func clear() {
        let old = accounts.withLock { accounts in
            defer { accounts = [:] }
            return accounts.values.flatMap(\.segments).map(\.id)
        }
        cache.forget(old)
    }

    func remove(_ account: AccountID) {
        let old = accounts.withLock { $0.removeValue(forKey: account)?.segments.map(\.id) ?? [] }
        cache.forget(old)
    }
}

/// Opened words and heads of segments, within a bound: what was used longest ago goes first.
final class SearchCache: Sendable {
    /// 64 MiB: the words of some two million messages.
    private static let most = 64 << 20

    struct Key: Hashable, Sendable {
        let segment: Int64
        /// -1: the head.
        let block: Int
    }

    enum Value: Sendable {
        case head(SegmentHead)
        case words([UInt8])

        var weight: Int {
            switch self {
            case .head(let head): head.bodies.count * 8 + 64
            case .words(let words): words.count + 64
            }
        }
    }

    private struct State {
        var values: [Key: (value: Value, used: UInt64)] = [:]
        var weight = 0
        var tick: UInt64 = 0
    }

    private let state = Mutex(State())

    func value(_ key: Key, _ load: () throws -> Value) rethrows -> Value {
        let known: Value? = state.withLock { state in
            state.tick += 1
            state.values[key]?.used = state.tick
            return state.values[key]?.value
        }
        if let known { return known }
        let value = try load()
        state.withLock { state in
            state.tick += 1
            if let old = state.values.updateValue((value, state.tick), forKey: key) { state.weight -= old.value.weight }
            state.weight += value.weight
            guard state.weight > SearchCache.most else { return }
            for (key, entry) in state.values.sorted(by: { $0.value.used < $1.value.used }) where state.weight > SearchCache.most * 3 / 4 {
                state.values[key] = nil
                state.weight -= entry.value.weight
            }
        }
        return value
    }

    func forget(_ segments: [Int64]) {
        guard !segments.isEmpty else { return }
        let gone = Set(segments)
        state.withLock { state in
            for (key, entry) in state.values where gone.contains(key.segment) {
                state.values[key] = nil
                state.weight -= entry.value.weight
            }
        }
    }
}

extension SearchFile {
    func head(of segment: SegmentRecord, _ key: SymmetricKey, in cache: SearchCache) throws -> SegmentHead {
        let value = try cache.value(SearchCache.Key(segment: segment.id, block: -1)) { .head(try head(of: segment, key)) }
        guard case .head(let head) = value else { return try head(of: segment, key) }
        return head
    }

    func words(_ block: Int, of segment: SegmentRecord, _ key: SymmetricKey, in cache: SearchCache) throws -> [UInt8] {
        let value = try cache.value(SearchCache.Key(segment: segment.id, block: block)) { .words(try words(block, of: segment, key)) }
        guard case .words(let words) = value else { return try words(block, of: segment, key) }
        return words
    }
}
