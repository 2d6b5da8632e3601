import MailModel
import MessageFormat
import NIOCore
import Storage
import Synchronization
import Testing

@testable import PostOffice

/// Reports as tests make them.
enum Reports {
    /// Sun, 22 Nov 2026 00:35:00 +0000
    static let arrived = Timestamp(rawValue: 1_795_307_700)
    static let original = ByteBuffer(
        string:
            "Received: by us\r\nFrom: ann@example.test\r\nSubject: Minutes\r\nMessage-ID: <m1@example.test>\r\nReferences: <m0@example.test>\r\n\r\nbody\r\n")

    static func draft(
        _ recipients: [QueuedRecipient], from sender: String? = "ann@example.test", traits: QueueDraft.Traits = [], envelopeID: String? = nil
    ) throws -> QueueDraft {
        let path: ReversePath = if let sender { .mailbox(try #require(Address(sender))) } else { .null }
        return QueueDraft(
            transaction: try #require(TransactionID("tx-1")), reversePath: path, recipients: recipients, traits: traits, arrived: arrived,
            envelopeID: envelopeID)
    }

    static func recipient(_ address: String, _ notify: QueuedRecipient.Notify = [], original: String? = nil) throws -> QueuedRecipient {
        QueuedRecipient(.mailbox(try #require(Address(address))), notify: notify, original: original)
    }

    static func attempt(
        _ reply: RemoteReply?, host: String? = "mx.there.example", address: String? = "192.0.2.1", reason: String? = nil, status: EnhancedStatus? = nil
    ) -> RecipientProgress {
        RecipientProgress(
            phase: .failed, attempts: 3, due: arrived,
            last: .init(at: later(3_600), host: host, address: address, reply: reply, reason: reason, status: status))
    }

    static func reply(_ code: Int, _ status: String?, _ lines: String...) -> RemoteReply {
        RemoteReply(code: code, status: status.flatMap { EnhancedStatus($0) }, lines: lines)
    }

    static func later(_ seconds: Int64) -> Timestamp { Timestamp(rawValue: arrived.rawValue + seconds) }

    static func makeID() -> TransactionID.Source {
        let count = Mutex(0)
        return {
            let number = count.withLock { count in
                count += 1
                return count
            }
            return TransactionID("id-\(number)") ?? TransactionID(bits: 0)
        }
    }

    static func written(
        _ draft: QueueDraft, _ told: [DeliveryReport.Recipient], original: DeliveryReport.Original = .init(original, isWhole: false),
        after seconds: Int64 = 5 * 86_400, retryUntil: Timestamp? = nil
    ) throws -> DeliveryReport.Written {
        let host = try #require(Domain("mx.example.test"))
        let report = DeliveryReport(from: host, on: draft, told, original: original, now: later(seconds), retryUntil: retryUntil)
        return try #require(report).written(makeID())
    }

    static func outline(_ text: ByteBuffer) -> MessageOutline {
        var scanner = MessageScanner()
        scanner.consume(text)
        return scanner.finish()
    }

    /// A part, decoded.
    static func part(_ text: ByteBuffer, _ number: Int) throws -> String {
        let part = try #require(outline(text).part(at: [number]))
        let body = text.getSlice(at: part.bodyRange.lowerBound, length: part.bodyRange.count) ?? ByteBuffer()
        return String(buffer: try #require(TransferDecoder.decoded(body, encoding: part.encoding)))
    }
}

@Suite("Delivery status notifications (RFC 3464, RFC 6522)")
struct DeliveryReportTests {
    private func lines(_ text: String) -> String { text.replacing("\n", with: "\r\n") }

    @Test("failures, octet for octet")
    func failed() throws {
        let ghost = try Reports.recipient("ghost@there.example", original: "rfc822;ghost+2Bold@example.org")
        let full = try Reports.recipient("full@there.example")
        let draft = try Reports.draft([ghost, full], envelopeID: "QQ+2B1")
        let report = try Reports.written(
            draft,
            [
                .init(ghost, .failed, Reports.attempt(Reports.reply(550, "5.1.1", "No such user"))),
                .init(full, .failed, Reports.attempt(Reports.reply(452, "4.2.2", "Mailbox full"), host: nil)),
            ])
        #expect(report.recipient.written == "ann@example.test" && report.traits == [.isAutomatic])
        #expect(
            String(buffer: report.text)
                == lines(
                    """
                    From: Mail Delivery System <postmaster@mx.example.test>
                    To: ann@example.test
                    Subject: Your message could not be delivered
                    Date: Fri, 27 Nov 2026 00:35:00 +0000
                    Message-ID: <id-2@mx.example.test>
                    In-Reply-To: <m1@example.test>
                    References: <m0@example.test> <m1@example.test>
                    Auto-Submitted: auto-replied
                    MIME-Version: 1.0
                    Content-Type: multipart/report; report-type=delivery-status;
                     boundary="=_id-1"

                    --=_id-1
                    Content-Type: text/plain; charset=us-ascii

                    This is the mail server mx.example.test. It has news of a message that you
                    sent:

                      Subject: Minutes
                      Sent: Sun, 22 Nov 2026 00:35:00 +0000

                    It could not be delivered to:

                      ghost@there.example

                        There is no such mailbox.
                        The server mx.there.example said:
                          "550 5.1.1 No such user"
                        Please look whether the address is spelt right, and send the message
                        again.

                      full@there.example

                        It was tried for 5 days, and did not succeed.
                        The server [192.0.2.1] said:
                          "452 4.2.2 Mailbox full"
                        Please send it again later, or reach the recipient in another way.

                    If you did not send this message, somebody has used your address, and you need
                    not do anything.

                    A program wrote this. An answer to it reaches the person who looks after the
                    server.
                    --=_id-1
                    Content-Type: message/delivery-status

                    Original-Envelope-Id: QQ+1
                    Reporting-MTA: dns; mx.example.test
                    Arrival-Date: Sun, 22 Nov 2026 00:35:00 +0000

                    Original-Recipient: rfc822; ghost+old@example.org
                    Final-Recipient: rfc822; ghost@there.example
                    Action: failed
                    Status: 5.1.1
                    Remote-MTA: dns; mx.there.example
                    Diagnostic-Code: smtp; 550 5.1.1 No such user
                    Last-Attempt-Date: Sun, 22 Nov 2026 01:35:00 +0000
                    Final-Log-ID: tx-1

                    Final-Recipient: rfc822; full@there.example
                    Action: failed
                    Status: 4.2.2
                    Remote-MTA: dns; [192.0.2.1]
                    Diagnostic-Code: smtp; 452 4.2.2 Mailbox full
                    Last-Attempt-Date: Sun, 22 Nov 2026 01:35:00 +0000
                    Final-Log-ID: tx-1

                    --=_id-1
                    Content-Type: text/rfc822-headers

                    Received: by us
                    From: ann@example.test
                    Subject: Minutes
                    Message-ID: <m1@example.test>
                    References: <m0@example.test>

                    --=_id-1--

                    """))
    }

    @Test("a delay, octet for octet; nothing known of the message")
    func delayed() throws {
        let recipient = try Reports.recipient("slow@there.example")
        let report = try Reports.written(
            try Reports.draft([recipient]),
            [.init(recipient, .delayed, Reports.attempt(nil, host: nil, address: nil, reason: "No server could be reached: connection refused"))],
            original: .init(ByteBuffer(), isWhole: false), after: 4 * 3_600, retryUntil: Reports.later(5 * 86_400))
        #expect(
            String(buffer: report.text)
                == lines(
                    """
                    From: Mail Delivery System <postmaster@mx.example.test>
                    To: ann@example.test
                    Subject: Your message is delayed
                    Date: Sun, 22 Nov 2026 04:35:00 +0000
                    Message-ID: <id-2@mx.example.test>
                    Auto-Submitted: auto-replied
                    MIME-Version: 1.0
                    Content-Type: multipart/report; report-type=delivery-status;
                     boundary="=_id-1"

                    --=_id-1
                    Content-Type: text/plain; charset=us-ascii

                    This is the mail server mx.example.test. It has news of a message that you
                    sent:

                      Sent: Sun, 22 Nov 2026 00:35:00 +0000

                    It has not been delivered yet to those below. You need not send it again: the
                    server goes on trying until Fri, 27 Nov 2026 00:35:00 +0000.

                      slow@there.example

                        The recipient's server could not be reached.
                        What happened: No server could be reached: connection refused

                    A program wrote this. An answer to it reaches the person who looks after the
                    server.
                    --=_id-1
                    Content-Type: message/delivery-status

                    Reporting-MTA: dns; mx.example.test
                    Arrival-Date: Sun, 22 Nov 2026 00:35:00 +0000

                    Final-Recipient: rfc822; slow@there.example
                    Action: delayed
                    Status: 4.0.0
                    Diagnostic-Code: x-martlet; No server could be reached: connection refused
                    Last-Attempt-Date: Sun, 22 Nov 2026 01:35:00 +0000
                    Final-Log-ID: tx-1
                    Will-Retry-Until: Fri, 27 Nov 2026 00:35:00 +0000

                    --=_id-1--

                    """))
    }

    @Test("delivered, relayed and expanded, octet for octet, in one")
    func succeeded() throws {
        let here = try Reports.recipient("bob@example.test", .success)
        let there = try Reports.recipient("old@there.example", .success)
        let list = try Reports.recipient("all@example.test", .success)
        let report = try Reports.written(
            try Reports.draft([list, there, here]),
            [
                .init(list, .expanded, RecipientProgress(phase: .delivered, due: Reports.arrived)),
                .init(there, .relayed, Reports.attempt(Reports.reply(250, "2.0.0", "Queued"))),
                .init(here, .delivered, RecipientProgress(phase: .delivered, due: Reports.arrived)),
            ], after: 60)
        let text = String(buffer: report.text)
        #expect(text.contains("Subject: Your message was delivered\r\n"))
        #expect(
            try Reports.part(report.text, 1)
                == lines(
                    """
                    This is the mail server mx.example.test. It has news of a message that you
                    sent:

                      Subject: Minutes
                      Sent: Sun, 22 Nov 2026 00:35:00 +0000

                    It was delivered to the mailbox of:

                      bob@example.test

                    It was passed on to a server that will not report what becomes of it there. It
                    is for:

                      old@there.example

                    It was passed on to all the addresses behind:

                      all@example.test

                    A program wrote this. An answer to it reaches the person who looks after the
                    server.
                    """))
        #expect(
            try Reports.part(report.text, 2)
                == lines(
                    """
                    Reporting-MTA: dns; mx.example.test
                    Arrival-Date: Sun, 22 Nov 2026 00:35:00 +0000

                    Final-Recipient: rfc822; bob@example.test
                    Action: delivered
                    Status: 2.0.0
                    Final-Log-ID: tx-1

                    Final-Recipient: rfc822; old@there.example
                    Action: relayed
                    Status: 2.1.9
                    Remote-MTA: dns; mx.there.example
                    Diagnostic-Code: smtp; 250 2.0.0 Queued
                    Last-Attempt-Date: Sun, 22 Nov 2026 01:35:00 +0000
                    Final-Log-ID: tx-1

                    Final-Recipient: rfc822; all@example.test
                    Action: expanded
                    Status: 2.0.0
                    Final-Log-ID: tx-1

                    """))
    }

    @Test("addresses that are not ASCII: RFC 6533")
    func utf8() throws {
        let recipient = try Reports.recipient("jürgen@bücher.example", original: "utf-8;j\\x{FC}rgen@b\\x{FC}cher.example")
        let header = ByteBuffer(string: "Subject: Grüße\r\nMessage-ID: <ü@example.test>\r\n\r\nbody\r\n")
        let failure = Reports.attempt(Reports.reply(553, "5.6.7", "Kein Umlaut für uns"))
        let report = try Reports.written(
            try Reports.draft([recipient], traits: [.smtpUTF8]), [.init(recipient, .failed, failure)], original: .init(header, isWhole: false))
        // Its own header is ASCII: it needs no SMTPUTF8.
        #expect(report.traits == [.isAutomatic, .eightBit])
        let outline = Reports.outline(report.text)
        #expect(outline.root.parameters.value("report-type") == "global-delivery-status")
        #expect(outline.envelope.inReplyTo == nil)
        #expect(try #require(outline.part(at: [2])).subtype == "global-delivery-status")
        #expect(try #require(outline.part(at: [3])).subtype == "global-headers")
        let words = try Reports.part(report.text, 1)
        #expect(words.contains("  Subject: Grüße\r\n") && words.contains("  jürgen@bücher.example\r\n") && words.contains("letters that the recipient's"))
        let status = try Reports.part(report.text, 2)
        #expect(status.contains("\r\nOriginal-Recipient: utf-8; jürgen@bücher.example\r\nFinal-Recipient: utf-8; jürgen@bücher.example\r\n"))
        #expect(status.contains("Diagnostic-Code: smtp; 553 5.6.7 Kein Umlaut für uns\r\n"))
        #expect(try Reports.part(report.text, 3) == "Subject: Grüße\r\nMessage-ID: <ü@example.test>\r\n")

        // To a sender who is not ASCII, in a report that is else; and that they can be converted.
        let plain = try Reports.recipient("ghost@there.example")
        let other = try Reports.written(
            try Reports.draft([plain], from: "jürgen@bücher.example"), [.init(plain, .failed, failure)])
        #expect(other.traits == [.isAutomatic, .eightBit, .smtpUTF8] && other.recipient.written == "jürgen@bücher.example")
        #expect(try Reports.part(other.text, 2).contains("Diagnostic-Code: smtp; 553 5.6.7 Kein Umlaut f\\x{FC}r uns\r\n"))
        let converted = SevenBitRecoder.recoded(report.text, try SevenBitSurvey.plan(report.text))
        for number in 1...3 { #expect(try Reports.part(converted, number) == Reports.part(report.text, number)) }
    }

    @Test("what is returned: the header alone but for RET=FULL and a failure, and never more than a bound: RFC 3461 §4.3")
    func returned() throws {
        let recipient = try Reports.recipient("ghost@there.example")
        let (plain, full) = (try Reports.draft([recipient]), try Reports.draft([recipient], traits: [.returnsFull]))
        #expect(DeliveryReport.needed(of: plain, size: 100, for: [.failed]) == (0..<100, false))
        #expect(DeliveryReport.needed(of: plain, size: 1 << 30, for: [.failed]) == (0..<65_536, false))
        #expect(DeliveryReport.needed(of: full, size: 1 << 20, for: [.delivered, .failed]) == (0..<1 << 20, true))
        #expect(DeliveryReport.needed(of: full, size: 1 << 20 + 1, for: [.failed]) == (0..<65_536, false))
        #expect(DeliveryReport.needed(of: full, size: 100, for: [.delayed, .relayed]) == (0..<100, false))
        let failure = DeliveryReport.Recipient(recipient, .failed, Reports.attempt(nil))

        func part(_ text: String, isWhole: Bool = true, traits: QueueDraft.Traits = []) throws -> (type: String, body: String, isEightBit: Bool) {
            let report = try Reports.written(
                try Reports.draft([recipient], traits: traits), [failure], original: .init(ByteBuffer(string: text), isWhole: isWhole))
            let part = try #require(Reports.outline(report.text).part(at: [3]))
            return ("\(part.type)/\(part.subtype)", try Reports.part(report.text, 3), report.traits.contains(.eightBit))
        }
        #expect(try part("A: b\r\n\r\n--=_id-1--\r\nbody") == ("message/rfc822", "A: b\r\n\r\n--=_id-1--\r\nbody", false))
        #expect(try part("A: b\r\n\r\nbödy\r\n") == ("message/rfc822", "A: b\r\n\r\nbödy\r\n", true))
        #expect(try part("A: ä\r\n\r\nbody\r\n") == ("text/rfc822-headers", "A: ä\r\n", false))
        #expect(try part("A: ä\r\n\r\nbody\r\n", traits: .smtpUTF8) == ("message/global", "A: ä\r\n\r\nbody\r\n", true))
        #expect(try part("A: b\r\n\r\nbody\rx\n") == ("text/rfc822-headers", "A: b\r\n", false))
        #expect(try part("A: b\r\nB: cut", isWhole: false) == ("text/rfc822-headers", "A: b\r\n", false))
        let long = "A: " + String(repeating: "x", count: 2_000) + "\r\n"
        #expect(try part(long + "\r\nbody\r\n") == ("text/rfc822-headers", long, false))
        let huge = String(repeating: "A: " + String(repeating: "x", count: 95) + "\r\n", count: 1_000)
        #expect(try part(huge, isWhole: false).body == String(repeating: "A: " + String(repeating: "x", count: 95) + "\r\n", count: 655))
    }

    @Test("of what was to be protected the header alone comes back, protected like it: RFC 8689 §5")
    func requireTLS() throws {
        let recipient = try Reports.recipient("ghost@there.example")
        let draft = try Reports.draft([recipient], traits: [.returnsFull, .requiresTLS])
        #expect(DeliveryReport.needed(of: draft, size: 100, for: [.failed]) == (0..<100, false))
        let failure = DeliveryReport.Recipient(recipient, .failed, Reports.attempt(nil, reason: "it does not offer REQUIRETLS", status: .permanent(7, 30)))
        let report = try Reports.written(draft, [failure])
        #expect(report.traits == [.isAutomatic, .requiresTLS])
        #expect(try Reports.part(report.text, 1).contains("only where it is protected"))
        #expect(try Reports.part(report.text, 2).contains("Status: 5.7.30\r\n"))
        let waived = try Reports.written(try Reports.draft([recipient], traits: [.waivesTLS]), [failure])
        #expect(waived.traits == [.isAutomatic])
    }

    @Test("nobody is told of a message without a reverse path")
    func null() throws {
        let recipient = try Reports.recipient("ghost@there.example")
        let host = try #require(Domain("mx.example.test"))
        let told = [DeliveryReport.Recipient(recipient, .failed, Reports.attempt(nil))]
        let original = DeliveryReport.Original(ByteBuffer(), isWhole: false)
        #expect(DeliveryReport(from: host, on: try Reports.draft([recipient], from: nil), told, original: original, now: Reports.arrived) == nil)
        #expect(DeliveryReport(from: host, on: try Reports.draft([recipient]), [], original: original, now: Reports.arrived) == nil)
    }

    static let hostileWords: [[String]] = [
        Array(repeating: "line", count: 1_000), ["--=_id-1--", "--boundary", "--=_id-2"], ["x\r\n\r\n--=_id-1\r\nContent-Type: text/html\r\n\r\n<b>"],
        ["a\0b\u{7F}\u{85}\u{2028}\u{202E}c"], ["\r\nAction: delivered\r\nStatus: 2.0.0\r\n"], [String(repeating: "x", count: 2_000)],
        [String(repeating: "ü", count: 1_000)], [String(repeating: "\u{1F600}", count: 500)], ["ÄÖ \u{FFFD} 漢字"], [""], Array(repeating: "", count: 50),
        [String(repeating: " ", count: 400)], ["(unclosed \"quote \\ =?utf-8?q?x?="], (0..<20).map { _ in String(repeating: "é ", count: 160) },
    ]

    @Test("hostile words break nothing", arguments: hostileWords)
    func hostile(_ words: [String]) throws {
        let subject = "Subject: \(words.joined(separator: " ").replacing("\r\n", with: "\r\n "))\r\nMessage-ID: <\(words[0])@x>\r\n\r\n"
        for address in ["ghost@there.example", "jürgen@there.example"] {
            for action in [DeliveryReport.Action.failed, .delayed, .relayed] {
                let recipient = try Reports.recipient(address, original: "rfc822;a+0D+0AAction: delivered")
                let draft = try Reports.draft([recipient], envelopeID: "a+0D+0Ab")
                let progress = Reports.attempt(RemoteReply(code: 550, status: nil, lines: words), host: words[0], address: words[0])
                let ours = Reports.attempt(nil, host: nil, address: nil, reason: RemoteReply.cleaned(words.joined(separator: " ")))
                let report = try Reports.written(
                    draft, [.init(recipient, action, progress), .init(recipient, action, ours)],
                    original: .init(ByteBuffer(string: subject), isWhole: false))
                try check(report, action, recipients: 2)
                #expect(report.text.readableBytes < 50_000)
            }
        }
    }

    private func check(_ report: DeliveryReport.Written, _ action: DeliveryReport.Action, recipients: Int) throws {
        var (previous, isLines): (UInt8, Bool) = (0, true)
        for octet in report.text.readableBytesView {
            isLines = isLines && octet != 0 && (octet == 0x0A) == (previous == 0x0D)
            previous = octet
        }
        #expect(isLines)
        #expect(report.text.readableBytesView.split(separator: 0x0A).allSatisfy { $0.count <= 999 })
        let outline = Reports.outline(report.text)
        guard case .multipart(let parts) = outline.root.content else { return #expect(Bool(false), "it is no multipart") }
        #expect(parts.count == 3)
        let status = ByteBuffer(string: try Reports.part(report.text, 2))
        let groups = String(buffer: status).components(separatedBy: "\r\n\r\n")
        #expect(groups.count == recipients + 1)
        for group in groups.dropFirst() {
            let fields = Array(HeaderFields(ByteBuffer(string: group + "\r\n")))
            #expect(fields.filter { $0.name == "Action" }.map(\.value) == [action.rawValue])
            #expect(fields.filter { $0.name == "Status" }.count == 1)
            #expect(!fields.contains { $0.name.isEmpty })
            #expect(!fields.contains { $0.name == "Original-Recipient" })
        }
        #expect(!groups[0].contains("Original-Envelope-Id"))
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [Substring] {
        var parts: [Substring] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return parts + [rest]
    }
}
