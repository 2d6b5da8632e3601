import Foundation
import NIOCore
import Rehearsal
import Testing

@testable import SMTP

@Suite struct SmugglingTests {
    static let ends = [
        "\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\r\n\0.\r\n", "\0\n.\r\n", "\r\n.\0\r\n", "\r\r\n.\n", "\r\n.\r\r\n",
    ]

    private func payload(_ end: String) -> String {
        "Subject: outer\r\n\r\nouter\(end)MAIL FROM:<evil@remote.example>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\nsmuggled\r\n.\r\n"
    }

    @Test("a false end of data ends nothing, split at every octet: CVE-2023-51764, RFC 5321 §4.1.1.4", arguments: ends)
    func falseEnd(_ end: String) async throws {
        let house = try await House()
        let payload = Array(payload(end).utf8)
        let talk = try await house.talk { $0.errorLimit = .max }
        for cut in 0...payload.count {
            await house.data(talk)
            let first = await talk.send(Array(payload[..<cut]))
            let second = await talk.send(Array(payload[cut...]))
            #expect(String(decoding: first + second, as: UTF8.self) == "550 5.5.2 Bare CR, bare LF or NUL in the message: only CRLF ends a line\r\n")
            #expect(await talk.send("NOOP\r\n") == "250 2.0.0 OK\r\n")
        }
        await house.data(talk)
        #expect(String(buffer: await talk.sendByteByByte(ByteBuffer(bytes: payload))).hasPrefix("550 5.5.2"))
        #expect(try await house.mail(of: house.alice).isEmpty)
    }

    @Test("the same text in BDAT is refused as well where it holds a bare CR or a NUL, split at every octet: RFC 3030 §2", arguments: ends.filter(isHopeless))
    func chunks(_ end: String) async throws {
        let house = try await House()
        let text = Array("Subject: outer\r\n\r\nouter\(end)more\r\n".utf8)
        let talk = try await house.talk { $0.errorLimit = .max }
        for cut in 0...text.count {
            _ = await talk.send("MAIL FROM:<sender@remote.example>\r\nRCPT TO:<alice@example.test>\r\n")
            let command = "BDAT \(cut)\r\n\(String(decoding: text[..<cut], as: UTF8.self))BDAT \(text.count - cut) LAST\r\n"
            let replies = await talk.send(Array(command.utf8) + text[cut...] + Array("NOOP\r\n".utf8))
            let codes = String(decoding: replies, as: UTF8.self).split(separator: "\r\n").map { $0.prefix(9) }
            #expect(codes == ["250 2.0.0", "550 5.5.2", "250 2.0.0"] || codes == ["550 5.5.2", "503 5.5.1", "250 2.0.0"], "cut at \(cut)")
        }
        #expect(try await house.mail(of: house.alice).isEmpty)
    }

    /// What is wrong with it is more than a bare LF.
    static func isHopeless(_ end: String) -> Bool {
        let rest = end.replacingOccurrences(of: "\r\n", with: "")
        return rest.contains("\r") || rest.contains("\0")
    }

    @Test(
        "a bare LF in BDAT becomes CRLF and ends nothing, split at every octet: RFC 3030 §2, docs/decisions/0012-bare-lf-in-bdat.md",
        arguments: ends.filter { !isHopeless($0) })
    func mendedChunks(_ end: String) async throws {
        let house = try await House()
        let sent = payload(end)
        let octets = Array(sent.utf8)
        let stored = sent.replacingOccurrences(of: "\r\n", with: "\n").replacingOccurrences(of: "\n", with: "\r\n")
        let talk = try await house.talk { $0.idleLimit = .max }
        for cut in 0...octets.count {
            _ = await talk.send("MAIL FROM:<sender@remote.example>\r\nRCPT TO:<alice@example.test>\r\n")
            let replies = await talk.send(
                Array("BDAT \(cut)\r\n".utf8) + octets[..<cut] + Array("BDAT \(octets.count - cut) LAST\r\n".utf8) + octets[cut...] + Array("NOOP\r\n".utf8))
            let codes = String(decoding: replies, as: UTF8.self).split(separator: "\r\n").map { $0.prefix(9) }
            #expect(codes == ["250 2.0.0", "250 2.0.0", "250 2.0.0"], "cut at \(cut)")
        }
        #expect(try await house.texts(of: house.alice) == Array(repeating: stored, count: octets.count + 1))
    }

    @Test("CRLF.CRLF is the end, split at every octet, and the next command may follow at once: RFC 2920 §3.1")
    func trueEnd() async throws {
        let house = try await House()
        let payload = Array("Subject: x\r\n\r\n..dot\r\n.\r\nNOOP\r\n".utf8)
        let talk = try await house.talk()
        for cut in 0...payload.count {
            await house.data(talk)
            let first = await talk.send(Array(payload[..<cut]))
            let second = await talk.send(Array(payload[cut...]))
            #expect(String(decoding: first + second, as: UTF8.self) == "250 2.0.0 Accepted as id-\(cut + 1)\r\n250 2.0.0 OK\r\n")
        }
        #expect(try await house.texts(of: house.alice) == Array(repeating: "Subject: x\r\n\r\n.dot\r\n", count: payload.count + 1))
    }

    @Test("octets behind DATA that come before 354 are an error and the end: RFC 2920 §3.1", arguments: ["x", "\r\n.\r\n", "QUIT\r\n"])
    func earlyText(_ text: String) async throws {
        let house = try await House()
        let talk = try await house.talk()
        let replies = await talk.send("MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n" + text)
        #expect(replies.hasSuffix("503 5.5.0 Text sent before 354; closing the connection\r\n"))
        #expect(talk.isClosed)
        #expect(try await house.mail(of: house.alice).isEmpty)
    }

    @Test(
        "what came in plain behind STARTTLS is dropped, and the session starts anew: RFC 3207 §4.2, CVE-2011-0411",
        arguments: ["", "NOOP\r\n", "EHLO evil.example\r\nMAIL FROM:<evil@remote.example>\r\n", "QUIT\r\n", "MAIL FR"])
    func injection(_ injected: String) async throws {
        let house = try await House()
        let talk = try await house.talk()
        _ = await talk.send("MAIL FROM:<a@remote.example>\r\n")
        #expect(await talk.send("STARTTLS\r\n" + injected) == "220 2.0.0 Ready to start TLS\r\n")
        #expect(await talk.secure() == "")
        #expect(await talk.send("RCPT TO:<alice@example.test>\r\n") == "503 5.5.1 Send EHLO first\r\n")
        #expect(await !talk.send("EHLO client.example\r\n").contains("STARTTLS"))
        #expect(await talk.send("STARTTLS\r\n").hasPrefix("502 5.5.1"))
    }

    @Test("a command line ends with CRLF alone: RFC 5321 §2.3.8")
    func commands() async throws {
        let house = try await House()
        let talk = try await house.talk()
        // One answer for the line, as soon as it is known to be none.
        #expect(await talk.send("MAIL FROM:<a@remote.example>\nRCPT TO:<alice@example.test>\n").hasPrefix("500 5.5.2"))
        #expect(await talk.send("\r\n") == "")
        #expect(await talk.send("RCPT TO:<alice@example.test>\r\n").hasPrefix("503 5.5.1"))
        #expect(await talk.send("NOOP\rQUIT\r\n").hasPrefix("500 5.5.2"))
        #expect(await talk.send("NOOP\0\r\n").hasPrefix("500 5.5.2"))
    }
}
