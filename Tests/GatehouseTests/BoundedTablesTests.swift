import MailModel
import Testing

@testable import Gatehouse

@Suite("The gatekeeper's tables are bounded")
struct BoundedTablesTests {
    private let start = ContinuousClock.now

    @Test("a network is known for 30 days after a success from its /24; eight of an account, and no more accounts than allowed")
    func networks() {
        let known = KnownNetworks(capacity: 3)
        let alice = AccountID(rawValue: 1)
        known.saw(PeerPlace("192.0.2.1").network, of: alice, at: start)
        #expect(known.knows(PeerPlace("192.0.2.99").network, of: alice, at: start))
        #expect(!known.knows(PeerPlace("192.0.3.1").network, of: alice, at: start))
        #expect(!known.knows(PeerPlace("192.0.2.1").network, of: AccountID(rawValue: 2), at: start))
        #expect(known.knows(PeerPlace("192.0.2.1").network, of: alice, at: start + .seconds(30 * 86_400 - 1)))
        #expect(!known.knows(PeerPlace("192.0.2.1").network, of: alice, at: start + .seconds(30 * 86_400)))
        for number in 1...8 { known.saw(PeerPlace("198.51.\(number).1").network, of: alice, at: start) }
        #expect(!known.knows(PeerPlace("192.0.2.1").network, of: alice, at: start))
        #expect(known.knows(PeerPlace("198.51.1.1").network, of: alice, at: start))
        for number in 2...20 {
            let account = AccountID(rawValue: Int64(number))
            known.saw(PeerPlace("192.0.2.1").network, of: account, at: start)
            #expect(known.knows(PeerPlace("192.0.2.1").network, of: account, at: start))
            #expect(known.count <= 3)
        }
    }

    @Test("of addresses beyond those that are told apart nothing is lost either: they share a count")
    func shares() {
        var shares = LineShares<Int>(share: 2, length: .seconds(60), capacity: 4)
        var written = 0
        for round in 0..<5 {
            for key in 0..<100 {
                let entry = shares.enter(key, from: "\(key)", at: start + .seconds(round))
                #expect(entry.rests.isEmpty)
                written += entry.isWritten ? 1 : 0
            }
        }
        #expect(shares.count == 4 && written == 4 * 2 + 2)
        let rests = shares.due(at: start + .seconds(70))
        #expect(written + rests.reduce(0) { $0 + $1.count } == 500)
        #expect(rests.count == 5 && rests.count { $0.key == nil } == 1)
        #expect(shares.count == 0 && shares.all(at: start + .seconds(70)).isEmpty)
        // The next minute has room for others.
        let entry = shares.enter(7, from: "7", at: start + .seconds(71))
        #expect(entry.isWritten && entry.rests.isEmpty)
    }
}
