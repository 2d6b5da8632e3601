import MailModel
import PostOffice
import Synchronization
import Testing

@Suite("Senders of mail that is sent on: SRS")
struct SenderRewritingTests {
    private final class Clock: Sendable {
        private let day = Mutex<Int64>(20_000)
        var now: Timestamp { Timestamp(rawValue: day.withLock { $0 } * 86_400 + 3_600) }
        func pass(_ days: Int64) { day.withLock { $0 += days } }
    }

    private let clock = Clock()
    private let ours = Domain("example.org").unsafelyUnwrapped

    private func rewriting(_ secret: String = "0123456789abcdef") -> SenderRewriting {
        let clock = clock
        return SenderRewriting(secret: Array(secret.utf8), clock: { clock.now })
    }

    private func address(_ text: String) throws -> Address { try #require(Address(text)) }

    @Test(
        "a sender comes back as it was",
        arguments: [
            "ann@remote.example", "Ann.O'Hara+x=y@remote.example", "a=b=c@remote.example", "bücher@remote.example", "a b@remote.example",
            "x@xn--bcher-kva.example",
        ])
    func roundTrip(_ sender: String) throws {
        let (rewriting, sender) = (rewriting(), try address(sender))
        let ours = try #require(rewriting.rewritten(sender, at: ours))
        #expect(ours.localPart.hasPrefix("SRS0=") && ours.domain == self.ours && ours.localPart.utf8.count <= 64)
        #expect(rewriting.original(of: ours) == sender)
    }

    @Test("case does not matter on the way back, as some servers change it")
    func caseless() throws {
        let (rewriting, sender) = (rewriting(), try address("Ann@remote.example"))
        let ours = try #require(rewriting.rewritten(sender, at: ours))
        for local in [ours.localPart.lowercased(), ours.localPart.uppercased()] {
            let changed = try #require(Address(localPart: local, domain: self.ours))
            #expect(rewriting.original(of: changed)?.key == sender.key)
        }
        // Their first separator may be another.
        for separator in ["+", "-"] {
            let local = "SRS0" + separator + ours.localPart.dropFirst(5)
            let changed = try #require(Address(localPart: local, domain: self.ours))
            #expect(rewriting.original(of: changed) == sender)
        }
    }

    @Test("it is good for three weeks, and not again when the days have gone round")
    func expiry() throws {
        let (rewriting, sender) = (rewriting(), try address("ann@remote.example"))
        let ours = try #require(rewriting.rewritten(sender, at: ours))
        clock.pass(SenderRewriting.lifetime)
        #expect(rewriting.original(of: ours) == sender)
        clock.pass(1)
        #expect(rewriting.original(of: ours) == nil)
        clock.pass(500)
        #expect(rewriting.original(of: ours) == nil)
        // The days are counted in 1,024: one that is a day ahead is as old as can be.
        clock.pass(-523)
        #expect(rewriting.original(of: ours) == nil)
    }

    @Test("what was not made here, or was changed, stands for nobody: no open relay")
    func forged() throws {
        let ann = try address("ann@remote.example")
        let ours = try #require(rewriting().rewritten(ann, at: ours))
        #expect(rewriting("fedcba9876543210").original(of: ours) == nil)
        let parts = ours.localPart.split(separator: "=")
        for local in [
            "SRS0=\(parts[1])=\(parts[2])=remote.example=bob", "SRS0=\(parts[1])=\(parts[2])=other.example=ann", "SRS0=aaaaaaaa=\(parts[2])=remote.example=ann",
            "SRS0=\(parts[1])=aa=remote.example=ann", "SRS0", "SRS0=", "SRS0====", "SRS0=\(parts[1])=\(parts[2])=remote.example", "SRS1=\(parts[1])=h==x",
            "SRS1===",
            "srs0=\(parts[1])0=\(parts[2])=remote.example=ann",
        ] {
            let forged = try #require(Address(localPart: local, domain: self.ours))
            #expect(rewriting().original(of: forged) == nil, "\(local)")
        }
    }

    @Test("what another server has rewritten goes back to it, however many are on the way, and does not grow")
    func second() throws {
        let theirs = try address("SRS0=Hj+4=KQ=remote.example=Ann@forwarder.example")
        let first = try #require(rewriting().rewritten(theirs, at: ours))
        #expect(first.localPart.hasPrefix("SRS1=") && rewriting().original(of: first) == theirs)
        // One more server, with a secret of its own.
        let next = rewriting("another secret of it")
        let third = try #require(Domain("third.example"))
        let second = try #require(next.rewritten(first, at: third))
        #expect(second.localPart.hasPrefix("SRS1=") && second.localPart.utf8.count == first.localPart.utf8.count)
        #expect(next.original(of: second) == theirs)
        let dashed = try address("SRS0-Hj+4=KQ=remote.example=Ann@forwarder.example")
        let fourth = try #require(rewriting().rewritten(dashed, at: ours))
        #expect(rewriting().original(of: fourth) == dashed)
        // Nobody else may have us send to a forwarder.
        let changed = try #require(Address(localPart: first.localPart.replacing("Ann", with: "Eve"), domain: ours))
        #expect(rewriting().original(of: changed) == nil)
    }

    @Test("one that would be longer than a local part may be is none")
    func long() throws {
        let long = try address("bounces+12345-abcd-alice=example.org@em1234.mailings.example")
        #expect(rewriting().rewritten(long, at: ours) == nil)
    }
}
