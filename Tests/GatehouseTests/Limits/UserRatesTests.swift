import Gatehouse
import MailModel
import MemoryStore
import Storage
import Testing

@Suite("How often a user does what costs (S43)")
struct UserRatesTests {
    private let clock = HandClock()
    private let log = LogLines()

    private func rates(_ change: (inout UserRates.Settings) -> Void = { _ in }) throws -> UserRates {
        var settings = UserRates.Settings()
        change(&settings)
        let exempt = try NetworkList("127.0.0.0/8")
        return UserRates(settings, log: log.logger, monotonic: { [clock] in clock.instant }, isExempt: { exempt.contains($0) })
    }

    private func principal(_ number: Int64) throws -> Principal {
        Principal(account: AccountID(rawValue: number), name: try AccountName("user\(number)@example.org"))
    }

    @Test("200 in a minute, from wherever; the excess is told to the log once, and others are not touched")
    func most() throws {
        let rates = try rates()
        let (alice, bob) = try (principal(1), principal(2))
        for number in 0..<200 { #expect(rates.takes(alice, from: number.isMultiple(of: 2) ? "192.0.2.7" : "2001:db8::1")) }
        for _ in 0..<50 { #expect(!rates.takes(alice, from: "203.0.113.1")) }
        #expect(rates.takes(bob, from: "192.0.2.7"))
        #expect(log.lines == ["[WARN] Rate limit exceeded for user: user1@example.org peer=203.0.113.1"])
        clock.move(.seconds(59))
        #expect(!rates.takes(alice, from: "192.0.2.7"))
        clock.move(.seconds(1))
        #expect(rates.takes(alice, from: "192.0.2.7"))
    }

    @Test("exempt addresses, peers without one, and a limit of 0 are not counted")
    func exempt() throws {
        let rates = try rates { $0.most = 1 }
        let alice = try principal(1)
        for _ in 0..<3 { #expect(rates.takes(alice, from: "127.0.0.1") && rates.takes(alice, from: "")) }
        #expect(rates.count == 0)
        let off = try self.rates { $0.most = 0 }
        for _ in 0..<3 { #expect(off.takes(alice, from: "192.0.2.1")) }
    }

    @Test("S41: what is over is forgotten; the table is bounded, and who is over the limit stays in it")
    func bounded() throws {
        let rates = try rates { ($0.most, $0.capacity) = (3, 16) }
        for _ in 0..<4 { _ = rates.takes(try principal(1), from: "192.0.2.1") }
        for number: Int64 in 2..<200 { _ = rates.takes(try principal(number), from: "192.0.2.1") }
        let busiest = try principal(1)
        #expect(rates.count <= 16 && !rates.takes(busiest, from: "192.0.2.1"))
        clock.move(.seconds(60))
        rates.forgetOver()
        #expect(rates.count == 0)
    }

    @Test("who logs in too often is told to try later, and that is no failure")
    func logins() async throws {
        let store = MemoryStore(clock: { Timestamp(rawValue: 1_000) })
        let domain = try #require(Domain("example.org"))
        try await store.add(domain: domain)
        let alice = try await store.add(account: AccountName("alice@example.org"), passwordHash: Gate.rightHash)
        let keeper = Gatekeeper(
            accounts: store, settings: Gatekeeper.Settings(defaultDomain: domain), log: log.logger, clock: { Timestamp(rawValue: 5_000) },
            monotonic: { [clock] in clock.instant }, pause: { _ in }, rates: try rates { $0.most = 2 })
        func verify() async -> Verdict {
            await keeper.verify(user: "alice", password: Password(Gate.rightPassword), over: .imap, from: "192.0.2.7")
        }
        let admitted = Verdict.admitted(Principal(account: alice.id, name: alice.name))
        let verdicts = [await verify(), await verify(), await verify()]
        #expect(verdicts == [admitted, admitted, .busy])
        clock.move(.seconds(60))
        #expect(await verify() == admitted)
    }
}
