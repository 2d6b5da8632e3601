import Gatehouse
import Logging
import MailModel
import MemoryStore
import NIOCore
import Rehearsal
import Storage
import Synchronization
import Testing
import Transport

@testable import PostOffice

/// A house with `example.test` and alice in it, whose outbox asks a table for names and a script for servers.
final class OutboxHouse: Sendable {
    let clock = TestClock()
    let store: MemoryStore
    let names = NameTable()
    let carrier = ScriptedCarrier()
    /// Where policies (MTA-STS) are fetched from.
    let web = ScriptedWeb()
    let directory: Directory
    let intake: Intake
    let reporting: DeliveryReporting
    let lists: ListMaster
    let received: ReceivedReports
    let reader: ReportReader
    let outbox: Outbox
    let alice: AccountID
    let inbox: MailboxID
    /// What was traced.
    let events = Events()
    /// What was told of TLS.
    let observations = Observations()

    final class Observations: Sendable {
        private let kept = Mutex<[TLSObservation]>([])
        var all: [TLSObservation] { kept.withLock { $0 } }
        func add(_ observation: TLSObservation) { kept.withLock { $0.append(observation) } }
    }

    final class Events: Sendable {
        private let kept = Mutex<[TraceEvent]>([])
        var all: [TraceEvent] { kept.withLock { $0 } }
        func add(_ event: TraceEvent) { kept.withLock { $0.append(event) } }
    }

    init(
        settings: Outbox.Settings = Outbox.Settings(), routes: [OutgoingRoute] = [], ways: [RouteTable.Pattern: RouteTable.Way] = [:],
        chance: @escaping @Sendable () -> Double = { 0.5 }, metrics: MailMetrics = MailMetrics()
    ) async throws {
        let clock = clock
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        store = MemoryStore(clock: { clock.now })
        let host = try #require(Domain("mail.example.test"))
        let domain = try #require(Domain("example.test"))
        let gatekeeper = Gatekeeper(accounts: store, settings: .init(), log: log, clock: { clock.now })
        let register = ListRegister(store: store, tokens: ListTokens(secret: [UInt8](repeating: 7, count: 32)), clock: { clock.now })
        directory = Directory(
            store: store, gatekeeper: gatekeeper, defaultDomain: domain,
            rewriting: SenderRewriting(secret: Array("0123456789abcdef".utf8), clock: { Timestamp(rawValue: 0) }), lists: register,
            reports: ReportAddresses())
        intake = Intake(store: store, clock: { clock.now }, log: log)
        let ids = Mutex(0)
        let makeID: TransactionID.Source = {
            TransactionID(
                bits: ids.withLock { last in
                    last += 1
                    return UInt128(last)
                })
        }
        reporting = DeliveryReporting(store: store, directory: directory, intake: intake, host: host, clock: { clock.now }, makeID: makeID)
        lists = ListMaster(
            register: register, store: store, directory: directory, intake: intake, host: host, clock: { clock.now }, makeID: makeID, log: log)
        var router = MailRouter.Setting()
        router.families = [.ipv4]
        let table = try RouteTable(ownDomains: [domain], routes: routes, ways: ways, identity: SendingIdentity(name: host))
        let strict = StrictTransport(resolver: names, fetcher: web, store: store, clock: { clock.now }, log: log)
        received = ReceivedReports(store: store, keptDays: 90, clock: { clock.now }, log: log)
        reader = ReportReader(
            store: store, directory: directory, received: received, compression: ZlibCompressor(), host: host, burn: { $0() }, log: log)
        outbox = Outbox(
            Outbox.Surroundings(
                store: store,
                routing: DeliveryRouting({ table }, MailRouter(names, router, asciiForm: { $0.asciiForm }, random: { 1 }), DeliveryPolicies(names, strict)),
                carrier: carrier,
                directory: directory, intake: intake, reporting: reporting, clock: { clock.now }, wait: clock.wait, chance: chance,
                trace: { [events] in events.add($0) }, observe: { [observations] in observations.add($0) }, lists: lists, reports: reader, log: log,
                metrics: metrics),
            settings: settings)
        try await store.add(domain: domain)
        alice = try await store.add(account: AccountName("alice@example.test"), passwordHash: "$argon2id$x").id
        inbox = try #require(try await store.mailbox(named: .inbox, of: alice)).id
    }

    /// A domain with one mail server.
    func domain(_ name: String, at address: String) throws {
        try names.setExchangers(of: name, [(10, "mx.\(name)")])
        try names.setAddresses(of: "mx.\(name)", [address])
    }

    /// Puts a message into the queue, and tells nobody.
    @discardableResult
    func queue(
        _ recipients: [String], from sender: String = "<alice@example.test>", account: AccountID? = nil, text: String = "Subject: x\r\n\r\nHello\r\n",
        change: (inout QueueDraft) -> Void = { _ in }
    ) async throws -> QueueID {
        let reversePath: ReversePath = sender == "<>" ? .null : .mailbox(try #require(Address(String(sender.dropFirst().dropLast()))))
        var draft = QueueDraft(
            transaction: try #require(TransactionID("t-1")), reversePath: reversePath,
            recipients: try recipients.map { QueuedRecipient(.mailbox(try #require(Address($0)))) }, arrived: clock.now, sender: account)
        change(&draft)
        let body = try await intake.stage(ByteBuffer(string: text))
        return try #require(try await store.place(body, [], queueing: [draft]).queued.first)
    }

    func send(_ recipients: [String], from sender: String = "<alice@example.test>", change: (inout QueueDraft) -> Void = { _ in }) async throws {
        let id = try await queue(recipients, from: sender, change: change)
        await outbox.queued([id])
        await outbox.whenQuiet()
    }

    /// Goes from one moment at which something is to be done to the next, until the time has passed.
    func pass(_ seconds: Int64) async {
        let end = Timestamp(rawValue: clock.now.rawValue + seconds)
        await outbox.whenQuiet()
        while let next = await outbox.nextMoment, next <= end {
            clock.advance(to: next)
            await outbox.whenQuiet()
        }
        clock.advance(to: end)
        await outbox.whenQuiet()
    }

    var entries: [QueueEntry] { get async throws { try await store.queue(after: nil, most: 10_000) } }

    /// Texts in alice's INBOX, in order.
    func mail() async throws -> [String] {
        let snapshot = try await store.open(inbox).snapshot
        var texts: [String] = []
        for index in 0..<snapshot.count {
            let row = try #require(try snapshot.row(at: index))
            texts.append(String(buffer: try await store.read(nil, of: row.body, for: alice)))
        }
        return texts
    }
}
