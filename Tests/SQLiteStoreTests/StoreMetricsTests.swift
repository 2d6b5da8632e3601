import Logging
import MailModel
import Metrics
import Storage
import Testing

@testable import SQLiteStore

@Suite("What the store counts")
struct StoreMetricsTests {
    @Test("commits of what changes something, syncs of bodies, operations; and what is read when somebody asks")
    func counts() async throws {
        let fixture = try Fixture()
        let registry = MetricRegistry()
        let metrics = StoreMetrics(registry)
        let master = try #require(MasterKey(Fixture.key))
        var options = SQLiteStore.Options(freeFloor: 0)
        options.metrics = metrics
        let store = try SQLiteStore.open(fixture.folder, masterKey: master, options: options, clock: { Fixture.now }, log: Logger(label: "test"))
        let domain = try #require(Domain("example.test"))
        try await store.add(domain: domain)
        let alice = try await store.add(account: AccountName("alice@example.test"), passwordHash: "-")
        let inbox = try #require(try await store.mailbox(named: .inbox, of: alice.id)).id
        let (commits, syncs) = (metrics.commit.contents.count, metrics.sync.contents.count)
        #expect(commits == 2 && syncs == 0 && metrics.operations.value == 2)
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        // It ends behind the answer to those who wait for it.
        #expect(metrics.commit.contents.count == commits + 1 && metrics.operations.value == 3)
        #expect(metrics.failures.value == 0 && store.queueLength == 0 && store.freeOctets > 0)
        await store.settleSearch(writing: true)
        #expect(store.searchWaiting == store.searchStatus.waiting)
        let path = ForwardPath.mailbox(try #require(Address("dora@remote.example")))
        let draft = QueueDraft(
            transaction: try #require(TransactionID("t-1")), reversePath: .null, recipients: [QueuedRecipient(path)], arrived: Fixture.now)
        let staged = try await Fixture.stage(Fixture.message(2), in: store)
        let queued = try await store.place(staged, [], queueing: [draft]).queued
        #expect(queued.count == 1 && store.queueLength == 1)
        await store.close()
        #expect(metrics.sync.contents.count == 2)
        let text = registry.text
        #expect(text.contains("\nmartlet_store_body_sync_seconds_count 2\n") && text.contains("martlet_store_failed_batches_total 0"))
    }
}
