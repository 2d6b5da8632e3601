import Testing

@testable import Gatehouse

@Suite("The hashing thread's queue: places and turns, counted")
struct FairQueueTests {
    private typealias Queue = FairQueue<String>

    private func origin(_ site: String, _ account: String = "a", _ rank: Queue.Rank = .stranger) -> Queue.Origin {
        Queue.Origin(site: PeerPlace(site), account: account, rank: rank)
    }

    /// Names of those served, in order, and how long each had waited.
    private func drain(_ queue: inout Queue) -> [(job: String, waited: Int)] {
        var served: [(job: String, waited: Int)] = []
        while let next = queue.pop() { served.append((next.job, next.waited)) }
        return served
    }

    @Test("70 of one address never stand before a newcomer: it is served next, in whatever state the queue is", arguments: 1...70)
    func newcomer(after count: Int) {
        var queue = Queue(limits: .init(all: 96))
        for number in 0..<count { _ = queue.push("attack", from: origin("192.0.2.1", "user\(number)")) }
        if count.isMultiple(of: 2) { _ = queue.pop() }
        let before = queue.count
        #expect(queue.push("newcomer", from: origin("192.0.2.2", "alice")) == [])
        #expect(queue.count == before + 1)
        let waited = drain(&queue).first { $0.job == "newcomer" }?.waited
        #expect(waited == (count.isMultiple(of: 2) ? 0 : 1))
    }

    @Test("one address gets two thirds of the places, one account an eighth; the rest is refused")
    func bounds() {
        var queue = Queue(limits: .init(all: 96))
        let places = (0..<200).count { queue.push("x", from: origin("192.0.2.1", "user\($0)")) != nil }
        #expect(places == 64)
        var other = Queue(limits: .init(all: 96))
        #expect((0..<200).count { _ in other.push("x", from: origin("192.0.2.1", "alice")) != nil } == 12)
    }

    @Test("in a full queue a newcomer takes the newest place of whoever holds most; when all hold one, there is none")
    func displaced() {
        var queue = Queue(limits: .init(all: 4))
        for job in ["a1", "a2"] { #expect(queue.push(job, from: origin("192.0.2.1", job)) == []) }
        for job in ["b1", "b2"] { #expect(queue.push(job, from: origin("192.0.2.2", job)) == []) }
        #expect(queue.push("c1", from: origin("192.0.2.3", "c")) == ["b2"])
        #expect(queue.push("d1", from: origin("192.0.2.4", "d")) == ["a2"])
        #expect(queue.push("e1", from: origin("192.0.2.5", "e")) == nil)
        #expect(queue.push("known", from: origin("192.0.2.6", "f", .known)) == ["d1"])
        #expect(drain(&queue).map(\.job) == ["known", "a1", "b1", "c1"])
    }

    @Test("sites are served in turn, each one's in its own order; IPv6 counts by /64")
    func turns() {
        var queue = Queue(limits: .init(all: 96))
        for number in 1...3 { _ = queue.push("a\(number)", from: origin("2001:db8::\(number)", "a\(number)")) }
        for number in 1...2 { _ = queue.push("b\(number)", from: origin("2001:db8:0:1::1", "b\(number)")) }
        #expect(drain(&queue).map(\.job) == ["a1", "b1", "a2", "b2", "a3"])
    }

    @Test("many addresses that guess one account's password leave its owner's place alone, from a known network and from a new one")
    func owner() {
        var queue = Queue(limits: .init(all: 96))
        for number in 0..<40 { _ = queue.push("guess", from: origin("192.0.2.\(number % 4)", "alice")) }
        #expect(queue.count == 12)
        #expect(queue.push("abroad", from: origin("198.51.100.1", "alice")) == ["guess"])
        #expect(queue.push("home", from: origin("203.0.113.1", "alice", .known)) == ["guess"])
        let served = drain(&queue)
        #expect(served.first?.job == "home")
        #expect(served.firstIndex { $0.job == "abroad" } == 5)
    }

    @Test("who is known goes first, but strangers get every fourth turn")
    func ranks() {
        var queue = Queue(limits: .init(all: 96))
        for number in 0..<8 { _ = queue.push("known", from: origin("192.0.2.1", "k\(number)", .known)) }
        for number in 0..<3 { _ = queue.push("stranger", from: origin("192.0.2.2", "s\(number)")) }
        #expect(drain(&queue).enumerated().filter { $0.element.job == "stranger" }.map(\.offset) == [3, 7, 10])
    }

    @Test("new addresses without end do not keep an old one from its next turn")
    func stream() {
        var queue = Queue(limits: .init(all: 96))
        for number in 0..<3 { _ = queue.push("old", from: origin("192.0.2.1", "o\(number)")) }
        var served: [String] = []
        for number in 0..<12 {
            _ = queue.push("new", from: origin("198.51.100.\(number)", "n\(number)"))
            if let next = queue.pop() { served.append(next.job) }
        }
        #expect(served.count { $0 == "old" } == 3)
    }

    @Test("places that are taken away and given again leave nothing behind: any order of coming and going empties it")
    func emptied() {
        var queue = Queue(limits: .init(all: 8))
        var source = SplitMix(state: 7)
        var (taken, displaced, served) = (0, 0, 0)
        for _ in 0..<20_000 {
            if source.next() % 3 > 0 {
                let rank: Queue.Rank = source.next() % 4 == 0 ? .known : .stranger
                let from = origin("192.0.2.\(source.next() % 12)", "u\(source.next() % 5)", rank)
                guard let lost = queue.push("x", from: from) else { continue }
                taken += 1
                displaced += lost.count
            } else if queue.pop() != nil {
                served += 1
            }
            #expect(queue.count <= 8 && queue.count == taken - displaced - served)
        }
        #expect(drain(&queue).count == taken - displaced - served)
        #expect(queue.count == 0)
    }
}

/// A sequence that is the same at every run.
private struct SplitMix {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite("Where a peer is")
struct PeerPlaceTests {
    @Test("an IPv4 address by itself, IPv6 by its /64; networks are /24 and /64")
    func places() {
        #expect(PeerPlace("192.0.2.1") != PeerPlace("192.0.2.2"))
        #expect(PeerPlace("192.0.2.1").network == PeerPlace("192.0.2.200").network)
        #expect(PeerPlace("192.0.2.1").network != PeerPlace("192.0.3.1").network)
        #expect(PeerPlace("::ffff:192.0.2.1") == PeerPlace("192.0.2.1"))
        #expect(PeerPlace("2001:db8::1") == PeerPlace("2001:db8::ffff:0:0:1"))
        #expect(PeerPlace("2001:db8::1") != PeerPlace("2001:db8:0:1::1"))
        #expect(PeerPlace("no address") == PeerPlace("no address"))
        #expect(PeerPlace("") != PeerPlace("::"))
    }
}
