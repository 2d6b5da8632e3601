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
                "[WARN] Failed POP3 login attempt for user: bob peer=192.0.2.7",
                "[ERROR] Authentication error: InvalidCredentials peer=192.0.2.7",
            ])
    }

    @Test("a disabled account is a failed login, with its cause for the operator")
    func disabled() async throws {
        let gate = try await Gate()
        try await gate.store.set(enabled: false, of: gate.alice.id)
        _ = await gate.verify("alice", over: .smtp)
        #expect(
            gate.log.lines == [
                "[WARN] Failed SMTP login attempt for user: alice peer=192.0.2.7",
                "[ERROR] Authentication error: AccountDisabled peer=192.0.2.7",
            ])
    }

    @Test("no password is ever logged, right or wrong (S100)")
    func silent() async throws {
        let gate = try await Gate()
        for (user, password) in [("alice", Gate.rightPassword), ("alice", "hunter2hunter2"), ("nobody", "hunter2hunter2")] {
            _ = await gate.verify(user, password)
        }
        #expect(gate.log.lines.count == 5)
        #expect(!gate.log.lines.contains { $0.contains("hunter2") || $0.contains("horse") || $0.contains("argon2") })
    }

    @Test(
        "a user name can neither end a log line nor fill it",
        arguments: [
            ("eve\r\n[INFO] Successful IMAP login for user: alice", "eve??[INFO] Successful IMAP login for user: alice"),
            ("\u{1B}[2Jeve", "?[2Jeve"), ("nul\u{0}", "nul?"), ("\u{202E}ecila", "?ecila"), ("line\u{2028}end", "line?end"),
            ("Jörg", "Jörg"), (String(repeating: "x", count: 5_000), String(repeating: "x", count: 128)),
        ])
    func sanitised(user: String, logged: String) async throws {
        #expect(LoggedName.clean(user) == logged)
        let gate = try await Gate()
        _ = await gate.verify(user, "x")
        #expect(gate.log.lines.first == "[WARN] Failed IMAP login attempt for user: \(logged) peer=192.0.2.7")
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
