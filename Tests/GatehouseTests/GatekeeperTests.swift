import Gatehouse
import MailModel
import MemoryStore
import Storage
import Testing

@Suite("The gatekeeper: who gets in")
struct GatekeeperTests {
    @Test("the right password admits, by full or bare name, without regard to the name's case (S15, decision table)")
    func right() async throws {
        let gate = try await Gate()
        for user in ["alice@example.org", "alice", "ALICE", "Alice@Example.Org"] {
            #expect(await gate.verify(user) == .admitted(gate.principal), "\(user)")
        }
        #expect(try await gate.store.account(gate.alice.id)?.lastLogin == Timestamp(rawValue: 5_000))
    }

    @Test("unknown user, wrong password, disabled account and malformed name answer alike, for a hash each (S17)")
    func refused() async throws {
        let gate = try await Gate()
        let carol = try await gate.store.add(account: AccountName("carol@example.org"), passwordHash: Gate.rightHash)
        try await gate.store.set(enabled: false, of: carol.id)
        _ = try await gate.store.add(account: AccountName("broken@example.org"), passwordHash: "*")
        let attempts = [
            ("alice", "wrong"), ("alice", ""), ("nobody", Gate.rightPassword), ("carol", Gate.rightPassword), ("carol", "wrong"),
            ("alice@other.example", Gate.rightPassword), ("", ""), ("a\r\nb@@", "x"), ("broken", Gate.rightPassword),
            ("alice", String(repeating: "x", count: 2_000)),
        ]
        for (number, attempt) in attempts.enumerated() {
            #expect(await gate.verify(attempt.0, attempt.1) == .refused, "\(attempt)")
            #expect(gate.keeper.hashCount == number + 1, "\(attempt)")
        }
        #expect(try await gate.store.account(carol.id)?.lastLogin == nil)
    }

    @Test("a password that is too long is wrong, even where its hash would match")
    func tooLong() async throws {
        let gate = try await Gate()
        let long = String(repeating: "long ", count: 300)
        try await gate.store.set(passwordHash: try await gate.keeper.hashPassword(Password(long)), of: gate.alice.id)
        #expect(await gate.verify("alice", long) == .refused)
        try await gate.store.set(passwordHash: try await gate.keeper.hashPassword(Password("")), of: gate.alice.id)
        #expect(await gate.verify("alice", long) == .refused)
    }

    @Test("without a default domain a bare name is nobody's")
    func noDefault() async throws {
        let gate = try await Gate()
        let keeper = Gatekeeper(accounts: gate.store, settings: .init(), log: gate.log.logger, clock: { Timestamp(rawValue: 0) }, pause: { _ in })
        let password = Password(Gate.rightPassword)
        #expect(await keeper.verify(user: "alice", password: password, over: .pop3, from: "::1") == .refused)
        #expect(await keeper.verify(user: "alice@example.org", password: password, over: .pop3, from: "::1") == .admitted(gate.principal))
    }

    @Test("an unknown user costs what a wrong password costs: one hash, of as much memory and as many passes (S17)")
    func work() async throws {
        let gate = try await Gate()
        for (number, user) in ["alice", "nobody", "no body!"].enumerated() {
            #expect(await gate.verify(user, "wrong \(number)") == .refused)
            #expect(gate.keeper.hashCount == number + 1)
            #expect(gate.keeper.hashWork == (number + 1) * 65_536 * 3, "\(user)")
        }
    }

    @Test("with the queue full the answer is `busy`, for known and unknown users alike")
    func busy() async throws {
        let gate = try await Gate(queueCapacity: 1)
        let tasks = (0..<6).map { number in
            Task.immediate { await gate.verify(number.isMultiple(of: 2) ? "alice" : "nobody", "wrong \(number)") }
        }
        var verdicts: [Verdict] = []
        for task in tasks { verdicts.append(await task.value) }
        // One under way, one waiting at most.
        #expect(verdicts.count { $0 == .busy } >= 4)
        #expect(verdicts.contains(.refused))
        #expect(gate.keeper.ledger.protocols[.imap]?.busy == verdicts.count { $0 == .busy })
        #expect(await gate.verify() == .admitted(gate.principal))
    }

    @Test("a store that cannot be asked is `busy`, and logged as our fault")
    func storeFails() async throws {
        let gate = try await Gate()
        gate.store.fail([.accounts], with: .unavailable("the disk is gone"))
        #expect(await gate.verify() == .busy)
        #expect(gate.log.lines == ["[ERROR] Authentication error: unavailable(\"the disk is gone\") peer=192.0.2.7"])
    }

    @Test("an account that changes while its password is hashed is not admitted", arguments: ["password", "disabled", "removed"])
    func changed(how: String) async throws {
        let gate = try await Gate()
        let attempt = Task.immediate { await gate.verify() }
        switch how {
        case "password": try await gate.store.set(passwordHash: "$argon2id$other", of: gate.alice.id)
        case "disabled": try await gate.store.set(enabled: false, of: gate.alice.id)
        default: try await gate.store.remove(account: gate.alice.id)
        }
        #expect(await attempt.value == .refused)
    }
}

@Suite("The gatekeeper: proofs of a recent success")
struct RecentProofsTests {
    @Test("a second login within five minutes costs no hash; after that it does")
    func lifetime() async throws {
        let gate = try await Gate()
        for expected in [1, 1, 1] {
            #expect(await gate.verify() == .admitted(gate.principal))
            #expect(gate.keeper.hashCount == expected)
        }
        gate.clock.move(.seconds(299))
        #expect(await gate.verify() == .admitted(gate.principal))
        #expect(gate.keeper.hashCount == 1)
        // Not prolonged by its use.
        gate.clock.move(.seconds(2))
        #expect(await gate.verify() == .admitted(gate.principal))
        #expect(gate.keeper.hashCount == 2)
    }

    @Test("a proof is good for this password, this spelling and this account alone (CVE-2025-30189)")
    func narrow() async throws {
        let gate = try await Gate()
        let bob = try await gate.store.add(account: AccountName("bob@example.org"), passwordHash: Gate.rightHash)
        #expect(await gate.verify() == .admitted(gate.principal))
        #expect(await gate.verify("alice@example.org", Gate.rightPassword + " ") == .refused)
        #expect(gate.keeper.hashCount == 2)
        #expect(await gate.verify("bob@example.org") == .admitted(Principal(account: bob.id, name: bob.name)))
        #expect(gate.keeper.hashCount == 3)
        #expect(await gate.verify("alice") == .admitted(gate.principal))
        #expect(gate.keeper.hashCount == 4)
    }

    @Test("a new password, a disabled account and `accountChanged` void the proof")
    func void() async throws {
        let gate = try await Gate()
        #expect(await gate.verify() == .admitted(gate.principal))
        try await gate.store.set(enabled: false, of: gate.alice.id)
        #expect(await gate.verify() == .refused)
        try await gate.store.set(enabled: true, of: gate.alice.id)
        gate.keeper.accountChanged(gate.alice.id)
        let before = gate.keeper.hashCount
        #expect(await gate.verify() == .admitted(gate.principal))
        #expect(gate.keeper.hashCount == before + 1)
        // Even where nobody has told the gatekeeper.
        try await gate.store.set(passwordHash: try await gate.keeper.hashPassword(Password("another password")), of: gate.alice.id)
        #expect(await gate.verify() == .refused)
    }

    @Test("there are never more proofs than allowed, and the newest works")
    func bounded() async throws {
        let gate = try await Gate(proofCapacity: 3)
        let cheap = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
        for number in 0..<20 {
            _ = try await gate.store.add(account: AccountName("user\(number)@example.org"), passwordHash: cheap)
            for _ in 0..<2 { #expect(await gate.verify("user\(number)", "password") != .refused) }
            #expect(gate.keeper.hashCount == number + 1)
            #expect(gate.keeper.proofCount <= 3)
        }
    }

    @Test("ten connections that log in at once share a hash")
    func shared() async throws {
        let gate = try await Gate(queueCapacity: 2)
        let tasks = (0..<10).map { _ in Task.immediate { await gate.verify() } }
        for task in tasks { #expect(await task.value == .admitted(gate.principal)) }
        #expect(gate.keeper.hashCount == 1)
    }
}
