import Logging
import MailModel
import MemoryStore
import NIOCore
import PostOffice
import Storage
import Synchronization
import Testing

@Suite("An administrator and the queue")
struct QueueDeskTests {
    private static let start = Timestamp(rawValue: 1_795_307_700)
    private let store = MemoryStore(clock: { QueueDeskTests.start })
    private let told = Told()

    /// What those were told who run the queue.
    private final class Told: Sendable {
        private let ids = Mutex<[QueueID]>([])
        func hear(_ more: [QueueID]) { ids.withLock { $0 += more } }
        var all: [QueueID] { ids.withLock { $0 } }
    }

    private func desk(at seconds: Int64 = 0, notices: QueueDesk.Notices? = nil) -> QueueDesk {
        let now = Timestamp(rawValue: Self.start.rawValue + seconds)
        return QueueDesk(
            store: store, traces: store, clock: { now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, notices: notices
        ) { [told] in told.hear($0) }
    }

    @discardableResult
    private func queue(
        _ recipients: [String], from sender: String? = "ann@example.test", account: AccountID? = nil, arrived: Int64 = 0, notBefore: Int64? = nil
    ) async throws -> QueueID {
        let sink = try await store.receive(expected: nil)
        try await sink.write(ByteBuffer(string: "Subject: x\r\n\r\nbody\r\n"))
        let body = try await sink.finish(.other(.init(kind: try #require(.init(rawValue: 1)), version: 1, octets: [])))
        let path: ReversePath = if let sender { .mailbox(try #require(Address(sender))) } else { .null }
        let draft = QueueDraft(
            transaction: try #require(TransactionID("id-\(recipients.count)-\(arrived)")), reversePath: path,
            recipients: try recipients.map { QueuedRecipient(.mailbox(try #require(Address($0)))) },
            arrived: Timestamp(rawValue: Self.start.rawValue + arrived), sender: account,
            notBefore: notBefore.map { Timestamp(rawValue: Self.start.rawValue + $0) })
        return try #require(try await store.place(body, [], queueing: [draft]).queued.first)
    }

    private func tried(_ id: QueueID, _ place: Int = 0, due: Int64) async throws {
        let progress = RecipientProgress(
            attempts: 1, due: Timestamp(rawValue: Self.start.rawValue + due), last: .init(at: Self.start, reason: "no answer", status: EnhancedStatus(4, 4, 1)))
        _ = try await store.update(QueueUpdate(id, recipients: [place: progress]))
    }

    @Test("each filter says which entries are meant, and all that is set must hold")
    func filters() async throws {
        let account = AccountID(rawValue: 7)
        let plain = try await queue(["a@one.example"])
        let two = try await queue(["b@two.example", "c@one.example"], from: "Bob@example.test", account: account, arrived: 10)
        let bounce = try await queue(["d@three.example"], from: nil, arrived: 20)
        let later = try await queue(["e@four.example"], arrived: 30, notBefore: 500)
        try await tried(two, due: 900)
        let desk = desk(at: 100)
        _ = try await desk.act(.hold, on: [bounce])
        func found(_ filter: QueueFilter) async throws -> [QueueID] { try await desk.list(filter).entries.map(\.id) }
        let one = try #require(Domain("one.example"))
        #expect(try await found(QueueFilter()) == [plain, two, bounce, later])
        #expect(try await found(QueueFilter(domain: one)) == [plain, two])
        #expect(try await found(QueueFilter(sender: .path(.mailbox(try #require(Address("bob@example.test")))))) == [two])
        #expect(try await found(QueueFilter(sender: .path(.null))) == [bounce])
        #expect(try await found(QueueFilter(sender: .account(account))) == [two])
        #expect(try await found(QueueFilter(before: Timestamp(rawValue: Self.start.rawValue + 20))) == [plain, two])
        for (state, ids) in [(QueueState.waiting, [plain]), (.deferred, [two]), (.held, [bounce]), (.scheduled, [later])] {
            #expect(try await found(QueueFilter(state: state)) == ids)
        }
        #expect(try await found(QueueFilter(domain: one, state: .deferred)) == [two])
        _ = try await desk.act(.cancel, on: QueueFilter(domain: one, state: .deferred))
        #expect(try await found(QueueFilter(domain: one)) == [plain], "who waits no more there is not meant")
    }

    @Test("a page has as many as were asked for, and says where the next begins")
    func pages() async throws {
        var ids: [QueueID] = []
        for number in 0..<25 { ids.append(try await queue(["a@\(number % 5 == 0 ? "five" : "other").example"])) }
        let first = try await desk().list(QueueFilter(), most: 10)
        #expect(first.entries.map(\.id) == Array(ids[..<10]) && first.next == ids[9])
        let last = try await desk().list(QueueFilter(), after: ids[19], most: 10)
        #expect(last.entries.map(\.id) == Array(ids[20...]) && last.next == nil)
        let five = try await desk().list(QueueFilter(domain: Domain("five.example")), most: 10)
        #expect(five.entries.count == 5 && five.next == nil)
    }

    @Test("of a long queue each call sees a part, and all of it is come through")
    func longQueue() async throws {
        for _ in 0..<(QueueDesk.mostSeen + 300) { try await queue(["a@other.example"]) }
        let wanted = try await queue(["a@wanted.example"])
        let filter = QueueFilter(domain: Domain("wanted.example"))
        let first = try await desk().act(.hold, on: filter)
        #expect(first.changed.isEmpty && first.next != nil)
        let second = try await desk().act(.hold, on: filter, after: first.next)
        #expect(second.changed == [wanted] && second.next == nil)
        #expect(try await desk().act(.retry, on: QueueFilter()).changed.count == QueueDesk.mostActed)
    }

    @Test("retry makes those due now who wait, and keeps what is known of them; a hold stays")
    func retry() async throws {
        let id = try await queue(["a@one.example", "b@two.example"])
        try await tried(id, 0, due: 900)
        try await tried(id, 1, due: 800)
        _ = try await desk().act(.hold, on: [id])
        #expect(try await desk(at: 100).act(.retry, on: QueueFilter(domain: Domain("two.example"))).changed == [id])
        let entry = try await store.queued(id)
        #expect(entry.progress.map(\.due.rawValue) == [Self.start.rawValue + 900, Self.start.rawValue + 100])
        #expect(entry.progress[1].attempts == 1 && entry.progress[1].last?.reason == "no answer" && entry.hold == .administrator)
        #expect(told.all == [id, id])
    }

    @Test("a hold, whatever its reason, is ended by release; both once")
    func hold() async throws {
        let id = try await queue(["a@one.example"])
        #expect(try await desk().act(.hold, on: [id]).changed == [id])
        #expect(try await desk().act(.hold, on: [id]).changed == [])
        #expect(try await desk().act(.release, on: [id]).changed == [id])
        #expect(try await desk().act(.release, on: [id]).changed == [])
        _ = try await store.update(QueueUpdate(id, hold: .hold(.senderDisabled)))
        #expect(try await desk().act(.release, on: [id]).changed == [id])
        #expect(try await store.queued(id).hold == nil)
        #expect(try await store.events(of: try await store.queued(id).draft.transaction).map(\.kind) == [.held, .released, .released])
    }

    @Test("cancel ends an entry; of a filter's domain those alone who are there")
    func cancel() async throws {
        let (whole, part) = (try await queue(["a@one.example"]), try await queue(["a@one.example", "b@two.example"]))
        let gone = QueueID(rawValue: 1 << 40)
        let done = try await desk().act(.cancel, on: [whole, gone])
        #expect(done.changed == [whole] && done.missing == [gone])
        await #expect(throws: StorageFault.noSuchMessage) { try await desk().show(whole) }
        #expect(try await desk().act(.cancel, on: QueueFilter(domain: Domain("one.example"))).changed == [part])
        #expect(try await desk().show(part).progress.map(\.phase) == [.cancelled, .waiting])
        let events = try await store.events(of: try #require(TransactionID("id-2-0")))
        #expect(events.map(\.kind) == [.cancelled] && events.first?.fields["recipient"] == "a@one.example")
    }

    @Test("bounce gives up, and the report is placed by the same commit; without who writes it nothing is given up")
    func bounce() async throws {
        let id = try await queue(["a@one.example", "b@two.example"])
        let null = try await queue(["c@one.example"], from: nil)
        try await tried(id, 1, due: 900)
        await #expect(throws: StorageFault.self) { try await desk().act(.bounce, on: [id]) }
        #expect(try await store.queued(id).progress.allSatisfy { $0.phase == .waiting })
        let store = store
        let report: QueueDesk.Notices = { entry, recipients in
            #expect(recipients.values.allSatisfy { $0.phase == .failed } && recipients[1]?.last?.reason == "no answer")
            let sink = try await store.receive(expected: nil)
            try await sink.write(ByteBuffer(string: "Subject: report\r\n\r\n"))
            let body = try await sink.finish(.other(.init(kind: try #require(.init(rawValue: 1)), version: 1, octets: [])))
            let draft = QueueDraft(
                transaction: try #require(TransactionID("report")), reversePath: .null,
                recipients: [QueuedRecipient(.mailbox(try #require(entry.draft.reversePath.address)))], traits: .isAutomatic, arrived: Self.start)
            return [QueueUpdate.Notice(body: body, placements: [], drafts: [draft])]
        }
        #expect(try await desk(notices: report).act(.bounce, on: QueueFilter()).changed == [id])
        let left = try await desk().list(QueueFilter()).entries
        #expect(left.map(\.draft.reversePath) == [.null, .null] && left.first?.id == null, "what nobody would hear of stays")
        #expect(told.all == [id] + left.dropFirst().map(\.id))
        #expect(try await store.events(of: try #require(TransactionID("id-2-0"))).map(\.kind) == [.failed, .failed, .notified])
    }

    @Test("a fault in the middle is told, and so is what was done before it")
    func fault() async throws {
        let id = try await queue(["a@one.example"])
        try await queue(["b@one.example"], from: "broken@example.test")
        let failing: QueueDesk.Notices = { entry, _ in
            if entry.draft.reversePath.address?.localPart == "broken" { throw StorageFault.full }
            return []
        }
        await #expect(throws: StorageFault.full) { try await desk(notices: failing).act(.bounce, on: QueueFilter()) }
        #expect(told.all == [id])
        #expect(try await desk().list(QueueFilter()).entries.count == 1)
    }

    @Test("a trace that cannot be written changes nothing of what is done")
    func traceFault() async throws {
        let id = try await queue(["a@one.example"])
        store.fail([.trace], with: .full)
        #expect(try await desk().act(.hold, on: [id]).changed == [id])
        #expect(try await store.queued(id).hold == .administrator)
    }
}
