import Logging
import MailModel
import MemoryStore
import NIOCore
import PostOffice
import Rehearsal
import Storage
import Synchronization
import Testing

@Suite("A message goes to all its destinations at once")
struct DestinationTests {
    private static let now = Timestamp(rawValue: 1_795_307_700)
    private static let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func account(_ store: any Premises.Ports, _ name: String) async throws -> (id: AccountID, inbox: MailboxID) {
        let record = try await store.add(account: AccountName(name), passwordHash: "$argon2id$x")
        return (record.id, try #require(try await store.mailbox(named: .inbox, of: record.id)).id)
    }

    private func path(_ text: String) throws -> ForwardPath { .mailbox(try #require(Address(text))) }

    private func envelope(_ recipients: [Intake.Recipient]) throws -> Intake.Envelope {
        Intake.Envelope(
            id: try #require(TransactionID("id-1")), reversePath: .mailbox(try #require(Address("ann@remote.example"))), recipients: recipients,
            isSMTPUTF8: false, trace: ByteBuffer(string: "Received: by us;\r\n\tnow\r\n"), submission: nil)
    }

    @Test("what was asked of reports is with the entry; for who has it here already a report is due: RFC 3461 §5.2.3, §5.2.7")
    func requests() async throws {
        try await Premises.memory.with(clock: { Self.now }) { store in
            try await store.add(domain: try #require(Domain("example.test")))
            let alice = try await account(store, "alice@example.test")
            let heard = Mutex<[Intake.Delivered]>([])
            let intake = Intake(
                store: store, clock: { Self.now }, log: Self.log,
                onDelivered: { delivered in heard.withLock { $0.append(delivered) } })
            let remote = try path("dora@remote.example")
            var envelope = try envelope([
                Intake.Recipient(
                    address: try path("alice@example.test"), destinations: [.mailbox(alice.inbox, of: alice.id)], notify: [.success, .delay],
                    original: "rfc822;a@b"),
                Intake.Recipient(address: remote, destinations: [.queue(remote)], notify: .never, original: "rfc822;d@b"),
                Intake.Recipient(address: try path("all@example.test"), destinations: [.queue(try path("ernst@remote.example"))], notify: .failure),
            ])
            envelope.envelopeID = "QQ"
            envelope.returned = .returnsHeader
            _ = try await intake.deliver(envelope, ByteBuffer(string: "Auto-Submitted: auto-generated\r\n\r\nbody\r\n"))
            let entry = try #require(try await store.queue(after: nil, most: 10).first)
            #expect(entry.draft.envelopeID == "QQ" && entry.draft.traits == [.returnsHeader, .isAutomatic])
            #expect(
                entry.draft.recipients == [
                    QueuedRecipient(remote, notify: .never, original: "rfc822;d@b"),
                    QueuedRecipient(try path("ernst@remote.example"), notify: .failure, original: "rfc822;all@example.test"),
                ])
            let delivered = try #require(heard.withLock { $0 }.first)
            #expect(delivered.account == alice.id)
            let due = delivered.draft
            #expect(due.recipients == [QueuedRecipient(try path("alice@example.test"), notify: [.success, .delay], original: "rfc822;a@b")])
            #expect(due.envelopeID == "QQ" && due.transaction == envelope.id && due.reversePath == envelope.reversePath)
            envelope.reversePath = .null
            _ = try await intake.deliver(envelope, ByteBuffer(string: "X: y\r\n\r\n"))
            #expect(heard.withLock { $0 }.count == 1)
        }
    }

    @Test("local, remote and both: one entry for those it goes on to, one message an account, one body", arguments: Premises.allCases)
    func both(_ premises: Premises) async throws {
        try await premises.with(clock: { Self.now }) { store in
            try await store.add(domain: try #require(Domain("example.test")))
            let (alice, bob) = (try await account(store, "alice@example.test"), try await account(store, "bob@example.test"))
            let intake = Intake(store: store, clock: { Self.now }, log: Self.log)
            let remote = try path("dora@remote.example")
            let recipients = [
                Intake.Recipient(address: try path("alice@example.test"), destinations: [.mailbox(alice.inbox, of: alice.id)]),
                // An alias for both of them and two others; alice is a recipient already.
                Intake.Recipient(
                    address: try path("all@example.test"),
                    destinations: [
                        .mailbox(alice.inbox, of: alice.id), .mailbox(bob.inbox, of: bob.id), .queue(remote), .queue(try path("ernst@remote.example")),
                    ]),
                Intake.Recipient(address: remote, destinations: [.queue(remote)]),
            ]
            let receipt = try await intake.deliver(try envelope(recipients), ByteBuffer(string: "Subject: x\r\n\r\nbody\r\n"))
            #expect(receipt.placed.map(\.mailbox) == [alice.inbox, bob.inbox] && receipt.queued.count == 1)
            let entry = try #require(try await store.queue(after: nil, most: 10).first)
            #expect(entry.draft.recipients.map(\.path) == [remote, try path("ernst@remote.example")])
            #expect(entry.draft.reversePath.written == "<ann@remote.example>" && entry.draft.transaction.value == "id-1" && entry.draft.arrived == Self.now)
            #expect(entry.draft.traits == [])
            #expect(String(buffer: try await store.read(nil, of: entry.id)) == "Received: by us;\r\n\tnow\r\nSubject: x\r\n\r\nbody\r\n")
            for (id, inbox) in [alice, bob] {
                let snapshot = try await store.open(inbox).snapshot
                #expect(snapshot.count == 1)
                let row = try #require(try snapshot.row(at: 0))
                #expect(row.body == entry.body && Int(row.size) == receipt.size)
                let text = "Return-Path: <ann@remote.example>\r\nReceived: by us;\r\n\tnow\r\nSubject: x\r\n\r\nbody\r\n"
                #expect(String(buffer: try await store.read(nil, of: row.body, for: id)) == text)
            }
            _ = try await intake.deliver(try envelope([recipients[2]]), ByteBuffer(string: "Subject: x\r\n\r\nMäuse\r\n"))
            #expect(try await store.queue(after: entry.id, most: 10).map(\.draft.traits) == [.eightBit])
        }
    }

    @Test("who runs the queue hears of new entries, and a report is staged as it is and placed with what it tells of", arguments: Premises.allCases)
    func queued(_ premises: Premises) async throws {
        try await premises.with(clock: { Self.now }) { store in
            try await store.add(domain: try #require(Domain("example.test")))
            let alice = try await account(store, "alice@example.test")
            let heard = Heard()
            let intake = Intake(store: store, clock: { Self.now }, log: Self.log, onQueued: { heard.add($0) })
            let remote = try path("dora@remote.example")
            let here = Intake.Recipient(address: try path("alice@example.test"), destinations: [.mailbox(alice.inbox, of: alice.id)])
            _ = try await intake.deliver(try envelope([here]), ByteBuffer(string: "Subject: x\r\n\r\n"))
            #expect(heard.all.isEmpty)
            let receipt = try await intake.deliver(
                try envelope([here, Intake.Recipient(address: remote, destinations: [.queue(remote)])]), ByteBuffer(string: "Subject: x\r\n\r\n"))
            let entry = try #require(receipt.queued.first)
            #expect(heard.all == [entry])
            let text = "Subject: failed\r\nBcc: kept\r\n\r\nAlas.\r\n"
            let body = try await intake.stage(ByteBuffer(string: text))
            let ended = RecipientProgress(phase: .failed, attempts: 1, due: Self.now)
            let notice = QueueUpdate.Notice(body: body, placements: [Placement(mailbox: alice.inbox, internalDate: Self.now)], drafts: [])
            let done = try await store.update(QueueUpdate(entry, recipients: [0: ended], notices: [notice]))
            #expect(done.first?.placed.count == 1)
            let snapshot = try await store.open(alice.inbox).snapshot
            let row = try #require(try snapshot.row(at: 2))
            #expect(String(buffer: try await store.read(nil, of: row.body, for: alice.id)) == text)
            #expect(heard.all == [entry])
        }
    }

    @Test("when one destination cannot take it, none gets it", arguments: Premises.allCases)
    func noneOrAll(_ premises: Premises) async throws {
        try await premises.with(clock: { Self.now }) { store in
            try await store.add(domain: try #require(Domain("example.test")))
            let alice = try await account(store, "alice@example.test")
            let intake = Intake(store: store, clock: { Self.now }, log: Self.log)
            let destinations: [Destination] = [
                .queue(try path("dora@remote.example")), .mailbox(alice.inbox, of: alice.id), .mailbox(MailboxID(rawValue: 999), of: AccountID(rawValue: 9)),
            ]
            let recipient = Intake.Recipient(address: try path("all@example.test"), destinations: destinations)
            let envelope = try envelope([recipient])
            await #expect(throws: Refusal.unavailable) { _ = try await intake.deliver(envelope, ByteBuffer(string: "Subject: x\r\n\r\n")) }
            #expect(try await store.queue(after: nil, most: 10).isEmpty)
            #expect(try await store.open(alice.inbox).snapshot.count == 0)
        }
    }
}

/// Entries that an intake told of.
private final class Heard: Sendable {
    private let kept = Mutex<[QueueID]>([])
    var all: [QueueID] { kept.withLock { $0 } }
    func add(_ entries: [QueueID]) { kept.withLock { $0 += entries } }
}
