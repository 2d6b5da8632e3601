import MailModel
import MessageFormat
import NIOCore
import PostOffice
import Testing

@testable import SMTP

/// The text and its end: what is promised, what is lost, what may have arrived.
@Suite struct TextSendingTests {
    static let long = "Subject: x\r\n\r\n" + String(repeating: "0123456789\r\n", count: 20_000)

    static func interrupted(_ reason: String, sent: Bool) -> CarrierReport {
        CarrierReport(outcomes: [.interrupted(reason, wasSent: sent)], isUsable: false)
    }

    @Test("the answer to the dot is waited for ten minutes, and no MAIL is sent while it is due: RFC 5321 §4.5.3.2.6, TRAPS §1.1")
    func silentDot() async throws {
        let sink = Sink(Sink.Plan(answers: [".": [""]]))
        let connection = try await Carriage.connect(sink)
        #expect(await connection.send(try Carriage.message()) == Self.interrupted("no answer came in time", sent: true))
        #expect(sink.waits == [.seconds(600)])
        let count = sink.commands.count
        #expect(await connection.send(try Carriage.message()).outcomes == [.untried])
        #expect(sink.commands.count == count && sink.isLeft)
    }

    @Test(
        "what the end of the text is answered with",
        arguments: [
            ("451 4.3.0 later\r\n", CarrierReport(outcomes: [SendingTests.refused(451, "4.3.0", "later", forGood: false)], isUsable: true)),
            ("550 5.7.1 spam\r\n", CarrierReport(outcomes: [SendingTests.refused(550, "5.7.1", "spam", forGood: true)], isUsable: true)),
            ("552 5.2.2 full\r\n", CarrierReport(outcomes: [SendingTests.refused(552, "5.2.2", "full", forGood: true)], isUsable: true)),
            ("✂", interrupted("the connection was closed", sent: true)), ("250 2.0.0 tak✂", interrupted("the connection was closed", sent: true)),
            ("354 go on\r\n", interrupted("a reply out of turn: 354 go on", sent: true)), ("yes\r\n", interrupted("what was answered is no reply", sent: true)),
            ("250 2.0.0 taken\r\n250 2.0.0 taken\r\n", CarrierReport(outcomes: [Carriage.taken], isUsable: false)),
            ("250 2.0.0 taken\r\n✂", CarrierReport(outcomes: [Carriage.taken], isUsable: true)),
        ])
    func dots(answer: String, report: CarrierReport) async throws {
        #expect(try await Carriage.report(Sink.Plan(answers: [".": [answer]])).0 == report)
    }

    @Test("10 MB in answer to the dot: it may have arrived, and no more is read than what shows that it is no reply")
    func flood() async throws {
        let (report, sink) = try await Carriage.report(Sink.Plan(answers: [".": [String(repeating: "250-x\r\n", count: 1_500_000)]]))
        #expect(report == Self.interrupted("a reply was too long", sent: true))
        #expect(sink.octetsRead < 70 * 1024)
    }

    @Test(
        "refused and closed in the midst of the text: the refusal counts, not the broken pipe (TRAPS §1.13)",
        arguments: [("550 5.7.1 listed", true), ("452 4.3.1 full", false)])
    func refusedMidway(words: String, forGood: Bool) async throws {
        let (report, sink) = try await Carriage.report(Sink.Plan(interruption: (70_000, words + "\r\n✂")), try Carriage.message(Self.long))
        guard case .refused(let reply, forGood) = report.outcomes[0] else {
            Issue.record("\(report.outcomes)")
            return
        }
        #expect(reply.written == words && !report.isUsable && sink.texts.isEmpty)
    }

    @Test("refused in the midst of the text by who goes on reading: no dot is sent, and the refusal counts")
    func refusedWhileReading() async throws {
        let (report, sink) = try await Carriage.report(Sink.Plan(interruption: (70_000, "552 5.3.4 enough\r\n")), try Carriage.message(Self.long))
        #expect(report == CarrierReport(outcomes: [SendingTests.refused(552, "5.3.4", "enough", forGood: true)], isUsable: false))
        #expect(sink.texts.isEmpty && sink.isLeft)
    }

    @Test("a welcome before the end is a lie, and counts for nothing", arguments: ["250 2.0.0 taken\r\n", "354 go on\r\n", "25"])
    func lies(words: String) async throws {
        let (report, sink) = try await Carriage.report(Sink.Plan(interruption: (70_000, words)), try Carriage.message(Self.long))
        guard case .interrupted(let reason, wasSent: false) = report.outcomes[0] else {
            Issue.record("\(report.outcomes)")
            return
        }
        #expect(reason.hasPrefix("a reply out of turn") && !report.isUsable && sink.texts.isEmpty)
    }

    @Test("a welcome that comes with 354 is one too")
    func earlyLie() async throws {
        let (report, sink) = try await Carriage.report(Sink.Plan(answers: ["DATA": ["354 go on\r\n250 2.0.0 taken\r\n"]]))
        #expect(report == Self.interrupted("a reply out of turn: more than 354 to DATA", sent: false))
        #expect(sink.texts.isEmpty)
    }

    @Test("cut in the midst of the text without a word: not sent", arguments: [true, false])
    func cut(resets: Bool) async throws {
        let (report, sink) = try await Carriage.report(Sink.Plan(interruption: (70_000, "✂"), resets: resets), try Carriage.message(Self.long))
        #expect(report == Self.interrupted("the connection was closed", sent: false))
        #expect(sink.texts.isEmpty)
    }

    @Test("who takes nothing any more is left after three minutes: RFC 5321 §4.5.3.2.5")
    func stalled() async throws {
        let (report, sink) = try await Carriage.report(Sink.Plan(stallsAfter: 70_000), try Carriage.message(Self.long))
        #expect(report == Self.interrupted("nothing more was taken in time", sent: false))
        #expect(sink.waits.first == .seconds(180))
    }

    @Test("a message that cannot be read here is nobody's refusal, and ends without a dot", arguments: [true, false])
    func unreadable(isEmpty: Bool) async throws {
        struct Broken: Error {}
        let whole = try Carriage.message(Self.long)
        let message = OutgoingMessage(
            reversePath: whole.reversePath, recipients: whole.recipients, traits: [], envelopeID: nil, size: whole.size,
            read: { range in
                guard range.lowerBound > 0 else { return try await whole.read(range) }
                if isEmpty { return ByteBuffer() }
                throw Broken()
            })
        let (report, sink) = try await Carriage.report(Sink.Plan(), message)
        let status = try #require(EnhancedStatus(4, 3, 0))
        #expect(report == CarrierReport(outcomes: [.impossible(status, "the message cannot be read here", isPermanent: false)], isUsable: false))
        #expect(sink.texts.isEmpty && sink.isLeft)
    }

    @Test("bare CR and LF, and dots, cannot end it before its end: TRAPS §1.18", arguments: [1, 2, 3, 5, 64])
    func smuggling(piece: Int) async throws {
        var settings = ClientSettings()
        settings.piece = piece
        let text = "A: b\n\r\nx\n.\nMAIL FROM:<e@vil>\r.\r\n.\r\ny\r\r\n.\r"
        let (report, sink) = try await Carriage.report(Sink.Plan(), try Carriage.message(text), settings)
        #expect(report.outcomes == [Carriage.taken])
        #expect(sink.texts == ["A: b\r\n\r\nx\r\n..\r\nMAIL FROM:<e@vil>\r\n..\r\n..\r\ny\r\n\r\n..\r\n.\r\n"])
        #expect(sink.commands.count == 4)
    }

    // MARK: CHUNKING

    static let chunking = ["CHUNKING", "8BITMIME"]

    @Test("BDAT where it is offered: the same text, no dots: RFC 3030 §2", arguments: [true, false], [1, 7, 1_000])
    func chunks(isPipelining: Bool, chunk: Int) async throws {
        var settings = ClientSettings()
        settings.chunk = chunk
        let text = ".a\r\nb\nc\r\n.\r\n" + (chunk == 1 ? "" : String(repeating: "x\r\n", count: 50)) + "end"
        let (report, sink) = try await Carriage.report(
            Sink.Plan(offers: Self.chunking + (isPipelining ? ["PIPELINING"] : [])), try Carriage.message(text), settings)
        #expect(report == CarrierReport(outcomes: [Carriage.taken], isUsable: true))
        #expect(sink.texts == [text.replacing("b\nc", with: "b\r\nc") + "\r\n"])
        #expect(!sink.commands.contains("DATA") && sink.commands.last?.hasSuffix(" LAST") == true)
    }

    @Test("an empty message is one")
    func empty() async throws {
        for offers in [Self.chunking, []] {
            let (report, sink) = try await Carriage.report(Sink.Plan(offers: offers), try Carriage.message(""))
            #expect(report == CarrierReport(outcomes: [Carriage.taken], isUsable: true))
            #expect(sink.texts == [offers.isEmpty ? ".\r\n" : ""])
        }
    }

    @Test("a chunk that is refused: the refusal counts, and the connection is not used again", arguments: [true, false])
    func chunkRefused(isPipelining: Bool) async throws {
        var settings = ClientSettings()
        settings.chunk = 10_000
        let plan = Sink.Plan(
            offers: Self.chunking + (isPipelining ? ["PIPELINING"] : []),
            answers: ["BDAT": ["250 2.0.0 so far\r\n", "552 5.3.4 enough\r\n", "503 5.5.1 no\r\n"], ".": ["503 5.5.1 no\r\n"]])
        let (report, sink) = try await Carriage.report(plan, try Carriage.message(Self.long), settings)
        #expect(report == CarrierReport(outcomes: [SendingTests.refused(552, "5.3.4", "enough", forGood: true)], isUsable: false))
        #expect(sink.texts.isEmpty)
    }

    @Test("refused and closed among chunks: the refusal is found behind the answers that were due")
    func chunkCut() async throws {
        var settings = ClientSettings()
        settings.chunk = 10_000
        let (report, _) = try await Carriage.report(
            Sink.Plan(offers: Self.chunking + ["PIPELINING"], interruption: (35_000, "550 5.7.1 listed\r\n✂")), try Carriage.message(Self.long), settings)
        #expect(report == CarrierReport(outcomes: [SendingTests.refused(550, "5.7.1", "listed", forGood: true)], isUsable: false))
    }

    @Test("the last chunk unanswered: it may have arrived")
    func silentChunk() async throws {
        let (report, sink) = try await Carriage.report(Sink.Plan(offers: Self.chunking, answers: [".": [""]]))
        #expect(report == Self.interrupted("no answer came in time", sent: true))
        #expect(sink.waits == [.seconds(600)])
    }

    // MARK: LMTP

    @Test("LMTP answers for each: RFC 2033 §4.2", arguments: [[], ["CHUNKING"]])
    func lmtp(offers: [String]) async throws {
        let plan = Sink.Plan(
            offers: ["PIPELINING", "ENHANCEDSTATUSCODES"] + offers,
            answers: ["RCPT TO:<c": ["550 5.1.1 nobody\r\n"], ".": ["250 2.0.0 taken\r\n", "452 4.2.2 full\r\n"]], isLMTP: true)
        let (report, sink) = try await Carriage.report(plan, try Carriage.message(to: SendingTests.three))
        #expect(
            report
                == CarrierReport(
                    outcomes: [
                        Carriage.taken, SendingTests.refused(550, "5.1.1", "nobody", forGood: true), SendingTests.refused(452, "4.2.2", "full", forGood: false),
                    ],
                    isUsable: true))
        #expect(sink.commands.first == "LHLO mx.example.test")
    }

    @Test("LMTP that is cut between its answers: who was answered for is settled")
    func lmtpCut() async throws {
        let plan = Sink.Plan(answers: [".": ["250 2.0.0 taken\r\n✂"]], isLMTP: true)
        let (report, _) = try await Carriage.report(plan, try Carriage.message(to: SendingTests.three))
        #expect(
            report
                == CarrierReport(
                    outcomes: [
                        Carriage.taken, .interrupted("the connection was closed", wasSent: true), .interrupted("the connection was closed", wasSent: true),
                    ], isUsable: false))
    }

    // MARK: What must be converted, and what cannot be sent

    @Test("octets above 127 to a server without 8BITMIME are converted, or it is said that they cannot be sent: RFC 6152 §3")
    func conversion() async throws {
        let status = try #require(EnhancedStatus(5, 6, 3))
        let refusal = CarrierReport(
            outcomes: [.impossible(status, "the message has octets above 127, and the server takes none such (8BITMIME)", isPermanent: true)], isUsable: true)
        let message = try Carriage.message("Subject: x\r\n\r\nü\r\n", traits: .eightBit)
        #expect(try await Carriage.report(Sink.Plan(offers: ["SIZE"]), message).0 == refusal)
        for isRight in [true, false] {
            let sink = Sink(Sink.Plan(offers: ["SIZE"]))
            let carrier = Carriage.carrier(sink) { _ in
                guard isRight else { throw SevenBitFault.notConvertible }
                return try Carriage.message("Subject: x\r\n\r\n=C3=BC\r\n")
            }
            let connection = try await carrier.connect(to: try Carriage.server())
            let report = await connection.send(message)
            #expect(report == (isRight ? CarrierReport(outcomes: [Carriage.taken], isUsable: true) : refusal))
            if isRight { #expect(sink.texts == ["Subject: x\r\n\r\n=C3=BC\r\n.\r\n"] && sink.commands[1] == "MAIL FROM:<a@example.test> SIZE=22") }
        }
    }

    static let utf8 = ["SMTPUTF8", "8BITMIME"]

    @Test("SMTPUTF8 where it is offered and needed: addresses as they are: RFC 6531 §3.4")
    func international() async throws {
        let message = try Carriage.message("Subject: ü\r\n\r\nü\r\n", from: "ä@bücher.example", to: ["ö@remote.example"], traits: [.smtpUTF8, .eightBit])
        let (report, sink) = try await Carriage.report(Sink.Plan(offers: Self.utf8), message)
        #expect(report.outcomes == [Carriage.taken])
        #expect(sink.commands.dropFirst().prefix(2) == ["MAIL FROM:<ä@bücher.example> BODY=8BITMIME SMTPUTF8", "RCPT TO:<ö@remote.example>"])
    }

    @Test("where only domains are not ASCII they go as A-labels, and nothing more is needed: RFC 6531 §3.5, TRAPS §1.17", arguments: [[], ["SMTPUTF8"]])
    func domains(offers: [String]) async throws {
        let (report, sink) = try await Carriage.report(Sink.Plan(offers: offers), try Carriage.message(from: "a@bücher.example", to: ["info@例え.テスト"]))
        #expect(report.outcomes == [Carriage.taken])
        #expect(sink.commands.dropFirst().prefix(2) == ["MAIL FROM:<a@xn--bcher-kva.example>", "RCPT TO:<info@xn--r8jz45g.xn--zckzah>"])
        let (marked, plain) = try await Carriage.report(Sink.Plan(offers: []), try Carriage.message(from: "a@bücher.example", traits: .smtpUTF8))
        #expect(marked.outcomes == [Carriage.taken] && plain.commands[1] == "MAIL FROM:<a@xn--bcher-kva.example>")
    }

    @Test("addresses that are not ASCII, to a server without SMTPUTF8: 5.6.7, each by itself; headers: 5.6.9")
    func impossible() async throws {
        let (address, header) = (try #require(EnhancedStatus(5, 6, 7)), try #require(EnhancedStatus(5, 6, 9)))
        let text = "the address is not ASCII, and the server takes none such (SMTPUTF8)"
        let (report, sink) = try await Carriage.report(Sink.Plan(), try Carriage.message(to: ["ö@remote.example", "b@remote.example"], traits: .smtpUTF8))
        #expect(report == CarrierReport(outcomes: [.impossible(address, text, isPermanent: true), Carriage.taken], isUsable: true))
        #expect(sink.commands.dropFirst() == ["MAIL FROM:<a@example.test>", "RCPT TO:<b@remote.example>", "DATA"])
        let (sender, _) = try await Carriage.report(Sink.Plan(), try Carriage.message(from: "ä@example.test", traits: .smtpUTF8))
        #expect(
            sender.outcomes == [.impossible(address, "the sender's address is not ASCII, and the server takes none such (SMTPUTF8)", isPermanent: true)])
        let (headers, silent) = try await Carriage.report(
            Sink.Plan(), try Carriage.message("Subject: ü\r\n\r\nx\r\n", to: ["ö@remote.example", "b@remote.example"], traits: [.smtpUTF8, .eightBit]))
        #expect(
            headers
                == CarrierReport(
                    outcomes: [
                        .impossible(address, text, isPermanent: true),
                        .impossible(header, "the message's header is not ASCII, and the server takes none such (SMTPUTF8)", isPermanent: true),
                    ], isUsable: true))
        #expect(silent.commands.count == 1)
    }
}
