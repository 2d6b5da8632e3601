import MailModel
import MessageFormat
import NIOCore
import PostOffice
import Storage
import Synchronization
import Testing

@testable import SMTP

@Suite("Messages made ones of 7 bits as they go out: RFC 6152 §3")
struct SevenBitConversionTests {
    private static let header =
        "From: a@example.test\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"

    /// All of it, in pieces of a size.
    private func text(_ message: OutgoingMessage, piece: Int) async throws -> ByteBuffer {
        var text = ByteBuffer()
        while text.readableBytes < message.size {
            let bytes = try await message.read(text.readableBytes..<text.readableBytes + piece)
            #expect(bytes.readableBytes == min(piece, message.size - text.readableBytes))
            guard bytes.readableBytes > 0 else { break }
            text.writeImmutableBuffer(bytes)
        }
        return text
    }

    @Test("what is read is what the recoder makes, whatever the pieces", arguments: [1_000, 65_536, 262_144])
    func pieces(_ piece: Int) async throws {
        let source = Self.header + String(repeating: "Grüße aus Köln, und noch viel mehr\r\n", count: 10_000)
        let message = try Carriage.message(source, traits: [.eightBit, .returnsFull], envelopeID: "id")
        let converted = try await SevenBitConversion.convert(message)
        let expected = SevenBitRecoder.recoded(ByteBuffer(string: source), try SevenBitSurvey.plan(ByteBuffer(string: source)))
        #expect(converted.size == expected.readableBytes && converted.traits == .returnsFull && converted.envelopeID == "id")
        #expect(converted.recipients == message.recipients && converted.reversePath == message.reversePath)
        #expect(try await text(converted, piece: piece) == expected)
    }

    @Test("it can be read again from the start, and from where it was read last: another server may be tried")
    func again() async throws {
        let source = Self.header + String(repeating: "ü\r\n", count: 60_000)
        let converted = try await SevenBitConversion.convert(try Carriage.message(source, traits: .eightBit))
        let whole = try await text(converted, piece: 100_000)
        #expect(try await text(converted, piece: 100_000) == whole)
        for start in [converted.size - 10, converted.size - 10, 50_000, 50_000, 0, converted.size] {
            let end = min(start + 5_000, converted.size)
            #expect(try await converted.read(start..<start + 5_000) == whole.getSlice(at: start, length: end - start))
        }
    }

    @Test("what is all ASCII goes as it is")
    func plain() async throws {
        let converted = try await SevenBitConversion.convert(try Carriage.message(Carriage.text, traits: .eightBit))
        #expect(converted.traits == [] && converted.size == Carriage.text.utf8.count)
        #expect(try await text(converted, piece: 100) == ByteBuffer(string: Carriage.text))
    }

    @Test("a server without 8BITMIME gets it; what cannot be converted is 5.6.3, and what cannot be read is tried later")
    func sending() async throws {
        let sink = Sink(Sink.Plan(offers: ["SIZE"]))
        let connection = try await Carriage.carrier(sink, convert: SevenBitConversion.convert).connect(to: try Carriage.server())
        let report = await connection.send(try Carriage.message(Self.header + "ü\r\n", traits: .eightBit))
        #expect(report.outcomes == [Carriage.taken])
        #expect(sink.texts.first?.contains("Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC\r\n") == true)
        let header = await connection.send(try Carriage.message("Subject: ü\r\n\r\nü\r\n", traits: .eightBit))
        guard case .impossible(let status, _, isPermanent: true) = header.outcomes.first else {
            Issue.record("\(header)")
            return
        }
        #expect(status == EnhancedStatus(5, 6, 3))
        let short = await connection.send(try Carriage.message(Self.header + "ü\r\n", traits: .eightBit, size: 10_000))
        guard case .impossible(_, _, isPermanent: false) = short.outcomes.first else {
            Issue.record("\(short)")
            return
        }
    }

    @Test("a message that breaks off while it goes out, after it was counted, is a fault")
    func shortened() async throws {
        let source = ByteBuffer(string: Self.header + String(repeating: "ü\r\n", count: 60_000))
        let isGone = Atomic(false)
        let template = try Carriage.message(Carriage.text, traits: .eightBit)
        let message = OutgoingMessage(
            reversePath: template.reversePath, recipients: template.recipients, traits: template.traits, envelopeID: nil, size: source.readableBytes
        ) { range in
            isGone.load(ordering: .relaxed) ? ByteBuffer() : source.getSlice(at: range.lowerBound, length: range.count) ?? ByteBuffer()
        }
        let converted = try await SevenBitConversion.convert(message)
        isGone.store(true, ordering: .relaxed)
        await #expect(throws: (any Error).self) { try await converted.read(0..<1_000) }
    }
}
