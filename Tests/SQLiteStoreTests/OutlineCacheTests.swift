import MailModel
import MessageFormat
import Testing

@testable import SQLiteStore

@Suite("Outlines kept in memory")
struct OutlineCacheTests {
    private let alice = AccountID(rawValue: 1)
    private let bob = AccountID(rawValue: 2)

    private func ids(_ range: Range<Int64>) -> [BodyID] { range.map { BodyID(rawValue: $0) } }

    /// Keeps outlines of `size` octets, each full of its body's number, as one slab.
    private func keep(_ bodies: [BodyID], size: Int = 10, for account: AccountID, in cache: OutlineCache) {
        var octets: [UInt8] = []
        var ranges: [(body: BodyID, range: Range<Int>)] = []
        for body in bodies {
            ranges.append((body, octets.count..<octets.count + size))
            octets += [UInt8](repeating: UInt8(truncatingIfNeeded: body.rawValue), count: size)
        }
        cache.keep(octets, ranges, for: account)
    }

    @Test("what was kept is found, in the order asked for, and the rest is named")
    func finds() {
        let cache = OutlineCache(budget: 1 << 20)
        keep(ids(1..<4), for: alice, in: cache)
        keep(ids(7..<9), for: alice, in: cache)
        let (found, missing) = cache.find([8, 2, 5, 8, 1].map { BodyID(rawValue: $0) }, for: alice)
        #expect(missing == [2])
        #expect(found.map { $0.octets.first } == [8, 2, nil, 8, 1])
        #expect(found[0].octets.count == 10)
    }

    @Test("an account finds nothing that another's key has opened")
    func accounts() {
        let cache = OutlineCache(budget: 1 << 20)
        keep(ids(1..<4), for: alice, in: cache)
        #expect(cache.find(ids(1..<4), for: bob).missing == [0, 1, 2])
    }

    @Test("what an account lets go of is not found any more")
    func forgets() {
        let cache = OutlineCache(budget: 1 << 20)
        keep(ids(1..<4), for: alice, in: cache)
        keep(ids(1..<4), for: bob, in: cache)
        cache.forget(BodyID(rawValue: 2), of: alice)
        #expect(cache.find(ids(1..<4), for: alice).missing == [1])
        #expect(cache.find(ids(1..<4), for: bob).missing.isEmpty)
    }

    @Test("the budget holds; the oldest goes first, unless it was asked for")
    func budget() {
        let cache = OutlineCache(budget: 100_000)
        for slab in Int64(0)..<50 {
            keep(ids(slab * 10..<slab * 10 + 10), size: 400, for: alice, in: cache)
            // Somebody looks at the first all the time.
            _ = cache.find(ids(0..<10), for: alice)
            #expect(cache.cost <= 100_000)
        }
        #expect(cache.find(ids(0..<10), for: alice).missing.isEmpty)
        #expect(cache.find(ids(490..<500), for: alice).missing.isEmpty)
        #expect(cache.find(ids(10..<20), for: alice).missing.count == 10)
    }

    @Test("what an account lets go of gives its room back, though its neighbours stay")
    func room() {
        let cache = OutlineCache(budget: 100 << 20)
        for slab in Int64(0)..<100 { keep(ids(slab * 10..<slab * 10 + 10), size: 4_000, for: alice, in: cache) }
        let whole = cache.cost
        for body in ids(0..<1_000) where body.rawValue % 10 != 3 { cache.forget(body, of: alice) }
        #expect(cache.cost < whole / 4)
        let (found, missing) = cache.find([3, 993].map { BodyID(rawValue: $0) }, for: alice)
        #expect(missing.isEmpty)
        #expect(found.allSatisfy { $0.octets.count == 4_000 && Set($0.octets) == [UInt8(truncatingIfNeeded: $0 == found[0] ? 3 : 993)] })
        for body in ids(0..<1_000) { cache.forget(body, of: alice) }
        #expect(cache.cost == 0)
    }

    @Test("what is kept twice counts once it is let go of")
    func twice() {
        let cache = OutlineCache(budget: 1 << 20)
        keep(ids(0..<4), for: alice, in: cache)
        keep(ids(2..<6) + ids(3..<6), for: alice, in: cache)
        #expect(cache.find(ids(0..<6), for: alice).missing.isEmpty)
        for body in ids(0..<6) { cache.forget(body, of: alice) }
        #expect(cache.cost == 0)
    }
}
