import Conversation
import MailModel
import NIOCore
import Rehearsal
import Testing

@testable import SMTP

@Suite struct LimitTests {
    @Test("a command line may have 2,048 octets with its CRLF, and no more: RFC 5321 §4.5.3.1.4")
    func commandLine() async throws {
        let house = try await House()
        let talk = try await house.talk()
        #expect(await talk.send("NOOP " + String(repeating: "x", count: 2041) + "\r\n") == "250 2.0.0 OK\r\n")
        #expect(await talk.send("NOOP " + String(repeating: "x", count: 2042) + "\r\n") == "500 5.5.2 Command line too long\r\n")
        #expect(await talk.sendByteByByte("NOOP " + String(repeating: "x", count: 2042) + "\r\n") == "500 5.5.2 Command line too long\r\n")
        #expect(await talk.send("NOOP " + String(repeating: "x", count: 9000) + "\rx\nMAIL\n\r\nNOOP\r\n").split(separator: "\r\n").count == 2)
        #expect(await talk.send("NOOP\r\n") == "250 2.0.0 OK\r\n")
    }

    @Test("S43: who hands in too much in a minute is told to try later, and stays; a message without a sender counts too")
    func userRate() async throws {
        let house = try await House(userRate: 4)
        // The login is the first.
        let talk = try await house.alicesTalk()
        for sender in ["<alice@example.test>", "<>", "<bob@example.test>"] {
            let reply = await talk.send("MAIL FROM:\(sender)\r\n")
            #expect(!reply.hasPrefix("451"), "\(sender)")
            _ = await talk.send("RSET\r\n")
        }
        for sender in ["<alice@example.test>", "<>"] {
            #expect(await talk.send("MAIL FROM:\(sender)\r\n") == "451 4.7.1 Too many messages in a short time; try again in a minute\r\n")
        }
        #expect(await talk.send("RCPT TO:<bob@example.test>\r\n").hasPrefix("503"))
        #expect(await talk.send("NOOP\r\n") == "250 2.0.0 OK\r\n")
        // Another of hers is told the same; a stranger's mail is not hers.
        let second = try await house.talk(.submissions)
        #expect(await second.send("AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l\r\n").hasPrefix("454 4.7.0"))
        let stranger = try await house.talk()
        #expect(await stranger.send("MAIL FROM:<alice@example.test>\r\n").hasPrefix("250"))
    }

    @Test("AUTH may have 12,288 octets, and each line of its exchange: RFC 4954 §4")
    func authLine() async throws {
        let house = try await House()
        let talk = try await house.talk(.submissions)
        let long = String(repeating: "A", count: 12_288 - "AUTH PLAIN \r\n".utf8.count)
        #expect(await talk.send("AUTH PLAIN \(long)\r\n").hasPrefix("501 5.5."))
        #expect(await talk.send("auth PLAIN \(long)A\r\n") == "500 5.5.2 Command line too long\r\n")
        #expect(await talk.send("AUTH PLAIN\r\n") == "334 \r\n")
        #expect(await talk.send(String(repeating: "A", count: 12_284) + "\r\n").hasPrefix("501 5.5."))
        #expect(await talk.send("AUTH PLAIN\r\n") == "334 \r\n")
        #expect(await talk.send(String(repeating: "A", count: 12_288) + "\r\n") == "500 5.5.2 Command line too long\r\n")
        #expect(await talk.send("NOOP\r\n") == "250 2.0.0 OK\r\n")
    }

    @Test("a line that never ends is the end")
    func endless() async throws {
        let house = try await House()
        let talk = try await house.talk()
        var sent = 0
        while !talk.isClosed, sent < 64 << 20 {
            let reply = await talk.send(ByteBuffer(repeating: 0x41, count: 65_536))
            if talk.isClosed { #expect(String(buffer: reply) == "500 5.5.2 Command line too long\r\n") }
            sent += 65_536
        }
        #expect(sent <= 2 << 20)
    }

    @Test("recipients beyond the limit are put off, and the others get their mail: RFC 5321 §4.5.3.1.10")
    func recipients() async throws {
        let house = try await House()
        let talk = try await house.talk { $0.recipientLimit = 100 }
        _ = await talk.send("MAIL FROM:<>\r\n")
        let replies = await talk.send(String(repeating: "RCPT TO:<alice@example.test>\r\n", count: 150)).split(separator: "\r\n")
        #expect(replies.count == 150 && replies.prefix(100).allSatisfy { $0.hasPrefix("250 2.1.5") })
        #expect(replies.dropFirst(100).allSatisfy { $0 == "452 4.5.3 Too many recipients" })
        _ = await talk.send("DATA\r\n")
        #expect(await talk.send("x\r\n.\r\n").hasPrefix("250"))
        #expect(try await house.mail(of: house.alice).count == 1)
    }

    @Test("a message's size is checked at MAIL and while it streams: RFC 1870 §6.1, §6.3", arguments: [64 << 10, 1_000])
    func size(_ pieceSize: Int) async throws {
        let house = try await House()
        let talk = try await house.talk {
            $0.messageLimit = 100_000
            $0.pieceSize = pieceSize
        }
        #expect(await talk.send("MAIL FROM:<> SIZE=100001\r\n") == "552 5.3.4 Message too large\r\n")
        #expect(await talk.send("MAIL FROM:<> SIZE=99999999999999999999\r\n") == "552 5.3.4 Message too large\r\n")
        for (size, reply) in [(100_000, "250 2.0.0"), (100_001, "552 5.3.4")] {
            await house.data(talk)
            let text = String(repeating: "a", count: size - 2) + "\r\n"
            for start in stride(from: 0, to: text.utf8.count, by: 7_001) {
                let piece = Array(text.utf8.dropFirst(start).prefix(7_001))
                #expect(await talk.send(piece).isEmpty)
            }
            #expect(await talk.send(".\r\n").hasPrefix(reply))
        }
        // Stuffing does not count, and the message is whole.
        await house.data(talk)
        #expect(await talk.send(String(repeating: "..\r\n", count: 33_333) + ".\r\n").hasPrefix("250 2.0.0"))
        let texts = try await house.texts(of: house.alice)
        #expect(texts.count == 2 && texts[1] == "\r\n" + String(repeating: ".\r\n", count: 33_333))
    }

    @Test("a sender who goes on past twice the limit is cut off")
    func overflow() async throws {
        let house = try await House()
        let talk = try await house.talk { $0.messageLimit = 100_000 }
        await house.data(talk)
        var (sent, said) = (0, "")
        while !talk.isClosed, sent < 10_000_000 {
            said += String(buffer: await talk.send(ByteBuffer(repeating: 0x41, count: 10_000)))
            sent += 10_000
        }
        #expect(said == "552 5.3.4 Message too large\r\n")
        #expect((200_000...250_000).contains(sent))
    }

    @Test("too many errors are the end, accepted mail forgives")
    func errors() async throws {
        let house = try await House()
        let talk = try await house.talk()
        for _ in 0..<19 { #expect(await talk.send("BOGUS\r\n") == "500 5.5.1 Command not recognized\r\n") }
        await house.data(talk)
        #expect(await talk.send(".\r\n").hasPrefix("250 2.0.0"))
        for _ in 0..<19 { #expect(await talk.send("BOGUS\r\n") == "500 5.5.1 Command not recognized\r\n") }
        #expect(await talk.send("BOGUS\r\nNOOP\r\n") == "421 4.7.0 Too many errors; closing the connection\r\n")
        #expect(talk.isClosed)
    }

    @Test("commands that bring no mail nearer count as errors beyond a hundred, and accepted mail forgives")
    func idleCommands() async throws {
        let house = try await House()
        let talk = try await house.talk()
        for command in ["NOOP", "RSET", "VRFY x", "HELP", "EHLO c.example"] {
            for _ in 0..<23 { #expect(await talk.send(command + "\r\n").hasPrefix("2")) }
        }
        await house.data(talk)
        #expect(await talk.send(".\r\n").hasPrefix("250 2.0.0"))
        for _ in 0..<119 { #expect(await talk.send("NOOP\r\n") == "250 2.0.0 OK\r\n") }
        #expect(await talk.send("RSET\r\nNOOP\r\n") == "421 4.7.0 Too many errors; closing the connection\r\n")
        #expect(talk.isClosed)
    }

    @Test(
        "HTTP and TLS on the port are ended at once, and nothing behind them is obeyed",
        arguments: ["GET / HTTP/1.1\r\n", "POST / HTTP/1.1\n", "connect x:25 HTTP/1.1\r\n", "Host: x\r\n", "\u{16}\u{3}\u{1}", "{}\r\n"])
    func foreign(_ text: String) async throws {
        let house = try await House()
        let talk = try await house.talk()
        #expect(await talk.send(text + "NOOP\r\n") == "221 2.7.0 This is SMTP; closing the connection\r\n")
        #expect(talk.isClosed)
    }

    @Test("a connection carries so many messages, as LIMITS says: RFC 9422 §4")
    func mails() async throws {
        let house = try await House()
        let talk = try await house.talk { $0.mailLimit = 2 }
        #expect(await talk.send("EHLO c.example\r\n").contains("LIMITS MAILMAX=2 RCPTMAX=1000\r\n"))
        #expect(await talk.send("MAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\nRSET\r\n").split(separator: "\r\n").count == 4)
        #expect(await talk.send("MAIL FROM:<>\r\n").hasPrefix("421 4.7.0"))
        #expect(talk.isClosed)
    }

    @Test("silence ends the session with 421, after 5 minutes, or 3 within text: RFC 5321 §4.5.3.2")
    func silence() async throws {
        let house = try await House()
        let talk = try await house.talk()
        #expect(talk.session.patience == .seconds(300))
        await house.data(talk)
        #expect(talk.session.patience == .seconds(180))
        #expect(await talk.expire() == "421 4.4.2 Timeout; closing the connection\r\n")
        #expect(talk.isClosed)
        #expect(await (try house.talk()).shutdown() == "421 4.3.2 The server is shutting down\r\n")
    }

    @Test("a chunk nobody wants is dropped up to the message limit: RFC 3030 §2")
    func unwantedChunk() async throws {
        let house = try await House()
        let talk = try await house.talk { $0.messageLimit = 1_000 }
        #expect(await talk.send("BDAT 1000 LAST\r\n" + String(repeating: "QUIT\r\n", count: 166)).isEmpty)
        #expect(await talk.send("QUITNOOP\r\n").split(separator: "\r\n").map { $0.prefix(9) } == ["503 5.5.1", "250 2.0.0"])
        #expect(await talk.send("BDAT 1001\r\n") == "503 5.5.1 Bad sequence of commands\r\n")
        #expect(talk.isClosed)
    }
}
