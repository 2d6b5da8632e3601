import Gatehouse
import MailModel
import MemoryStore
import Storage
import Synchronization
import Testing

@Suite("The gatekeeper: who has failed too often")
struct LockedGateTests {
    /// Alice's, which costs little.
    private static let cheap = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
    private static let right = "password"

    private let clock = HandClock()
    private let log = LogLines()
    private let store = MemoryStore(clock: { Timestamp(rawValue: 1_000) })
    private let keeper: Gatekeeper
    private let alice: AccountRecord
    private let pauses = Pauses()

    private final class Pauses: Sendable {
        private let kept = Mutex<[Duration]>([])
        func add(_ time: Duration) { kept.withLock { $0.append(time) } }
        func take() -> [Duration] {
            kept.withLock { kept in
                defer { kept = [] }
                return kept
            }
        }
    }

    init() async throws {
        let domain = try #require(Domain("example.org"))
        try await store.add(domain: domain)
        let (clock, pauses) = (clock, pauses)
        let penalties = LoginPenalties(
            LoginPenalties.Settings(), store: store, log: log.logger, clock: { Timestamp(rawValue: 5_000) }, monotonic: { clock.instant })
        keeper = Gatekeeper(
            accounts: store, settings: Gatekeeper.Settings(defaultDomain: domain), log: log.logger, clock: { Timestamp(rawValue: 5_000) },
            monotonic: { clock.instant }, pause: { pauses.add($0) }, penalties: penalties)
        alice = try await store.add(account: AccountName("alice@example.org"), passwordHash: LockedGateTests.cheap)
    }

    private func verify(_ user: String = "alice", _ password: String = right, from peer: String = "192.0.2.7", setbacks: Int = 0) async -> Verdict {
        await keeper.verify(user: user, password: Password(password), over: .imap, from: peer, setbacks: setbacks)
    }

    private var admitted: Verdict { .admitted(Principal(account: alice.id, name: alice.name)) }

    @Test("the delay grows over connections, up to 16 s, for who comes from that network")
    func delays() async throws {
        for number in 0..<6 { _ = await verify("alice", "wrong \(number)") }
        #expect(pauses.take() == [1, 2, 4, 8, 16, 16].map { .seconds($0) })
        _ = await verify("alice", "wrong", from: "203.0.113.1")
        _ = await verify("bob", "wrong")
        _ = await verify("bob", "wrong", setbacks: 3)
        #expect(pauses.take() == [1, 1, 8].map { .seconds($0) })
    }

    @Test("once it is locked, a right password is told what a wrong one is, as late, and nothing is hashed; elsewhere it is right")
    func noOracle() async throws {
        for number in 0..<10 { #expect(await verify("alice", "wrong \(number)") == .refused) }
        let hashes = keeper.hashCount
        _ = pauses.take()
        for password in ["wrong again", LockedGateTests.right, "", String(repeating: "x", count: 2_000)] {
            #expect(await verify("alice", password) == .refused)
            // What a comparison takes of late (no time: the clock stands still), and the longest delay.
            #expect(pauses.take() == [.zero, .seconds(16)])
        }
        #expect(keeper.hashCount == hashes)
        #expect(await verify(from: "203.0.113.1") == admitted)
        let lines = log.lines.filter { $0.contains("Locked out") }
        #expect(lines == ["[WARN] Locked out: alice in 192.0.2.0/24 for 900 s, after 10 wrong passwords peer=192.0.2.7"])
        #expect(keeper.ledger.protocols[.imap]?.refused == 14)
        clock.move(.seconds(61))
        _ = await verify()
        #expect(log.lines.last == "[WARN] Failed IMAP login attempt for user: alice (Authentication error: LockedOut) peer=192.0.2.7")
        clock.move(.seconds(840))
        #expect(await verify() == admitted)
    }

    @Test("a name that is nobody's is locked as anybody's: nothing shows which there are")
    func nobody() async throws {
        for number in 0..<11 { _ = await verify("nobody", "wrong \(number)") }
        #expect(keeper.hashCount == 10)
        #expect(log.lines.contains { $0.hasPrefix("[WARN] Locked out: nobody in 192.0.2.0/24") })
    }

    @Test("who is known keeps getting in while a neighbour is locked out")
    func known() async throws {
        #expect(await verify() == admitted)
        for number in 0..<30 { _ = await verify("alice", "wrong \(number)", from: "192.0.2.66") }
        #expect(await verify(from: "192.0.2.66") == .refused)
        #expect(await verify() == admitted)
    }

    @Test("a right password is not told to who is locked out while it is hashed")
    func meanwhile() async throws {
        let attempt = Task.immediate { await verify() }
        for number in 0..<10 {
            let trial = keeper.penalties.trial(of: "alice", name: alice.name, secret: Password("wrong \(number)"), from: "192.0.2.7")
            _ = keeper.penalties.failed(trial)
        }
        #expect(await attempt.value == .refused)
    }

    @Test("what is told to come later counts as no failure")
    func busy() async throws {
        store.fail([.accounts], with: .unavailable("the disk is gone"))
        for number in 0..<60 { #expect(await verify("alice", "wrong \(number)") == .busy) }
        store.fail([.accounts], with: nil)
        #expect(await verify() == admitted)
        #expect(keeper.penalties.banCount == 0 && keeper.penalties.lockoutCount == 0)
    }

    @Test("S94: an authentication that takes more than a second is told")
    func slow() async throws {
        let (clock, store) = (clock, store)
        let slow = Gatekeeper(
            accounts: store, settings: Gatekeeper.Settings(defaultDomain: Domain("example.org")), log: log.logger, clock: { Timestamp(rawValue: 5_000) },
            monotonic: {
                clock.move(.milliseconds(300))
                return clock.instant
            }, pause: { _ in })
        _ = await slow.verify(user: "alice", password: Password("wrong"), over: .pop3, from: "192.0.2.7")
        #expect(log.lines.contains { $0.hasPrefix("[WARN] Slow POP3 authentication: ") && $0.hasSuffix(" ms peer=192.0.2.7") }, "\(log.lines)")
    }
}
