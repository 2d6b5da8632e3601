import Metrics
import Testing

@Suite("Names that count most, in bounded room (S86)")
struct TopListTests {
    private let start = ContinuousClock.now

    @Test("exact while there is room, those that count most first")
    func exact() {
        var list = TopList(most: 4, window: .seconds(60))
        for name in ["b", "a", "c", "a", "b", "a"] { list.add(name, at: start) }
        #expect(list.ranked(at: start).map(\.name) == ["a", "b", "c"])
        #expect(list.ranked(at: start).map(\.count) == [3, 2, 1] && list.ranked(at: start).allSatisfy { $0.excess == 0 })
        #expect(list.counts == ["a": 3, "b": 2, "c": 1])
    }

    @Test("who has more than their share stays in it, however many others come, and is counted for no less than they have")
    func flood() {
        var list = TopList(most: 10, window: .seconds(3_600))
        for number in 0..<10_000 {
            list.add("stranger\(number)", at: start)
            if number % 4 == 0 { list.add("regular", at: start) }
        }
        let ranked = list.ranked(at: start)
        #expect(ranked.count == 10)
        #expect(ranked.first?.name == "regular")
        #expect((ranked.first?.count ?? 0) >= 2_500)
        #expect(ranked.allSatisfy { $0.count - $0.excess >= 0 } && ranked.dropFirst().allSatisfy { $0.count - $0.excess <= 2 })
        // The sum is what was added: nothing is counted twice.
        #expect(ranked.reduce(0) { $0 + $1.count } == 12_500)
    }

    @Test("with each window that ends counts are halved, until they are gone")
    func fading() {
        var list = TopList(window: .seconds(60))
        for _ in 0..<5 { list.add("a", at: start) }
        list.add("b", at: start)
        #expect(list.ranked(at: start + .seconds(59)).map(\.count) == [5, 1])
        #expect(list.ranked(at: start + .seconds(60)).map(\.name) == ["a"])
        #expect(list.ranked(at: start + .seconds(60)).map(\.count) == [2])
        list.add("a", at: start + .seconds(90))
        #expect(list.counts == ["a": 3])
        #expect(list.ranked(at: start + .seconds(119)).map(\.count) == [3])
        #expect(list.ranked(at: start + .seconds(120)).map(\.count) == [1])
        #expect(list.ranked(at: start + .seconds(180)).isEmpty)
        #expect(list.ranked(at: start + .seconds(1 << 40)).isEmpty)
        // A clock that goes back forgets nothing.
        #expect(list.ranked(at: start - .seconds(1)).map(\.count) == [3])
    }

    @Test("a name of any length takes the room of a short one")
    func longNames() {
        var list = TopList(window: .seconds(60))
        list.add(String(repeating: "x", count: 100_000), at: start)
        list.add(String(repeating: "ü", count: 100_000), at: start)
        #expect(list.ranked(at: start).allSatisfy { $0.name.utf8.count <= 322 })
    }
}
