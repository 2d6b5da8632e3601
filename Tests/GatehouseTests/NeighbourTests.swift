import Gatehouse
import MailModel
import Storage
import Synchronization
import Testing

@Suite("The gatekeeper: one address that fails without end, and its neighbours")
struct NeighbourTests {
    /// Loops wrong logins on many connections until it is told to stop; each with a user and a password of its own.
    private func attack(_ gate: Gate, connections: Int, user: @escaping @Sendable (Int) -> String) -> [Task<Int, Never>] {
        (0..<connections).map { connection in
            Task.immediate {
                var count = 0
                while !Task.isCancelled {
                    _ = await gate.keeper.verify(
                        user: user(connection), password: Password("wrong \(connection) \(count)"), over: .imap, from: "203.0.113.9")
                    count += 1
                    await Task.yield()
                }
                return count
            }
        }
    }

    @Test("70 connections of one address that loop wrong logins: everybody else waits for one hash at most beside that under way", arguments: [false, true])
    func neighbours(onOneAccount: Bool) async throws {
        let gate = try await Gate(queueCapacity: 96)
        let names = (0..<4).map { "user\($0)" }
        // "password" at little cost: what is counted is turns.
        let cheap = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
        for name in names + (0..<70).map({ "guess\($0)" }) {
            _ = try await gate.store.add(account: AccountName("\(name)@example.org"), passwordHash: cheap)
        }
        let attackers = attack(gate, connections: 70) { onOneAccount ? "user0" : "guess\($0)" }
        for (number, name) in names.enumerated() {
            let verdict = await gate.keeper.verify(
                user: name, password: Password("password"), over: .pop3, from: "198.51.100.\(number)")
            if case .admitted = verdict {} else { Issue.record("\(name): \(verdict)") }
        }
        for attacker in attackers { attacker.cancel() }
        for attacker in attackers { _ = await attacker.value }
        #expect(try #require(gate.keeper.ledger.protocols[.pop3]).mostTurnsWaited <= 1)
        #expect(gate.keeper.ledger.protocols[.pop3]?.admitted == names.count && gate.keeper.ledger.protocols[.pop3]?.busy == 0)
        // Of the attack's lines ten of each kind are there; how many more, in a line of each kind.
        gate.keeper.finishLog()
        let ledger = try #require(gate.keeper.ledger.protocols[.imap])
        #expect(gate.log.lines.count <= names.count + 2 * 11)
        #expect(told("Failed", in: gate.log.lines) == ledger.refused)
        #expect(told("TooManyLogins", in: gate.log.lines) == ledger.busy)
        #expect(gate.keeper.ledger.busyByPeer.counts["203.0.113.9"] ?? 0 == ledger.busy)
    }

    @Test("a stop answers who waits for a hash, and who comes then, without one")
    func stop() async throws {
        let gate = try await Gate(queueCapacity: 96)
        let waiting = (0..<40).map { number in
            Task.immediate {
                await gate.keeper.verify(user: "guess\(number)", password: Password("wrong"), over: .imap, from: "192.0.2.\(number)")
            }
        }
        gate.keeper.stop()
        // Beside those the thread may just have taken one up.
        let begun = gate.keeper.hashCount + 1
        var verdicts: [Verdict] = []
        for task in waiting { verdicts.append(await task.value) }
        verdicts.append(await gate.verify())
        #expect(verdicts.count { $0 == .busy } >= waiting.count + 1 - begun && verdicts.last == .busy)
        #expect(gate.keeper.hashCount <= begun)
        await #expect(throws: HashingFault.busy) { try await gate.keeper.hashPassword(Password("anything at all")) }
    }

    /// Lines of a kind, with those that a count tells of.
    private func told(_ word: String, in lines: [String]) -> Int {
        lines.filter { $0.contains(word) }.reduce(0) { sum, line in
            guard let end = line.firstRange(of: " more in the last") else { return sum + 1 }
            return sum + (Int(line[..<end.lowerBound].split(separator: " ").last ?? "") ?? 0)
        }
    }

    @Test("every answer but a success is delayed, twice as long each time up to sixteen times, in one place for all faces")
    func delays() async throws {
        let pauses = Mutex<[Duration]>([])
        let gate = try await Gate(queueCapacity: 1, pause: { pause in pauses.withLock { $0.append(pause) } })
        for setbacks in [0, 1, 2, 3, 4, 5, Int.max, -1] {
            #expect(await gate.keeper.verify(user: "bob", password: Password("wrong"), over: .smtp, from: "::1", setbacks: setbacks) == .refused)
        }
        #expect(pauses.withLock { $0 } == [1, 2, 4, 8, 16, 16, 16, 1].map { .seconds($0) })
        pauses.withLock { $0 = [] }
        #expect(await gate.verify() == .admitted(gate.principal))
        #expect(pauses.withLock { $0 } == [])
        gate.store.fail([.accounts], with: .unavailable("the disk is gone"))
        #expect(await gate.verify() == .busy)
        #expect(pauses.withLock { $0 } == [.seconds(1)])
    }

    @Test("busy answers are delayed and counted as refusals are")
    func busy() async throws {
        let pauses = Mutex(0)
        let gate = try await Gate(queueCapacity: 1, pause: { _ in pauses.withLock { $0 += 1 } })
        let tasks = (0..<6).map { number in Task.immediate { await gate.verify("alice", "wrong \(number)") } }
        for task in tasks { _ = await task.value }
        #expect(pauses.withLock { $0 } == 6)
        #expect(gate.keeper.ledger.busyByPeer.counts["192.0.2.7"] ?? 0 >= 4)
    }
}

@Suite("The gatekeeper: how many lines of a kind")
struct LineSharesTests {
    @Test("ten lines of an address in a minute; then a count, when the minute is over or the server stops")
    func counted() async throws {
        let gate = try await Gate()
        gate.store.fail([.accounts], with: .unavailable("x"))
        for _ in 0..<25 { _ = await gate.verify("alice", "wrong") }
        #expect(gate.log.lines.count == 10)
        gate.clock.move(.seconds(61))
        _ = await gate.verify("alice", "wrong")
        #expect(gate.log.lines.count == 12)
        #expect(gate.log.lines[10] == "[ERROR] Authentication error: 15 more in the last 61 s peer=192.0.2.7")
        for _ in 0..<12 { _ = await gate.verify("alice", "wrong") }
        gate.keeper.finishLog()
        #expect(gate.log.lines.last == "[ERROR] Authentication error: 3 more in the last 0 s peer=192.0.2.7")
        gate.keeper.finishLog()
        #expect(gate.log.lines.count == 22)
    }

    @Test("a success is written, whatever else comes from its address")
    func success() async throws {
        let gate = try await Gate()
        gate.store.fail([.accounts], with: .unavailable("x"))
        for _ in 0..<25 { _ = await gate.verify("alice", "wrong") }
        gate.store.fail([.accounts], with: nil)
        for _ in 0..<30 { _ = await gate.verify() }
        #expect(gate.log.lines.count { $0 == "[INFO] Successful IMAP login for user: alice@example.org peer=192.0.2.7" } == 10)
        gate.keeper.finishLog()
        #expect(gate.log.lines.contains("[INFO] Successful login: 20 more in the last 0 s peer=192.0.2.7"))
    }
}
