import NIOCore
import PostOffice
import Testing

@testable import SMTP

@Suite("BODY=BINARYMIME (RFC 3030 §3)")
struct BinaryTextTests {
    private static let header =
        "Date: d\r\nFrom: <alice@example.test>\r\nMessage-ID: <1@a>\r\nMIME-Version: 1.0\r\n"
    private static let binary =
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    private static let base64 =
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    /// NUL, bare CR, bare LF, what would end DATA, and an octet above 127.
    private static let octets: [UInt8] = [0x00, 0x0D, 0x41, 0x0A, 0x0D, 0x0A, 0x2E, 0x0D, 0x0A, 0xFF]

    private func submit(
        _ house: House, _ text: [UInt8], cut: Int = .max,
        _ change: (inout SMTPSettings) throws -> Void = { _ in }
    ) async throws -> String {
        let talk = try await house.alicesTalk { settings in
            settings.relay = RelayRules()
            try change(&settings)
        }
        #expect(await talk.send("MAIL FROM:<alice@example.test> BODY=BINARYMIME\r\n").hasPrefix("250"))
        #expect(
            await talk.send("RCPT TO:<bob@example.test>\r\nRCPT TO:<victim@remote.example>\r\n")
                .hasSuffix("250 2.1.5 Recipient OK\r\n"))
        var rest = text[...]
        while rest.count > cut {
            let reply = String(
                decoding: await talk.send(Array("BDAT \(cut)\r\n".utf8) + rest.prefix(cut)), as: UTF8.self)
            guard reply.hasPrefix("250") else { return reply }
            rest = rest.dropFirst(cut)
        }
        return String(
            decoding: await talk.send(Array("BDAT \(rest.count) LAST\r\n".utf8) + rest), as: UTF8.self)
    }

    private func multipart(_ part: String, _ octets: [UInt8]) -> [UInt8] {
        Array(
            (Self.header
                + "Content-Type: multipart/mixed; boundary=b\r\nBcc: <secret@remote.example>\r\n\r\n--b\r\n"
                + part).utf8) + octets
            + Array("\r\n--b--\r\n".utf8)
    }

    @Test(
        "binary parts are kept, and go on, as base64; the header is judged and mended as ever; however it is cut",
        arguments: [1, 7, 64, 1_000])
    func recoded(_ cut: Int) async throws {
        for pieceSize in [16 << 10, 48] {
            let house = try await House()
            let reply = try await submit(house, multipart(Self.binary, Self.octets), cut: cut) {
                $0.pieceSize = pieceSize
            }
            #expect(reply.hasPrefix("250 2.0.0"), "\(reply)")
            let text =
                Self.header + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + Self.base64
                + "AA1BCg0KLg0K/w==\r\n--b--\r\n"
            #expect(try await house.texts(of: house.bob) == [text])
            let queued = try #require(try await house.queue().first)
            #expect(
                House.withoutTrace(queued.text) == text && !queued.entry.draft.traits.contains(.eightBit))
        }
    }

    @Test("a message that is one binary part")
    func single() async throws {
        let house = try await House()
        #expect(
            try await submit(house, Array((Self.header + Self.binary).utf8) + Self.octets).hasPrefix(
                "250 2.0.0"))
        #expect(
            try await house.texts(of: house.bob) == [Self.header + Self.base64 + "AA1BCg0KLg0K/w==\r\n"])
    }

    @Test("outside binary parts a bare LF ends a line, and a bare CR or a NUL is refused")
    func lines() async throws {
        let house = try await House()
        let part = "Content-Type: text/plain\n\n"
        #expect(
            try await submit(house, multipart(part, Array("one\ntwo\r\n".utf8))).hasPrefix("250 2.0.0"))
        let text = try #require(try await house.texts(of: house.bob).first)
        #expect(text.hasSuffix("--b\r\nContent-Type: text/plain\r\n\r\none\r\ntwo\r\n\r\n--b--\r\n"))
        for octets in [Array("one\rtwo".utf8), Array("one\u{0}two".utf8), Array("\r\r\n".utf8)] {
            for cut in [1, Int.max] {
                let reply = try await submit(house, multipart(part, octets), cut: cut) { $0.pieceSize = 32 }
                #expect(reply.hasPrefix("550 5.5.2"), "\(reply)")
            }
        }
        #expect(try await submit(house, Array((Self.header + "\r\n\r").utf8)).hasPrefix("550 5.5.2"))
        #expect(try await house.mail(of: house.bob).count == 1)
        #expect(try await house.queue().count == 1)
    }

    @Test("its author is judged")
    func author() async throws {
        let house = try await House()
        let text = "From: <ceo@example.test>\r\n" + Self.binary
        #expect(try await submit(house, Array(text.utf8) + Self.octets).hasPrefix("550 5.7.1"))
        #expect(try await house.mail(of: house.bob).isEmpty)
    }

    @Test("DATA cannot carry it, and the MX does not know it")
    func refused() async throws {
        let house = try await House()
        let talk = try await house.alicesTalk()
        _ = await talk.send(
            "MAIL FROM:<alice@example.test> BODY=BINARYMIME\r\nRCPT TO:<bob@example.test>\r\n")
        #expect(await talk.send("DATA\r\n").hasPrefix("503 5.5.1"))
        #expect(await talk.send("BDAT 2 LAST\r\n\r\n").hasPrefix("250 2.0.0"))
        // The next one is text again.
        _ = await talk.send("MAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\n")
        #expect(await talk.send("BDAT 3 LAST\r\na\rb").hasPrefix("550 5.5.2"))
        let stranger = try await house.talk()
        #expect(
            await stranger.send("MAIL FROM:<a@remote.example> BODY=BINARYMIME\r\n").hasPrefix("555 5.5.4")
        )
    }
}
