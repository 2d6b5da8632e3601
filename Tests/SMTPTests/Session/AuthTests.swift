import Conversation
import Gatehouse
import MailModel
import NIOCore
import Rehearsal
import Testing

@testable import SMTP

@Suite struct AuthTests {
    @Test("PLAIN with and without initial response, LOGIN in every form: RFC 4954 §4, RFC 4616")
    func succeeds() async throws {
        let house = try await House()
        let forms: [[(String, String)]] = [
            [("AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l", "235 2.7.0")], [("auth plain", "334 \r\n"), ("AGFsaWNlAG9wZW4gc2VzYW1l", "235 2.7.0")],
            [("AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABvcGVuIHNlc2FtZQ==", "235 2.7.0")],
            [("AUTH LOGIN", "334 VXNlcm5hbWU6\r\n"), ("YWxpY2U=", "334 UGFzc3dvcmQ6\r\n"), ("b3BlbiBzZXNhbWU=", "235 2.7.0")],
            [("AUTH LOGIN YWxpY2U=", "334 UGFzc3dvcmQ6\r\n"), ("b3BlbiBzZXNhbWU=", "235 2.7.0")],
        ]
        for form in forms {
            let talk = try await house.talk(.submissions)
            for (line, reply) in form { #expect(await talk.send(line + "\r\n").hasPrefix(reply)) }
            #expect(await talk.send("AUTH PLAIN\r\n") == "503 5.5.1 Already authenticated\r\n")
            #expect(await talk.send("MAIL FROM:<alice@example.test>\r\n").hasPrefix("250 2.1.0"))
            #expect(talk.session.login?.principal.account == house.alice.id)
            await talk.hangUp()
            #expect(house.gatekeeper.sessionCount(of: house.alice.id) == 0)
        }
    }

    @Test(
        "what is wrong gets its own answer, and the session goes on: RFC 4954 §4, §6",
        arguments: [
            (["AUTH PLAIN AGFsaWNlAHdyb25n"], "535 5.7.8"), (["AUTH PLAIN", "*"], "501 5.7.0"), (["AUTH LOGIN", "YWxpY2U=", "*"], "501 5.7.0"),
            (["AUTH PLAIN !"], "501 5.5.2"), (["AUTH PLAIN", "QUIT"], "501 5.5."), (["AUTH PLAIN bm8gbnVscw=="], "501 5.5.4"),
            (["AUTH PLAIN ="], "501 5.5.4"), (["AUTH CRAM-MD5"], "504 5.5.4"), (["AUTH"], "501 5.5.4"),
            (["AUTH PLAIN Ym9iAGFsaWNlAG9wZW4gc2VzYW1l"], "535 5.7.8 You may act for yourself only"),
            (["AUTH LOGIN AA=="], "501 5.5.4"), (["AUTH LOGIN", "", "b3BlbiBzZXNhbWU="], "535 5.7.8"),
        ])
    func fails(_ lines: [String], _ reply: String) async throws {
        let house = try await House()
        let talk = try await house.talk(.submissions)
        for line in lines.dropLast() { #expect(await talk.send(line + "\r\n").hasPrefix("334 ")) }
        #expect(await talk.send((lines.last ?? "") + "\r\n").hasPrefix(reply))
        #expect(await talk.send("MAIL FROM:<alice@example.test>\r\n") == "530 5.7.0 Authentication required\r\n")
        #expect(await talk.send("AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l\r\n").hasPrefix("235 2.7.0"))
    }

    @Test("the third failure is the last of a connection")
    func attempts() async throws {
        let house = try await House()
        let talk = try await house.talk(.submissions)
        for _ in 0..<2 { #expect(await talk.send("AUTH PLAIN AGFsaWNlAHdyb25n\r\n").split(separator: "\r\n").count == 1) }
        let last = await talk.send("AUTH PLAIN AGFsaWNlAHdyb25n\r\nAUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l\r\n").split(separator: "\r\n")
        #expect(last.map { $0.prefix(9) } == ["535 5.7.8", "421 4.7.0"])
        #expect(talk.isClosed)
    }

    @Test("no password is taken without TLS, but on loopback where configured: RFC 4954 §4, RFC 8314")
    func plaintext() async throws {
        let house = try await House()
        let talk = try await house.talk(.submission) { $0.allowsPlaintextLoginOnLoopback = true }
        #expect(await talk.send("AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l\r\n") == "538 5.7.11 Encryption required for authentication\r\n")
        #expect(await talk.send("MAIL FROM:<alice@example.test>\r\n") == "530 5.7.0 Must issue a STARTTLS command first\r\n")
        _ = await talk.send("STARTTLS\r\n")
        _ = await talk.secure()
        #expect(await talk.send("EHLO c.example\r\n").contains("250 AUTH PLAIN LOGIN\r\n"))
        #expect(await talk.send("AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l\r\n").hasPrefix("235 2.7.0"))

        let worker = try house.worker(.submission) { $0.allowsPlaintextLoginOnLoopback = true }
        let near = await Rehearsal(worker, facts: .rehearsal(from: "127.0.0.1"))
        #expect(await near.send("EHLO c.example\r\n").contains("AUTH PLAIN LOGIN"))
        #expect(await near.send("AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l\r\n").hasPrefix("235 2.7.0"))
        #expect(await (try house.talk(.mx, tls: true)).send("AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l\r\n").hasPrefix("502 5.5.1"))
    }

    @Test("commands sent behind AUTH wait for its outcome, and STARTTLS forgets EHLO: RFC 2920, RFC 3207 §4.2")
    func pipelined() async throws {
        let house = try await House()
        let talk = try await house.talk(.submissions)
        let replies = await talk.send("AUTH LOGIN\r\nYWxpY2U=\r\nb3BlbiBzZXNhbWU=\r\nMAIL FROM:<alice@example.test>\r\n")
        #expect(replies.split(separator: "\r\n").map { $0.prefix(3) } == ["334", "334", "235", "250"])
        #expect(await talk.send("AUTH PLAIN\r\n").hasPrefix("503"))
    }

    @Test("a session ends when its account changes (S17)")
    func revoked() async throws {
        let house = try await House()
        let talk = try await house.alicesTalk()
        try await house.directory.set(enabled: false, of: "alice")
        #expect(await talk.poked() == "421 4.7.0 The account was changed; log in again\r\n")
        #expect(talk.isClosed)
        let again = try await house.talk(.submissions)
        #expect(await again.send("AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l\r\n").hasPrefix("535 5.7.8"))
    }

    @Test("a session ends within the text of a message too when its account changes (S17)", arguments: ["DATA\r\n", "BDAT 3 LAST\r\n"])
    func revokedWithinText(_ verb: String) async throws {
        let house = try await House()
        let talk = try await house.alicesTalk()
        _ = await talk.send("MAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\n\(verb)")
        try await house.directory.set(enabled: false, of: "alice")
        #expect(await talk.send("x\r\n.\r\n").hasPrefix("421 4.7.0"))
        #expect(talk.isClosed)
        #expect(try await house.mail(of: house.bob).isEmpty)
    }

    @Test("wrong passwords are delayed as IMAP's and POP3's are, twice as long each time on a connection (S44)")
    func delayed() async throws {
        let house = try await House()
        let talk = try await house.talk(.submissions)
        // NUL alice NUL wrong
        #expect(await talk.send("AUTH PLAIN AGFsaWNlAHdyb25n\r\n").hasPrefix("535 "))
        #expect(await talk.send("AUTH LOGIN YWxpY2U=\r\nd3Jvbmc=\r\n").hasSuffix("\r\n535 5.7.8 Authentication credentials invalid\r\n"))
        #expect(house.pauses.all == [.seconds(1), .seconds(2)])
        #expect(await talk.send("AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l\r\n").hasPrefix("235 "))
        #expect(house.pauses.all.count == 2)
    }

    @Test("credentials never print themselves")
    func silence() {
        let credentials = Credentials(user: "alice", password: .init("open sesame"))
        var text = ""
        dump(credentials, to: &text)
        dump(SMTPWork.authenticate(LoginAttempt(.password(credentials), setbacks: 0)), to: &text)
        #expect(!text.contains("sesame") && !"\(credentials)".contains("alice"))
    }
}
