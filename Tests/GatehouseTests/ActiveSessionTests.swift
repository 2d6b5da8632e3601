import Gatehouse
import MailModel
import Synchronization
import Testing

@Suite("The gatekeeper: sessions that are logged in")
struct ActiveSessionTests {
    private final class Count: Sendable {
        private let box = Mutex(0)
        var value: Int { box.withLock { $0 } }
        func add() { box.withLock { $0 += 1 } }
    }

    @Test("a change of the account ends its running sessions, each once, and nobody else's")
    func revoked() async throws {
        let gate = try await Gate()
        let other = Principal(account: AccountID(rawValue: 99), name: try AccountName("bob@example.org"))
        let (mine, theirs) = (Count(), Count())
        let sessions = [gate.keeper.admit(gate.principal) { mine.add() }, gate.keeper.admit(gate.principal) { mine.add() }]
        let otherSession = gate.keeper.admit(other) { theirs.add() }
        #expect(gate.keeper.sessionCount(of: gate.alice.id) == 2)
        gate.keeper.accountChanged(gate.alice.id)
        #expect(mine.value == 2 && theirs.value == 0)
        gate.keeper.accountChanged(gate.alice.id)
        #expect(mine.value == 2)
        #expect(sessions.allSatisfy { $0.principal == gate.principal } && otherSession.principal == other)
    }

    @Test("a session that is over is not told")
    func released() async throws {
        let gate = try await Gate()
        let count = Count()
        var session: ActiveSession? = gate.keeper.admit(gate.principal) { count.add() }
        #expect(session != nil)
        session = nil
        #expect(gate.keeper.sessionCount(of: gate.alice.id) == 0)
        gate.keeper.accountChanged(gate.alice.id)
        #expect(count.value == 0)
    }

    @Test("who was verified before a change and admitted after it is sent away at once")
    func late() async throws {
        let gate = try await Gate()
        #expect(await gate.verify() == .admitted(gate.principal))
        gate.keeper.accountChanged(gate.alice.id)
        let count = Count()
        let late = gate.keeper.admit(gate.principal) { count.add() }
        #expect(count.value == 1)
        #expect(await gate.verify() == .admitted(gate.principal))
        let fresh = gate.keeper.admit(gate.principal) { count.add() }
        #expect(count.value == 1)
        withExtendedLifetime((late, fresh)) {}
    }

    @Test("a session may end itself, or another's, while it is told")
    func reentrant() async throws {
        let gate = try await Gate()
        let held = Mutex<[ActiveSession]>([])
        for _ in 0..<3 {
            let session = gate.keeper.admit(gate.principal) { held.withLock { $0 = [] } }
            held.withLock { $0.append(session) }
        }
        gate.keeper.accountChanged(gate.alice.id)
        #expect(gate.keeper.sessionCount(of: gate.alice.id) == 0)
    }
}
