import MailModel
import MessageFormat
import NIOCore
import PostOffice
import Rehearsal
import Testing

@testable import SMTP

/// Whose name a user's message may bear (RFC 5322 §3.6.2, RFC 6409 §6.1).
@Suite struct AuthorTests {
    static let taken = [
        "From: alice@example.test", "FROM : Alice <ALICE@Example.Test>", "From: \"bob@example.test\" <alice@example.test>",
        "From: =?utf-8?q?bob=40example.test?= <alice@example.test>", "From: alice@example.test (bob@example.test)",
        "From: <alice(c)@(c)example\r\n .test>", "From: alice@example.test <alice@example.test>", "From: Us: alice@example.test;",
        "From: News [EU] <alice@example.test>", "From: \"alice\"@example.test", "From: alice@example.test,\r\nSender: alice@example.test",
        "From: alice@example.test, postmaster@example.test\r\nSender: Alice <alice@example.test>", "Sender: alice@example.test", "Subject: none",
        "Reply-To: bob@example.test\r\nX-From: bob@example.test", "From: Bl\u{E4} <alice@example.test>",
    ]
    static let foreign = [
        "From: bob@example.test", "From: Alice <alice@remote.example>", "From: alice@example.test, bob@example.test\r\nSender: alice@example.test",
        "From: Us: alice@example.test, bob@example.test;\r\nSender: alice@example.test", "From: alice@example.test\r\nSender: bob@example.test",
        "Sender: bob@example.test", "From: nobody@example.test", "From: alice@[127.0.0.1]",
        "From: =?utf-8?q?alice?=@example.test", "From: \"alice@example.test\"@remote.example", "from\t: bob@example.test",
        "From: <alice@example.test.remote.example>", "From: al\u{455}ce@example.test",
    ]
    static let unclear = [
        "From: alice@example.test\r\nFrom: bob@example.test", "From: alice@example.test\r\nFrom: alice@example.test", "From:", "From: Alice", "From: <>",
        "From: alice@example.test <bob@example.test>", "From: bob@example.test <alice@example.test>", "From: A <alice@example.test> <bob@example.test>",
        "From: <alice@example.test> <alice@example.test>", "From: <<alice@example.test>>", "From: Bob <bob> <alice@example.test>",
        "From: alice@example.test bob@example.test", "From: alice@example.test>", "From: <alice@example.test", "From: <alice@example.test bob>",
        "From: \"alice@example.test", "From: (alice@example.test", "From: Us:;", "From: Us: alice@example.test", "From: alice@example.test;",
        "From: <@remote.example:alice@example.test>", "From: alice@bob@example.test", "From: Doe, Alice <alice@example.test>",
        "From: =?utf-8?q?alice=40example.test?=", "From: alice@example.test, postmaster@example.test",
        "From: alice@example.test\r\nSender: alice@example.test, postmaster@example.test",
        "From: alice@example.test\r\nSender: alice@example.test\r\nSender: alice@example.test", "From: alice@example.test\r\nSender:",
        "From: \(String(repeating: "alice@example.test,", count: 1_000))\r\nSender: alice@example.test",
    ]

    private func submit(_ header: String, _ house: House, pieceSize: Int = 64 << 10, chunked: Bool = false) async throws -> String {
        let talk = try await house.alicesTalk { $0.pieceSize = pieceSize }
        _ = await talk.send("MAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\n")
        let text = Array((header + "\r\n\r\nhello\r\n").utf8)
        guard !chunked else { return String(decoding: await talk.send(Array("BDAT \(text.count) LAST\r\n".utf8) + text), as: UTF8.self) }
        _ = await talk.send("DATA\r\n")
        return String(decoding: await talk.send(text + Array(".\r\n".utf8)), as: UTF8.self)
    }

    @Test("From and Sender may be the user's own addresses, however they are written", arguments: taken)
    func own(_ header: String) async throws {
        let house = try await House()
        for pieceSize in [64 << 10, 8] { #expect(try await submit(header, house, pieceSize: pieceSize).hasPrefix("250 2.0.0")) }
        #expect(try await submit(header, house, chunked: true).hasPrefix("250 2.0.0"))
        // What was judged is what ENVELOPE shows.
        for message in try await house.inbox(of: house.bob) {
            var scanner = MessageScanner()
            scanner.consume(ByteBuffer(bytes: message))
            let envelope = scanner.finish().envelope
            for address in envelope.from + envelope.sender where !address.isGroupStart && !address.isGroupEnd {
                #expect(["alice@example.test", "postmaster@example.test"].contains(address.addrSpec?.lowercased()))
            }
            #expect(!envelope.from.isEmpty)
        }
    }

    @Test("and no others", arguments: foreign)
    func refusesForeign(_ header: String) async throws {
        let house = try await House()
        for pieceSize in [64 << 10, 8] {
            #expect(
                try await submit(header, house, pieceSize: pieceSize) == "550 5.7.1 From and Sender must be addresses of yours\r\n")
        }
        #expect(try await submit(header, house, chunked: true).hasPrefix("550 5.7.1"))
        #expect(try await house.mail(of: house.bob).isEmpty)
    }

    /// What bob lets alice do, what she writes, and whether it is taken.
    static let delegated: [(right: SendRight, sender: String, header: String, isTaken: Bool)] = [
        (.onBehalf, "alice", "From: bob@example.test\r\nSender: alice@example.test", true),
        (.onBehalf, "alice", "From: bob@example.test", false),
        (.onBehalf, "alice", "From: bob@example.test\r\nSender: bob@example.test", false),
        (.onBehalf, "alice", "From: alice@example.test\r\nSender: bob@example.test", false),
        (.onBehalf, "alice", "From: alice@example.test, bob@example.test\r\nSender: alice@example.test", true),
        (.onBehalf, "alice", "From: nobody@example.test\r\nSender: alice@example.test", false),
        (.asOwner, "alice", "From: bob@example.test", true),
        (.asOwner, "bob", "From: bob@example.test", true),
        (.asOwner, "bob", "From: bob@example.test\r\nSender: bob@example.test", true),
        (.asOwner, "bob", "From: nobody@example.test\r\nSender: bob@example.test", false),
    ]

    @Test("a delegate sends as the owner, or on the owner's behalf with a Sender that is the delegate's", arguments: delegated.indices)
    func delegates(_ index: Int) async throws {
        let (right, sender, header, isTaken) = AuthorTests.delegated[index]
        let house = try await House()
        try await house.directory.set(right, of: "alice", inTheNameOf: "bob")
        let talk = try await house.alicesTalk()
        _ = await talk.send("MAIL FROM:<\(sender)@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n")
        let answer = await talk.send(Array((header + "\r\n\r\nhello\r\n.\r\n").utf8))
        #expect(String(decoding: answer, as: UTF8.self).hasPrefix(isTaken ? "250 2.0.0" : "550 5.7.1"))
        #expect(try await house.mail(of: house.bob).count == (isTaken ? 1 : 0))
    }

    @Test("the envelope's sender is one's own, or one's that may be sent as")
    func delegatedEnvelope() async throws {
        for (right, answer) in [(SendRight.none, "553 5.7.1"), (.onBehalf, "553 5.7.1"), (.asOwner, "250 2.1.0")] {
            let house = try await House()
            try await house.directory.set(right, of: "alice", inTheNameOf: "bob")
            let talk = try await house.alicesTalk()
            #expect(await talk.send("MAIL FROM:<bob@example.test>\r\n").hasPrefix(answer), "\(right)")
        }
    }

    @Test("what two readers may read in two ways is refused, not guessed", arguments: unclear)
    func refusesUnclear(_ header: String) async throws {
        let house = try await House()
        for pieceSize in [64 << 10, 8] {
            #expect(
                try await submit(header, house, pieceSize: pieceSize)
                    == "550 5.7.1 From and Sender must say clearly, and once, whose message it is\r\n")
        }
        #expect(try await house.mail(of: house.bob).isEmpty)
    }

    @Test("what comes from elsewhere is not judged so", arguments: [foreign, unclear])
    func fromElsewhere(_ headers: [String]) async throws {
        let house = try await House()
        let talk = try await house.talk()
        for header in headers {
            await house.data(talk, to: ["bob@example.test"])
            #expect(await talk.send(header + "\r\n\r\nhello\r\n.\r\n").hasPrefix("250 2.0.0"))
            #expect(try await house.texts(of: house.bob).last == header + "\r\n\r\nhello\r\n")
        }
    }

    @Test("behind a header that is larger than what is held it is judged too")
    func behind() async throws {
        let house = try await House()
        let long = String(repeating: "X-Long: \(String(repeating: "y", count: 990))\r\n", count: 400)
        #expect(try await submit(long + "From: bob@example.test", house).hasPrefix("550 5.7.1"))
        #expect(try await submit(long + "From: alice@example.test", house).hasPrefix("250 2.0.0"))
        #expect(try await house.mail(of: house.bob).count == 1)
    }

    @Test("a report of a mail client, whose sender is nobody, gets the user's own From: RFC 8098 §2.1")
    func nullSender() async throws {
        let house = try await House()
        let talk = try await house.alicesTalk()
        _ = await talk.send("MAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n")
        #expect(await talk.send("Subject: read\r\nDate: x\r\nMessage-ID: <a@b>\r\n\r\n.\r\n").hasPrefix("250"))
        #expect(try await house.texts(of: house.bob) == ["From: alice@example.test\r\nSubject: read\r\nDate: x\r\nMessage-ID: <a@b>\r\n\r\n"])
    }

    @Test("whose an address is cannot be looked up: later, not yes")
    func lookup() async throws {
        let house = try await House()
        let talk = try await house.alicesTalk()
        _ = await talk.send("MAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n")
        try #require(house.memory).fail([.accounts, .look], with: .unavailable("disk"))
        #expect(await talk.send("From: alice@example.test\r\n\r\nx\r\n.\r\n").hasPrefix("451 4.3.0"))
        try #require(house.memory).fail([.accounts, .look], with: nil)
        #expect(try await house.mail(of: house.bob).isEmpty)
    }
}
