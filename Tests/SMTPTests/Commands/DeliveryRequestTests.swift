import MailModel
import PostOffice
import Rehearsal
import Storage
import Synchronization
import Testing

@testable import SMTP

@Suite("What a sender asks to be told reaches whoever tells (RFC 3461)")
struct DeliveryRequestTests {
    /// The envelopes that came to the text.
    private final class Envelopes: Sendable {
        let all = Mutex<[Intake.Envelope]>([])

        var check: Intake.Check {
            var check = Intake.Check(name: "envelopes")
            check.header = { envelope, survey in
                if survey.isComplete { self.all.withLock { $0.append(envelope) } }
                return .pass
            }
            return check
        }
    }

    @Test("DSN is offered and obeyed where it is configured, and unknown elsewhere")
    func offered() async throws {
        let house = try await House()
        let talk = try await house.talk()
        #expect(await !talk.send("EHLO client.example\r\n").contains("DSN"))
        for text in ["RET=HDRS", "ENVID=x"] { #expect(await talk.send("MAIL FROM:<a@b.example> \(text)\r\n").hasPrefix("555 5.5.4")) }
        _ = await talk.send("MAIL FROM:<a@b.example>\r\n")
        for text in ["NOTIFY=NEVER", "ORCPT=rfc822;x@y"] { #expect(await talk.send("RCPT TO:<alice@example.test> \(text)\r\n").hasPrefix("555 5.5.4")) }

        let offering = try await house.talk { $0.offersDSN = true }
        #expect(await offering.send("EHLO client.example\r\n").contains("250 DSN\r\n"))
        // HELO has no extensions.
        _ = await offering.send("HELO client.example\r\n")
        #expect(await offering.send("MAIL FROM:<a@b.example> RET=HDRS\r\n").hasPrefix("555 5.5.4"))
    }

    @Test("of none of the others is anything known", arguments: ["HOLDFOR=1", "HOLDUNTIL=2026-11-22T00:35:00Z", "BY=1;R", "MT-PRIORITY=1"])
    func notOffered(_ parameter: String) async throws {
        let talk = try await House().alicesTalk { $0.offersDSN = true }
        #expect(await talk.send("MAIL FROM:<alice@example.test> \(parameter)\r\n").hasPrefix("555 5.5.4"))
    }

    @Test("NOTIFY, ORCPT, ENVID and RET are of the envelope; who gets it here and asked for that is to be told")
    func envelope() async throws {
        let seen = Envelopes()
        let house = try await House(checks: [seen.check])
        let talk = try await house.talk { $0.offersDSN = true }
        let answers = await talk.send(
            "MAIL FROM:<ann@remote.example> RET=FULL ENVID=a+2Bb\r\nRCPT TO:<alice@example.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;al@remote.example\r\n"
                + "RCPT TO:<bob@example.test> NOTIFY=NEVER\r\nDATA\r\n")
        #expect(answers.hasSuffix("354 End data with <CR><LF>.<CR><LF>\r\n"))
        #expect(await talk.send("Subject: x\r\n\r\nbody\r\n.\r\n").hasPrefix("250 2.0.0"))
        let envelope = try #require(seen.all.withLock { $0.first })
        #expect(envelope.envelopeID == "a+2Bb" && envelope.returned == .returnsFull)
        #expect(envelope.recipients.map(\.notify) == [[.success, .failure], .never])
        #expect(envelope.recipients.map(\.original) == ["rfc822;al@remote.example", nil])
    }

    @Test("an original recipient in UTF-8 needs SMTPUTF8, and is kept in ASCII: RFC 6533 §3")
    func original() async throws {
        let seen = Envelopes()
        let house = try await House(checks: [seen.check])
        let talk = try await house.talk { $0.offersDSN = true }
        _ = await talk.send("MAIL FROM:<ann@remote.example>\r\n")
        #expect(await talk.send("RCPT TO:<alice@example.test> ORCPT=utf-8;\u{FC}@b.example\r\n").hasPrefix("553 5.6.7"))
        _ = await talk.send("RSET\r\nMAIL FROM:<ann@remote.example> SMTPUTF8\r\n")
        #expect(await talk.send("RCPT TO:<alice@example.test> ORCPT=utf-8;\u{FC}@b.example\r\n").hasPrefix("250"))
        _ = await talk.send("DATA\r\n")
        _ = await talk.send("Subject: x\r\n\r\nbody\r\n.\r\n")
        #expect(seen.all.withLock { $0.first?.recipients.first?.original } == "utf-8;\\x{FC}@b.example")
    }
}
