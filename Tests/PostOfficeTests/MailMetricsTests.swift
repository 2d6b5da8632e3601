import Logging
import MailModel
import MemoryStore
import Metrics
import NIOCore
import Storage
import Testing

@testable import PostOffice

@Suite("What the post office counts (S89, S90)")
struct MailMetricsTests {
    private let registry = MetricRegistry()
    private let security = SecurityCounters()
    private let metrics: MailMetrics

    init() { metrics = MailMetrics(registry, security) }

    private func shows(_ line: String) -> Bool { registry.text.split(separator: "\n").contains(Substring(line)) }

    @Test("messages that are taken, with their octets and mailboxes, and those that are not, by reason")
    func intake() async throws {
        let now = Timestamp(rawValue: 1_795_307_700)
        let store = MemoryStore { now }
        try await store.add(domain: try #require(Domain("example.test")))
        let account = try await store.add(account: AccountName("alice@example.test"), passwordHash: "-")
        let inbox = try #require(try await store.mailbox(named: .inbox, of: account.id)).id
        let intake = Intake(
            store: store, senderLimit: SenderLimit(most: 1), clock: { now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, metrics: metrics)
        let local = ForwardPath.mailbox(try #require(Address("alice@example.test")))
        let remote = ForwardPath.mailbox(try #require(Address("dora@remote.example")))
        func deliver(_ text: String, to destinations: [Destination]) async throws -> Int {
            var envelope = Intake.Envelope(
                id: try #require(TransactionID("t")), reversePath: .null, recipients: [.init(address: local, destinations: destinations)],
                isSMTPUTF8: false, trace: ByteBuffer(string: "Received: x\r\n"), submission: nil)
            envelope.sender = account.id
            return try await intake.deliver(envelope, ByteBuffer(string: text)).size
        }
        var octets = try await deliver("A: b\r\n\r\n", to: [.mailbox(inbox, of: account.id)])
        octets += try await deliver("A: b\r\n\r\n", to: [.queue(remote)])
        octets += try await deliver("A: b\r\n\r\n", to: [.queue(remote)])
        #expect(shows("martlet_messages_accepted_total{from=\"others\"} 3") && shows("martlet_messages_accepted_total{from=\"users\"} 0"))
        #expect(shows("martlet_messages_accepted_bytes_total \(octets)") && shows("martlet_mailbox_deliveries_total 1"))
        // The third is more than its sender may.
        #expect(security.count(.rateLimit) == 1)
        let loop = String(repeating: "Received: from here\r\n", count: HeaderSurvey.mostHops + 1) + "\r\n"
        await #expect(throws: Refusal.loop) { try await deliver(loop, to: [.mailbox(inbox, of: account.id)]) }
        store.isFull = true
        await #expect(throws: Refusal.full) { try await deliver("A: b\r\n\r\n", to: [.mailbox(inbox, of: account.id)]) }
        #expect(shows("martlet_messages_refused_total{reason=\"loop\"} 1") && shows("martlet_messages_refused_total{reason=\"disk\"} 1"))
        #expect(shows("martlet_messages_accepted_total{from=\"others\"} 3"))
    }

    @Test("what becomes of the queue's recipients, the messages and octets that others took, and reports")
    func outbox() async throws {
        let house = try await OutboxHouse(metrics: metrics)
        try house.domain("a.example", at: "9.0.0.1")
        house.carrier.set { delivery in
            CarrierReport(
                outcomes: delivery.recipients.map { recipient in
                    if recipient.hasPrefix("no") {
                        return .refused(RemoteReply(code: 550, status: .permanent(1, 1), lines: ["No such user"]), isPermanent: true)
                    }
                    if recipient.hasPrefix("later") {
                        return .refused(RemoteReply(code: 451, status: .transient(7, 1), lines: ["Greylisted"]), isPermanent: false)
                    }
                    return .delivered(ScriptedCarrier.ok, relaysNotify: false)
                }, isUsable: true)
        }
        let id = try await house.queue(["yes@a.example", "later@a.example", "no@a.example"])
        let size = try await house.store.queued(id).size
        await house.outbox.queued([id])
        await house.outbox.whenQuiet()
        for outcome in ["delivered", "failed", "deferred"] { #expect(shows("martlet_queue_tries_total{outcome=\"\(outcome)\"} 1"), "\(outcome)") }
        #expect(shows("martlet_messages_sent_total 1") && shows("martlet_messages_sent_bytes_total \(size)"))
        #expect(shows("martlet_delivery_reports_total 1"))
        #expect(metrics.scheduled.value == 1)
        await house.outbox.stop()
    }

    @Test("a new mailbox's name that would lead through folders is counted as that: S48, S89")
    func mailboxes() async throws {
        let store = MemoryStore()
        try await store.add(domain: try #require(Domain("example.test")))
        let account = try await store.add(account: AccountName("alice@example.test"), passwordHash: "-")
        let mailroom = Mailroom(store: store, clock: { Timestamp(rawValue: 1_000) }, security: security)
        let alice = Principal(account: account.id, name: account.name)
        for name in ["a/../b", "a\u{202E}b"] {
            await #expect(throws: MailroomRefusal.self) { try await mailroom.create(try #require(MailboxName(name)), of: alice) }
        }
        #expect(security.count(.pathTraversal) == 1 && security.count(.invalidInput) == 1)
    }
}
