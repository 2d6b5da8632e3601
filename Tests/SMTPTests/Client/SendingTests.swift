import MailModel
import NIOCore
import PostOffice
import Storage
import Testing

@testable import SMTP

/// The envelope: who is asked for, how, and what becomes of each.
@Suite struct SendingTests {
    typealias Outcome = CarrierReport.Outcome

    static let three = ["b@remote.example", "c@remote.example", "d@remote.example"]

    static func refused(_ code: Int, _ status: String?, _ text: String, forGood: Bool) -> Outcome {
        .refused(Carriage.reply(code, status, text), isPermanent: forGood)
    }

    @Test("a message goes out, in one breath up to DATA: RFC 2920 §3.1")
    func plain() async throws {
        let (report, sink) = try await Carriage.report(Sink.Plan(), try Carriage.message(to: Self.three))
        #expect(report == CarrierReport(outcomes: [Carriage.taken, Carriage.taken, Carriage.taken], isUsable: true))
        #expect(
            sink.commands == [
                "EHLO mx.example.test", "MAIL FROM:<a@example.test>", "RCPT TO:<b@remote.example>", "RCPT TO:<c@remote.example>", "RCPT TO:<d@remote.example>",
                "DATA",
            ])
        #expect(sink.texts == [Carriage.text + ".\r\n"])
    }

    @Test("parameters are said where they are offered: RFC 1870 §6, RFC 6152 §3, RFC 3461 §4")
    func parameters() async throws {
        var draft = try Carriage.message(traits: [.eightBit, .returnsHeader], envelopeID: "QQ+3D1")
        draft = OutgoingMessage(
            reversePath: draft.reversePath,
            recipients: [
                QueuedRecipient(.postmaster, notify: [.success, .delay], original: "rfc822;x@y.example"),
                QueuedRecipient(.mailbox(try #require(Address("b@remote.example"))), notify: .never, original: "no\r\nRSET"),
                QueuedRecipient(.mailbox(try #require(Address("two words@remote.example")))),
            ], traits: draft.traits, envelopeID: draft.envelopeID, size: draft.size, read: draft.read)
        let (report, sink) = try await Carriage.report(Sink.Plan(offers: ["SIZE", "8BITMIME", "DSN", "SMTPUTF8"]), draft)
        #expect(
            sink.commands.dropFirst().prefix(4) == [
                "MAIL FROM:<a@example.test> SIZE=\(draft.size) BODY=8BITMIME RET=HDRS ENVID=QQ+3D1",
                "RCPT TO:<postmaster> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y.example", "RCPT TO:<b@remote.example> NOTIFY=NEVER",
                "RCPT TO:<\"two words\"@remote.example>",
            ])
        #expect(report.outcomes == Array(repeating: .delivered(Carriage.reply(250, "2.0.0", "taken"), relaysNotify: true), count: 3))
        let (_, older) = try await Carriage.report(Sink.Plan(offers: ["8BITMIME"]), draft)
        #expect(older.commands.dropFirst().prefix(2) == ["MAIL FROM:<a@example.test> BODY=8BITMIME", "RCPT TO:<postmaster>"])
    }

    private func message(by: OutgoingMessage.DeliverBy?, priority: Int8 = 0) throws -> OutgoingMessage {
        let plain = try Carriage.message()
        return OutgoingMessage(
            reversePath: plain.reversePath, recipients: plain.recipients, traits: [], envelopeID: nil, deliverBy: by, priority: priority, size: plain.size,
            read: plain.read)
    }

    @Test("a deadline and a priority go on to who offers to see to them: RFC 2852 §4, RFC 6710 §4.2")
    func deadline() async throws {
        let traced = OutgoingMessage.DeliverBy(seconds: -3, isReturned: false, isTraced: true)
        let (_, sink) = try await Carriage.report(Sink.Plan(offers: ["DELIVERBY 60", "MT-PRIORITY MIXER"]), try message(by: traced, priority: -4))
        #expect(sink.commands[1] == "MAIL FROM:<a@example.test> BY=-3;NT MT-PRIORITY=-4")
        let returned = OutgoingMessage.DeliverBy(seconds: 600, isReturned: true, isTraced: false)
        let (_, other) = try await Carriage.report(Sink.Plan(offers: ["DELIVERBY"]), try message(by: returned, priority: 9))
        #expect(other.commands[1] == "MAIL FROM:<a@example.test> BY=600;R")
    }

    @Test("what is to come back when it is late goes to nobody who does not see to that; a mailbox here is no passing on: RFC 2852 §4.1")
    func unpromised() async throws {
        let returned = OutgoingMessage.DeliverBy(seconds: 600, isReturned: true, isTraced: false)
        let (report, sink) = try await Carriage.report(Sink.Plan(), try message(by: returned))
        guard case .impossible(let status, _, true)? = report.outcomes.first else { return #expect(Bool(false), "\(report)") }
        #expect(status == EnhancedStatus(5, 3, 3) && !sink.commands.contains { $0.hasPrefix("MAIL") } && report.isUsable)
        let late = OutgoingMessage.DeliverBy(seconds: 600, isReturned: false, isTraced: false)
        #expect(try await Carriage.report(Sink.Plan(), try message(by: late)).0.outcomes == [Carriage.taken])
        var plan = Sink.Plan()
        plan.isLMTP = true
        #expect(try await Carriage.report(plan, try message(by: returned)).1.commands.contains("MAIL FROM:<a@example.test>"))
    }

    @Test("the null sender stays null: TRAPS §1.11")
    func null() async throws {
        let (_, sink) = try await Carriage.report(Sink.Plan(), try Carriage.message(from: nil, traits: .returnsFull))
        #expect(sink.commands[1] == "MAIL FROM:<>")
    }

    @Test("one recipient refused costs the others nothing: TRAPS §1.2", arguments: [true, false])
    func oneRefused(isPipelining: Bool) async throws {
        let plan = Sink.Plan(
            offers: isPipelining ? ["PIPELINING"] : [], answers: ["RCPT TO:<c": ["550 5.1.1 nobody\r\n"], "RCPT TO:<d": ["450 4.2.1 slowly\r\n"]])
        let (report, sink) = try await Carriage.report(plan, try Carriage.message(to: Self.three))
        #expect(
            report
                == CarrierReport(
                    outcomes: [Carriage.taken, Self.refused(550, "5.1.1", "nobody", forGood: true), Self.refused(450, "4.2.1", "slowly", forGood: false)],
                    isUsable: true))
        #expect(sink.texts.count == 1)
    }

    @Test(
        "too many recipients: 452, and 552 that means it, leave them to the next transaction (RFC 5321 §4.5.3.1.10; TRAPS §1.12)",
        arguments: ["452 4.5.3 enough\r\n", "452 enough\r\n", "552 enough\r\n", "552 5.5.3 enough\r\n", "451 4.5.3 enough\r\n", "452 4.3.1 enough\r\n"])
    func tooMany(answer: String) async throws {
        let (report, sink) = try await Carriage.report(
            Sink.Plan(answers: ["RCPT TO:<c": [answer], "RCPT TO:<d": [answer]]), try Carriage.message(to: Self.three))
        #expect(report == CarrierReport(outcomes: [Carriage.taken, .untried, .untried], isUsable: true))
        #expect(sink.texts.count == 1)
    }

    @Test("where nobody came before it, it is no matter of numbers: for now, never for good")
    func tooManyAtOnce() async throws {
        let (report, sink) = try await Carriage.report(Sink.Plan(answers: ["RCPT": ["552 enough\r\n"]]))
        #expect(report == CarrierReport(outcomes: [Self.refused(552, nil, "enough", forGood: false)], isUsable: true))
        #expect(sink.commands.last == "RSET" && sink.texts.isEmpty)
    }

    @Test(
        "what says that a mailbox is full means that",
        arguments: [("552 5.2.2 full\r\n", true), ("452 4.2.2 full\r\n", false), ("552 5.3.4 too large\r\n", true)])
    func full(answer: String, forGood: Bool) async throws {
        let (report, _) = try await Carriage.report(Sink.Plan(answers: ["RCPT TO:<c": [answer]]), try Carriage.message(to: Array(Self.three.prefix(2))))
        guard report.outcomes[0] == Carriage.taken, case .refused(_, forGood) = report.outcomes[1] else {
            Issue.record("\(report.outcomes)")
            return
        }
    }

    @Test("nobody accepted: RSET, or an empty text where 354 was said all the same, and the connection goes on: RFC 2920 §3.1", arguments: [true, false])
    func nobody(is354: Bool) async throws {
        var plan = Sink.Plan(answers: ["RCPT": ["550 5.1.1 nobody\r\n", "250 ok\r\n"]])
        if is354 { plan.answers["DATA"] = ["354 go on\r\n"] }
        let sink = Sink(plan)
        let connection = try await Carriage.connect(sink)
        #expect(await connection.send(try Carriage.message()) == CarrierReport(outcomes: [Self.refused(550, "5.1.1", "nobody", forGood: true)], isUsable: true))
        #expect(sink.texts == (is354 ? [".\r\n"] : []) && sink.commands.contains("RSET") != is354)
        #expect(await connection.send(try Carriage.message()) == CarrierReport(outcomes: [Carriage.taken], isUsable: true))
    }

    @Test(
        "MAIL refused, for now and for good",
        arguments: [("451 4.7.1 greylisted\r\n", false), ("550 5.7.1 not you\r\n", true), ("552 5.3.4 too large\r\n", true)],
        [true, false])
    func mailRefused(answer: (String, Bool), isPipelining: Bool) async throws {
        let (report, sink) = try await Carriage.report(
            Sink.Plan(offers: isPipelining ? ["PIPELINING"] : [], answers: ["MAIL": [answer.0], "RCPT": ["503 5.5.1 MAIL first\r\n"]]),
            try Carriage.message(to: Self.three))
        #expect(report.isUsable && sink.texts.isEmpty)
        for outcome in report.outcomes {
            guard case .refused(let reply, answer.1) = outcome, reply.written + "\r\n" == answer.0 else {
                Issue.record("\(outcome)")
                continue
            }
        }
        if !isPipelining { #expect(sink.commands.count == 2) }
    }

    @Test("DATA refused, for now and for good", arguments: [("451 4.3.0 no disk\r\n", false), ("554 5.5.1 no\r\n", true)])
    func dataRefused(answer: String, forGood: Bool) async throws {
        let (report, sink) = try await Carriage.report(
            Sink.Plan(answers: ["DATA": [answer], "RCPT TO:<c": ["550 5.1.1 nobody\r\n"]]), try Carriage.message(to: Array(Self.three.prefix(2))))
        #expect(report.isUsable && sink.commands.last == "RSET" && report.outcomes[1] == Self.refused(550, "5.1.1", "nobody", forGood: true))
        guard case .refused(_, forGood) = report.outcomes[0] else {
            Issue.record("\(report.outcomes)")
            return
        }
    }

    @Test("421 is goodbye, wherever it comes: for now, and nothing more is sent: RFC 5321 §3.8", arguments: ["MAIL", "RCPT", "DATA", "."])
    func goodbye(verb: String) async throws {
        let sink = Sink(Sink.Plan(answers: [verb: ["421 4.3.2 going\r\n✂"]]))
        let connection = try await Carriage.connect(sink)
        #expect(
            await connection.send(try Carriage.message()) == CarrierReport(outcomes: [Self.refused(421, "4.3.2", "going", forGood: false)], isUsable: false))
        #expect(await connection.send(try Carriage.message()) == CarrierReport(outcomes: [.untried], isUsable: false))
        #expect(sink.isLeft)
    }

    @Test("closed, silent, or nonsense in the midst of the envelope: not sent", arguments: ["MAIL", "RCPT", "DATA"])
    func broken(verb: String) async throws {
        for (answer, reason) in [
            ("✂", "the connection was closed"), ("", "no answer came in time"), ("what?\r\n", "what was answered is no reply"),
            ("250-a\r\n550 b\r\n", "the lines of a reply had different codes"),
        ] {
            let (report, sink) = try await Carriage.report(Sink.Plan(offers: [], answers: [verb: [answer]]))
            #expect(report == CarrierReport(outcomes: [.interrupted(reason, wasSent: false)], isUsable: false))
            #expect(sink.isLeft && sink.texts.isEmpty)
            if answer.isEmpty { #expect(sink.waits == [verb == "DATA" ? .seconds(120) : .seconds(300)]) }
        }
    }

    @Test("what is no answer to a command is taken for none", arguments: [("MAIL", "354 go\r\n"), ("RCPT", "354 go\r\n"), ("DATA", "250 ok\r\n")])
    func oddCodes(verb: String, answer: String) async throws {
        let (report, sink) = try await Carriage.report(Sink.Plan(answers: [verb: [answer]]))
        guard case .interrupted(let reason, wasSent: false) = report.outcomes[0] else {
            Issue.record("\(report.outcomes)")
            return
        }
        #expect(reason.hasPrefix("a reply out of turn") && !report.isUsable && sink.texts.isEmpty)
    }

    @Test(
        "an idle server's goodbye, or its silent end, is no attempt: the message goes on with another connection",
        arguments: ["421 4.4.2 idle\r\n✂", "✂", "250 ok\r\n"])
    func idle(words: String) async throws {
        let sink = Sink()
        let connection = try await Carriage.connect(sink)
        #expect(await connection.send(try Carriage.message()).isUsable)
        sink.speak(words)
        #expect(await connection.send(try Carriage.message()) == CarrierReport(outcomes: [.untried], isUsable: false))
        #expect(sink.texts.count == 1 && sink.isLeft)
    }

    @Test("LIMITS are kept to: RCPTMAX, RCPTDOMAINMAX, MAILMAX (RFC 9422 §4)")
    func limits() async throws {
        let sink = Sink(Sink.Plan(offers: ["PIPELINING", "LIMITS RCPTMAX=2 MAILMAX=2"]))
        let connection = try await Carriage.connect(sink)
        #expect(
            await connection.send(try Carriage.message(to: Self.three)) == CarrierReport(outcomes: [Carriage.taken, Carriage.taken, .untried], isUsable: true))
        #expect(await connection.send(try Carriage.message()) == CarrierReport(outcomes: [Carriage.taken], isUsable: false))
        #expect(await connection.send(try Carriage.message()) == CarrierReport(outcomes: [.untried], isUsable: false))
        #expect(sink.texts.count == 2)
        let (report, _) = try await Carriage.report(
            Sink.Plan(offers: ["LIMITS RCPTDOMAINMAX=1"]), try Carriage.message(to: ["a@x.example", "b@y.example", "c@x.example"]))
        #expect(report.outcomes == [Carriage.taken, .untried, Carriage.taken])
    }

    @Test("very many recipients go in groups, and none is mixed up")
    func many() async throws {
        let names = (0..<350).map { "u\($0)@remote.example" }
        let (report, sink) = try await Carriage.report(
            Sink.Plan(answers: ["RCPT TO:<u7@": ["550 5.1.1 nobody\r\n"], "RCPT TO:<u349@": ["550 5.1.1 nobody\r\n"]]), try Carriage.message(to: names))
        #expect(report.outcomes.enumerated().allSatisfy { ($0.element == Carriage.taken) == ($0.offset != 7 && $0.offset != 349) })
        #expect(report.isUsable && sink.commands.count == 353)
    }

    @Test("a message that is larger than the server says is not begun: RFC 1870 §6.1")
    func size() async throws {
        let (report, sink) = try await Carriage.report(Sink.Plan(offers: ["SIZE 50"]), try Carriage.message(size: 51))
        let status = try #require(EnhancedStatus(5, 3, 4))
        #expect(
            report
                == CarrierReport(
                    outcomes: [.impossible(status, "the message has 51 octets, and the server takes 50 at most", isPermanent: true)], isUsable: true))
        #expect(sink.commands.count == 1)
    }
}
