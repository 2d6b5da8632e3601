import MailModel
import NIOCore
import PostOffice
import Storage
import Synchronization
import Testing

@testable import SMTP

/// Lets one through when it is told to, and tells when it has come.
private final class Gate: Sendable {
    private let come = AsyncStream.makeStream(of: Void.self)
    private let leave = AsyncStream.makeStream(of: Void.self)

    func pass() async {
        come.continuation.finish()
        for await _ in leave.stream {}
    }

    func untilCome() async { for await _ in come.stream {} }
    func open() { leave.continuation.finish() }
}

/// Counts what it sees.
private struct Counter: TextObserver {
    var seen: [UInt8] = []
    mutating func take(_ octets: ByteBuffer) { seen += Array(buffer: octets) }
}

@Suite("Checks are asked in their phases")
struct CheckTests {
    /// Notes each phase in which it is asked, and annotates.
    private final class Notes: Sendable {
        let all = Mutex<[String]>([])
        func add(_ note: String) { all.withLock { $0.append(note) } }

        func check() -> Intake.Check {
            var check = Intake.Check(name: "notes")
            let note = { @Sendable (phase: String, what: String) -> Intake.Check.Verdict in
                self.add("\(phase) \(what)")
                return .annotate([HeadField("X-\(phase)", what)])
            }
            check.connect = { note("connect", $0.address) }
            check.hello = { note("hello", $0.name ?? "") }
            check.mail = { note("mail", "\($1.written) \($0.user?.name.description ?? "nobody")") }
            check.recipient = { note("rcpt", $2.written) }
            check.header = { note("header", "\($1.hops) \($1.isComplete) \($0.recipients.count)") }
            check.makeObserver = { _ in Counter() }
            check.text = { note("text", String(decoding: ($2 as? Counter)?.seen ?? [], as: UTF8.self).debugDescription) }
            return check
        }
    }

    @Test("connect, EHLO, MAIL, RCPT, end of header, end of text, in that order; what they write stands before the text, behind Return-Path")
    func phases() async throws {
        let notes = Notes()
        let house = try await House(checks: [notes.check()])
        let talk = try await house.talk()
        #expect(talk.greeting.hasPrefix("220 "))
        let answers = await talk.send(
            "MAIL FROM:<ann@remote.example>\r\nRCPT TO:<alice@example.test>\r\nRCPT TO:<nobody@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n")
        #expect(answers.split(separator: "\r\n").map { $0.prefix(3) } == ["250", "250", "550", "250", "354"])
        #expect(await talk.send("Bcc: x@y\r\nSubject: z\r\n\r\nbody\r\n.\r\n").hasPrefix("250 "))
        let asked = notes.all.withLock { $0 }
        #expect(
            asked == [
                "connect 192.0.2.7", "hello client.example", "mail <ann@remote.example> nobody", "rcpt <alice@example.test>", "rcpt <bob@example.test>",
                "header 0 true 2", "text \("Bcc: x@y\r\nSubject: z\r\n\r\nbody\r\n".debugDescription)",
            ])
        let mail = try #require(try await house.mail(of: house.alice).first)
        let fields = mail.split(separator: "\r\n").map { String($0.prefix { $0 != ":" }) }
        #expect(fields.prefix(8) == ["Return-Path", "X-connect", "X-hello", "X-mail", "X-rcpt", "X-rcpt", "X-header", "X-text"])
        #expect(mail.hasSuffix(" +0000\r\nSubject: z\r\n\r\nbody\r\n"))
    }

    @Test(
        "a refusal is said in the check's words, and nothing is kept; the next transaction is none the worse",
        arguments: ["hello", "mail", "recipient", "header", "text"])
    func refusals(phase: String) async throws {
        let answer = try #require(SMTPAnswer(571, "5.7.1", "Not today"))
        let isOver = Mutex(false)
        let verdict = { @Sendable () -> Intake.Check.Verdict in isOver.withLock { $0 } ? .pass : .refuse(.policy(answer)) }
        var check = Intake.Check(name: "no")
        switch phase {
        case "hello": check.hello = { _ in verdict() }
        case "mail": check.mail = { _, _ in verdict() }
        case "recipient": check.recipient = { _, _, _ in verdict() }
        case "header": check.header = { _, _ in verdict() }
        default: check.text = { _, _, _ in verdict() }
        }
        let house = try await House(checks: [check])
        let talk = try await house.talk()
        let send = { () async -> [Substring] in
            var answers = await talk.send("EHLO client.example\r\nMAIL FROM:<ann@remote.example>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n")
            if answers.hasSuffix("354 End data with <CR><LF>.<CR><LF>\r\n") { answers = await talk.send("Subject: x\r\n\r\nbody\r\n.\r\n") }
            return answers.split(separator: "\r\n")
        }
        #expect(await send().contains("571 5.7.1 Not today"), "\(phase)")
        #expect(try await house.inbox(of: house.alice).isEmpty)
        isOver.withLock { $0 = true }
        _ = await talk.send("RSET\r\n")
        #expect(await send().last?.hasPrefix("250 2.0.0 Accepted") == true)
        #expect(try await house.inbox(of: house.alice).count == 1)
    }

    @Test("a refused connection hears 554 in the place of the greeting, and may say QUIT: RFC 5321 §3.1")
    func turnedAway() async throws {
        var check = Intake.Check(name: "no")
        let answer = try #require(SMTPAnswer(554, "5.7.1", "Go away"))
        check.connect = { _ in .refuse(.policy(answer)) }
        let house = try await House(checks: [check])
        let talk = try await house.talk()
        #expect(talk.greeting == "554 5.7.1 Go away\r\n")
        #expect(await talk.send("EHLO x\r\n").hasPrefix("503 "))
        #expect(await talk.send("QUIT\r\n").hasPrefix("221 ") && talk.isClosed)
    }

    @Test("a check that waits keeps pipelined commands in their order, and nothing is answered before it")
    func waits() async throws {
        let gate = Gate()
        var check = Intake.Check(name: "slow")
        check.mail = { _, _ in
            await gate.pass()
            return .pass
        }
        let house = try await House(checks: [check])
        let talk = try await house.talk()
        async let answers = talk.send("MAIL FROM:<ann@remote.example>\r\nRCPT TO:<alice@example.test>\r\nNOOP\r\nRSET\r\n")
        await gate.untilCome()
        gate.open()
        #expect(await answers.split(separator: "\r\n").map { $0.prefix(9) } == ["250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.0.0"])
    }

    @Test("without a check nothing is asked, and the header is one field after the other as ever")
    func none() async throws {
        let house = try await House(checks: [])
        #expect(house.intake.phases == [])
        let talk = try await house.talk()
        await house.data(talk)
        #expect(await talk.send("Subject: x\r\n\r\nb\r\n.\r\n").hasPrefix("250"))
        #expect(try await house.texts(of: house.alice) == ["Subject: x\r\n\r\nb\r\n"])
    }
}
