import Logging
import MailModel
import NIOCore
import PostOffice
import Rehearsal
import Storage
import Testing

@Suite("An account that was stolen sends no flood")
struct SenderLimitTests {
    private let alice = AccountID(rawValue: 1)
    private let bob = AccountID(rawValue: 2)

    private func at(_ minute: Int64) -> Timestamp { Timestamp(rawValue: 1_795_000_000 / 60 * 60 + minute * 60) }

    @Test("an hour slides; who is over is told of once, and counts on when there is room again")
    func slides() {
        let limit = SenderLimit(most: 10)
        #expect(limit.count(6, of: alice, at: at(0)) == .within)
        #expect(limit.count(4, of: alice, at: at(30)) == .within)
        #expect(limit.count(1, of: alice, at: at(31)) == .begins)
        #expect(limit.count(5, of: alice, at: at(59)) == .over)
        #expect(limit.count(10, of: bob, at: at(59)) == .within, "each account by itself")
        #expect(limit.count(7, of: alice, at: at(60)) == .over, "six are an hour old; four are not")
        #expect(limit.count(6, of: alice, at: at(60)) == .within)
        #expect(limit.count(1, of: alice, at: at(60)) == .begins)
        #expect(limit.count(11, of: bob, at: at(500)) == .begins, "more than an hour's in one message")
        #expect(limit.count(0, of: bob, at: at(500)) == .within)
        let none = SenderLimit(most: nil)
        #expect(none.count(1_000_000, of: alice, at: at(0)) == .within)
    }

    @Test("beyond it mail to other servers waits in the queue; local mail and other servers' does not", arguments: Premises.allCases)
    func held(_ premises: Premises) async throws {
        let now = at(0)
        try await premises.with(clock: { now }) { store in
            try await store.add(domain: try #require(Domain("example.test")))
            let alice = try await store.add(account: AccountName("alice@example.test"), passwordHash: "$argon2id$x")
            let inbox = try #require(try await store.mailbox(named: .inbox, of: alice.id)).id
            let intake = Intake(
                store: store, senderLimit: SenderLimit(most: 3), clock: { now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            func send(_ count: Int, by sender: AccountID?) async throws -> [QueueHold?] {
                let remote = try (0..<count).map { ForwardPath.mailbox(try #require(Address("r\($0)@remote.example"))) }
                let local = ForwardPath.mailbox(try #require(Address("alice@example.test")))
                let own = Intake.Recipient(address: local, destinations: [.mailbox(inbox, of: alice.id)])
                var envelope = Intake.Envelope(
                    id: try #require(TransactionID("t")), reversePath: .null,
                    recipients: remote.map { Intake.Recipient(address: $0, destinations: [.queue($0)]) } + [own],
                    isSMTPUTF8: false, trace: ByteBuffer(string: "Received: x\r\n"), submission: nil)
                envelope.sender = sender
                let receipt = try await intake.deliver(envelope, ByteBuffer(string: "A: b\r\n\r\n"))
                #expect(receipt.placed.count == 1)
                var holds: [QueueHold?] = []
                for id in receipt.queued {
                    let entry = try await store.queued(id)
                    #expect(entry.draft.hold == nil)
                    holds.append(entry.hold)
                }
                return holds
            }
            #expect(try await send(3, by: alice.id) == [nil])
            #expect(try await send(1, by: alice.id) == [.senderLimit])
            #expect(try await send(0, by: alice.id) == [])
            #expect(try await send(9, by: nil) == [nil])
            let held = try await store.queue(after: nil, most: 9).filter { $0.hold != nil }
            #expect(held.count == 1)
            _ = try await store.update(QueueUpdate(held[0].id, hold: .release))
            #expect(try await store.queued(held[0].id).hold == nil)
        }
    }
}
