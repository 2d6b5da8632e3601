import Gatehouse
import MailModel
import Testing

@Suite("The gatekeeper: what it logs and counts")
struct LoginLogTests {
    @Test("successes and failures are logged in the words people grep for (S44, S47, S74-S76)")
    func words() async throws {
        let gate = try await Gate()
        _ = await gate.verify("alice", over: .imap)
        _ = await gate.verify("bob", "wrong", over: .pop3)
        #expect(
            gate.log.lines == [
                "[INFO] Successful IMAP login for user: alice peer=192.0.2.7",
                "[WARN] Failed POP3 login attempt for user: bob (Authentication error: InvalidCredentials) peer=192.0.2.7",
            ])
    }

    @Test("a disabled account is a failed login, with its cause for the operator")
    func disabled() async throws {
        let gate = try await Gate()
        try await gate.store.set(enabled: false, of: gate.alice.id)
        _ = await gate.verify("alice", over: .smtp)
        #expect(
            gate.log.lines == [
                "[WARN] Failed SMTP login attempt for user: alice (Authentication error: AccountDisabled) peer=192.0.2.7"
            ])
    }

    @Test("no password is ever logged, right or wrong (S100)")
    func silent() async throws {
        let gate = try await Gate()
        for (user, password) in [("alice", Gate.rightPassword), ("alice", "hunter2hunter2"), ("nobody", "hunter2hunter2")] {
            _ = await gate.verify(user, password)
        }
        #expect(gate.log.lines.count == 3)
        #expect(!gate.log.lines.contains { $0.contains("hunter2") || $0.contains("horse") || $0.contains("argon2") })
    }

    @Test(
        "a user name stands as it is where it is one, else in quotes, in which it can be taken for nothing else",
        arguments: [
            ("alice", "alice"), ("John.Doe_1-2", "John.Doe_1-2"), ("alice@example.org", "alice@example.org"), ("a@B.Example", "a@B.Example"),
            ("", "\"\""), ("jörg", "\"jörg\""), ("a b", "\"a b\""), ("a@[192.0.2.1]", #""a@\u{5B}192.0.2.1\u{5D}""#),
            ("a@bücher.example", "\"a@bücher.example\""), ("a@b@c", "\"a@b@c\""),
            ("eve\r\n[INFO] x", #""eve\u{D}\u{A}\u{5B}INFO\u{5D} x""#), ("\u{1B}[2Jeve", #""\u{1B}\u{5B}2Jeve""#), ("nul\u{0}", #""nul\u{0}""#),
            ("\u{202E}ecila", #""\u{202E}ecila""#), ("line\u{2028}end", #""line\u{2028}end""#), (#"a"b\c"#, #""a\u{22}b\u{5C}c""#),
            (
                "x Successful IMAP login for user: root peer=9.9.9.9",
                #""x \u{53}uccessful IMAP login for user\u{3A} root peer\u{3D}9.9.9.9""#
            ),
            ("Successful.login", #""\u{53}uccessful.login""#), ("FAILED-login@example.org", #""\u{46}AILED-login@example.org""#),
            ("attack", #""\u{61}ttack""#),
            (String(repeating: "x", count: 5_000), "\"" + String(repeating: "x", count: 128) + "\"..."),
            (String(repeating: "x", count: 124) + "Failed", "\"" + String(repeating: "x", count: 124) + "\\u{46}ail\"..."),
        ])
    func written(user: String, logged: String) async throws {
        #expect(LoggedName.written(user) == logged)
        let gate = try await Gate()
        _ = await gate.verify(user, "x")
        #expect(
            gate.log.lines == ["[WARN] Failed IMAP login attempt for user: \(logged) (Authentication error: InvalidCredentials) peer=192.0.2.7"])
        #expect(gate.log.lines.allSatisfy { !$0.contains("\n") && !$0.contains("\r") })
    }

    @Test("logins are counted by protocol, failures by user and by address (S85-S87)")
    func ledger() async throws {
        let gate = try await Gate()
        _ = await gate.verify("alice", over: .imap)
        _ = await gate.verify("alice", "wrong", over: .imap)
        _ = await gate.verify("bob", "wrong", over: .smtp)
        let ledger = gate.keeper.ledger
        #expect(ledger.protocols[.imap]?.admitted == 1 && ledger.protocols[.imap]?.refused == 1)
        #expect(ledger.protocols[.imap]?.successRate == 0.5 && ledger.protocols[.smtp]?.successRate == 0)
        #expect(ledger.protocols[.pop3] == nil && ledger.protocols[.imap]?.averageTime == .zero)
        #expect(ledger.failuresByUser.counts == ["alice": 1, "bob": 1] && ledger.failuresByPeer.counts == ["192.0.2.7": 2])
    }
}
