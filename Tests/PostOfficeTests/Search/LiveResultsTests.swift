import MailModel
import Testing

@testable import PostOffice

@Suite("Results that are kept up to date: RFC 5267")
struct LiveResultsTests {
    /// What a client makes of changes.
    private static func apply(_ change: ResultChange, to results: [UInt32]) -> [UInt32]? {
        var results = results
        for run in change.removed {
            for uid in run.uids {
                guard run.position > 0, run.position <= results.count, results[run.position - 1] == uid else { return nil }
                results.remove(at: run.position - 1)
            }
        }
        for run in change.added {
            guard run.position > 0, run.position <= results.count + 1 else { return nil }
            results.insert(contentsOf: run.uids, at: run.position - 1)
        }
        return results
    }

    @Test("whoever applies the changes of a sort has its results: RFC 5267 §4.3.2", arguments: 0..<40)
    func positions(seed: Int) throws {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let all = try (1...60).map { SortedMember(try #require(UID(rawValue: $0)), key: [UInt8(random(8))]) }
        var results = LiveResults(criteria: [SortCriterion(.size)], members: NumberSet())
        var told: [UInt32] = []
        for _ in 0..<30 {
            let moving = Set((0..<random(20)).map { _ in random(60) }).map { all[$0] }
            let gone = NumberSet(moving.filter { results.members.contains($0.uid) }.map { $0.uid...$0.uid })
            let change = results.change(gone: gone, new: moving.filter { !results.members.contains($0.uid) })
            told = try #require(LiveResultsTests.apply(change, to: told))
            #expect(told == results.order.map(\.uid))
            #expect(told == all.filter { results.members.contains($0.uid) }.sorted().map(\.uid))
        }
    }
}
