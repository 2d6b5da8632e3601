import Logging
import MailModel
import MemoryStore
import NIOCore
import PostOffice
import Rehearsal
import SenderTrust
import Storage
import Synchronization
import Testing

@testable import SMTP

@Suite("Signatures written before messages as they go out: RFC 6376 §5; TRAPS §2.9")
struct MessageSigningTests {
    private static let now = Timestamp(rawValue: 1_795_307_700)
    private let keys: SigningKeys
    private let signing: MessageSigning
    private let domain: Domain

    init() async throws {
        let domain = try #require(Domain("example.test"))
        let keys = SigningKeys(store: MemoryStore(clock: { Self.now }), clock: { Self.now }) { try DKIMKey.generate($0) }
        self.domain = domain
        self.keys = keys
        for selector in ["one"] {
            _ = try await keys.generate([.ed25519SHA256], selector: selector, for: domain)
            try await keys.activate(selector, of: domain)
        }
        signing = MessageSigning(
            SigningDesk(keys: keys, serverName: domain, clock: { Self.now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) { $0 == domain })
    }

    /// What signs the octets as they are: the same key, time and text make the same signature.
    private func fields(of wire: String) async throws -> String {
        var signer = DKIMSigner(domain: domain, keys: try await keys.signing(for: domain), at: Self.now)
        signer.take(ByteBuffer(string: wire))
        return String(decoding: try signer.finish(), as: UTF8.self)
    }

    private func text(_ message: OutgoingMessage, piece: Int) async throws -> String {
        var text = ByteBuffer()
        while text.readableBytes < message.size {
            let bytes = try await message.read(text.readableBytes..<text.readableBytes + piece)
            #expect(bytes.readableBytes == min(piece, message.size - text.readableBytes))
            guard bytes.readableBytes > 0 else { break }
            text.writeImmutableBuffer(bytes)
        }
        return String(buffer: text)
    }

    @Test("the fields come first, all else stays as it is, however it is read", arguments: [1, 7, 200, 65_536])
    func reading(_ piece: Int) async throws {
        let source = "Received: by x\r\n" + Carriage.text + String(repeating: "line \r\n.\r\n", count: piece < 200 ? 10 : 20_000) + "\r\n\r\n"
        let message = try Carriage.message(source, traits: [.returnsFull, .smtpUTF8], origin: .own, envelopeID: "id")
        let signed = try await signing.sign(message)
        let fields = try await fields(of: source)
        #expect(fields.hasPrefix("DKIM-Signature: v=1;") && fields.hasSuffix("\r\n"))
        #expect(signed.size == source.utf8.count + fields.utf8.count)
        #expect(signed.traits == message.traits && signed.recipients == message.recipients && signed.reversePath == message.reversePath)
        #expect(signed.envelopeID == "id" && signed.origin == .own)
        #expect(try await text(signed, piece: piece) == fields + source)
    }

    @Test("what is passed on gets ARC fields of what was judged when it came, and the next server finds that the chain holds: RFC 8617 §5.1")
    func sealed() async throws {
        let results = "Authentication-Results: example.test;\r\n dmarc=pass header.from=other.example;\r\n arc=none\r\n"
        let source = "From: ann@other.example\r\nSubject: x\r\n\r\nHello\r\n"
        let sent = try await text(try await signing.sign(try Carriage.message(source, origin: .passedOn, head: results)), piece: 65_536)
        #expect(sent.hasSuffix(results + source))
        let names = NameTable()
        for (selector, key) in try await keys.signing(for: domain) {
            var strings: [UInt8] = []
            let record = Array(key.record.utf8)
            for start in stride(from: 0, to: record.count, by: 255) {
                let piece = record[start..<min(start + 255, record.count)]
                strings += [UInt8(piece.count)] + piece
            }
            try names.set(.txt, of: "\(selector)._domainkey.example.test", [strings])
        }
        func chain(_ text: String) async -> ARCVerdict {
            var observer = SignatureObserver()
            observer.take(ByteBuffer(string: text))
            observer.finish()
            return await observer.arc(resolver: names, now: Self.now)
        }
        let verdict = await chain(sent)
        #expect(verdict.result == .pass && verdict.links.map(\.domain) == [domain], "\(verdict.reason ?? "")")
        let found = try #require(verdict.links.first.flatMap { AuthenticationResults($0.results) })
        #expect(found.server == "example.test" && found.findings.map { "\($0.method)=\($0.result)" } == ["dmarc=pass", "arc=none"])
        #expect(found.findings.first?.value("header", "from") == "other.example")
        #expect(await chain(sent.replacing("Hello", with: "Hullo")).result == .fail)
        // A second server of ours that passes it on: the chain goes on.
        let again = "Authentication-Results: example.test; arc=pass; dmarc=fail header.from=other.example\r\n"
        let twice = await chain(try await text(try await signing.sign(try Carriage.message(sent, origin: .passedOn, head: again)), piece: 65_536))
        #expect(twice.result == .pass && twice.links.map(\.instance) == [1, 2], "\(twice.reason ?? "")")
    }

    @Test(
        "what nobody judged here, and what is our own, gets none",
        arguments: [("", QueueDraft.Origin.passedOn), ("example.test", .own), ("evil.example", .passedOn)])
    func unsealed(_ server: String, _ origin: QueueDraft.Origin) async throws {
        let results = server.isEmpty ? "" : "Authentication-Results: \(server); arc=none; dmarc=pass header.from=other.example\r\n"
        let message = try Carriage.message("From: ann@other.example\r\n\r\nHello\r\n", origin: origin, head: results)
        #expect(try await !text(try await signing.sign(message), piece: 65_536).contains("ARC-"))
    }

    @Test("what is hashed is what goes out: bare CR and LF, and a last line without its end, are lines on the wire; dots are not doubled in it")
    func lineEnds() async throws {
        let source = "From: a@example.test\nSubject: x\r\n\r\n.one\rtwo\nthree\r\n..\n\r.last"
        let wire = "From: a@example.test\r\nSubject: x\r\n\r\n.one\r\ntwo\r\nthree\r\n..\r\n\r\n.last\r\n"
        let sink = Sink(Sink.Plan(offers: ["SIZE"]))
        let connection = try await Carriage.carrier(sink, sign: signing.sign).connect(to: try Carriage.server())
        #expect(await connection.send(try Carriage.message(source, origin: .own)).outcomes == [Carriage.taken])
        let sent = try #require(sink.texts.first)
        #expect(sent.replacing("\r\n..", with: "\r\n.").hasSuffix(wire + ".\r\n") || sent.replacing("\r\n..", with: "\r\n.").hasSuffix(wire))
        #expect(sent.hasPrefix(try await fields(of: wire)))
    }

    @Test("it is signed after conversion, as the server gets it")
    func converted() async throws {
        let source = "From: a@example.test\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\u{fc}\r\n"
        let sink = Sink(Sink.Plan(offers: ["SIZE"]))
        let connection = try await Carriage.carrier(sink, convert: SevenBitConversion.convert, sign: signing.sign).connect(to: try Carriage.server())
        #expect(await connection.send(try Carriage.message(source, traits: .eightBit, origin: .own)).outcomes == [Carriage.taken])
        let sent = try #require(sink.texts.first)
        let start = try #require(sent.range(of: "From: a@example.test"))
        let rest = String(sent[start.lowerBound...])
        #expect(rest.contains("quoted-printable\r\n\r\n=C3=BC\r\n"))
        let wire = rest.hasSuffix("\r\n.\r\n") ? String(rest.dropLast(2)) : rest
        #expect(String(sent[..<start.lowerBound]) == (try await fields(of: wire)))
    }

    @Test("the size that the server is told, and that its limit is held against, has the fields")
    func size() async throws {
        let sink = Sink(Sink.Plan(offers: ["SIZE 300"]))
        let connection = try await Carriage.carrier(sink, sign: signing.sign).connect(to: try Carriage.server())
        let report = await connection.send(try Carriage.message(origin: .own))
        guard case .impossible(let status, _, isPermanent: true) = report.outcomes.first else {
            Issue.record("\(report)")
            return
        }
        #expect(status == EnhancedStatus(5, 3, 4))
        let wide = Sink(Sink.Plan(offers: ["SIZE 3000"]))
        let other = try await Carriage.carrier(wide, sign: signing.sign).connect(to: try Carriage.server())
        #expect(await other.send(try Carriage.message(origin: .own)).outcomes == [Carriage.taken])
        let length = try await fields(of: Carriage.text).utf8.count + Carriage.text.utf8.count
        #expect(wide.commands.contains { $0.contains("SIZE=\(length)") })
    }

    @Test("a message that is not ours to sign goes as it is; one that cannot be read is tried later; the header that says nothing of its author goes unsigned")
    func others() async throws {
        let sink = Sink(Sink.Plan(offers: ["SIZE"]))
        let connection = try await Carriage.carrier(sink, sign: signing.sign).connect(to: try Carriage.server())
        #expect(await connection.send(try Carriage.message()).outcomes == [Carriage.taken])
        #expect(await connection.send(try Carriage.message("Subject: x\r\n\r\nx\r\n", origin: .own)).outcomes == [Carriage.taken])
        #expect(sink.texts.count == 2 && sink.texts.allSatisfy { !$0.contains("DKIM-Signature") })
        let short = await connection.send(try Carriage.message(origin: .own, size: 10_000))
        guard case .impossible(_, _, isPermanent: false) = short.outcomes.first else {
            Issue.record("\(short)")
            return
        }
    }

    @Test("a try that is cancelled says nothing of the message, and does not count: it is none that cannot be read")
    func cancelled() async throws {
        func outcomes(
            _ message: OutgoingMessage, convert: SMTPCarrier.Conversion? = nil, sign: SMTPCarrier.Signing? = nil
        ) async throws -> [CarrierReport.Outcome] {
            let sink = Sink(Sink.Plan(offers: ["SIZE"]))
            let connection = try await Carriage.carrier(sink, convert: convert, sign: sign).connect(to: try Carriage.server())
            let outcomes = await connection.send(message).outcomes
            #expect(sink.texts.isEmpty)
            return outcomes
        }
        let two = try Carriage.message(to: ["b@remote.example", "c@remote.example"])
        #expect(try await outcomes(two, sign: { _ in throw CancellationError() }) == [.untried, .untried])
        #expect(try await outcomes(try Carriage.message(traits: [.eightBit]), convert: { _ in throw CancellationError() }) == [.untried])
        let whole = try Carriage.message()
        let unread = OutgoingMessage(whole, size: whole.size) { _ in throw CancellationError() }
        #expect(try await outcomes(OutgoingMessage(unread, traits: .smtpUTF8, size: whole.size, read: unread.read)) == [.untried])
        #expect(try await outcomes(unread) == [.untried])
    }

    @Test("50 MB are read twice, in pieces, and never held")
    func large() async throws {
        let line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n"
        let piece = ByteBuffer(string: String(repeating: line, count: 1_024))
        let header = ByteBuffer(string: Carriage.text)
        let size = header.readableBytes + 800 * piece.readableBytes
        let longest = Mutex(0)
        let total = Mutex(0)
        let message = OutgoingMessage(try Carriage.message(origin: .own), size: size) { range in
            longest.withLock { $0 = max($0, range.count) }
            var octets = ByteBuffer()
            var place = range.lowerBound
            while place < range.upperBound {
                let (source, offset) = place < header.readableBytes ? (header, place) : (piece, (place - header.readableBytes) % piece.readableBytes)
                let some = source.getSlice(at: offset, length: min(source.readableBytes - offset, range.upperBound - place)) ?? ByteBuffer()
                octets.writeImmutableBuffer(some)
                place += some.readableBytes
            }
            total.withLock { $0 += octets.readableBytes }
            return octets
        }
        let signed = try await signing.sign(message)
        #expect(signed.size > size && longest.withLock { $0 } <= 64 << 10)
        // The header for its author, and all of it to hash.
        #expect((size...size + (16 << 10)).contains(total.withLock { $0 }))
    }
}
