import Conversation
import Gatehouse
import Logging
import MailModel
import MemoryStore
import NIOCore
import PostOffice
import Rehearsal
import SMTP
import Storage
import Synchronization
import Testing

final class Pauses: Sendable {
    private let kept = Mutex<[Duration]>([])
    var all: [Duration] { kept.withLock { $0 } }
    func add(_ pause: Duration) { kept.withLock { $0.append(pause) } }
}

/// A house, in memory unless a store is given, with two accounts: alice (the first made) and bob of example.test, whose password is "open sesame".
struct House {
    typealias Ports = AccountStore & MailboxStore & BodyStore & QuotaStore & QueueStore & KeyValueStore

    let store: any Ports
    /// What logins were delayed by; nothing really is.
    let pauses = Pauses()
    let gatekeeper: Gatekeeper
    let directory: Directory
    let intake: Intake
    let alice: AccountRecord
    let bob: AccountRecord

    /// Sun, 22 Nov 2026 00:35:00 +0000
    static let now = Timestamp(rawValue: 1_795_307_700)
    static let domain = Domain("example.test")
    static let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    /// "open sesame" at the lowest cost.
    static let passwordHash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$m+oZMXTslERONf723BU81132iA73YijPQ5PFSBtiamo"

    init(over store: (any Ports)? = nil, checks: [Intake.Check] = Intake.Check.standard, userRate: Int = 0) async throws {
        let store = store ?? MemoryStore { House.now }
        self.store = store
        var rates = UserRates.Settings()
        rates.most = userRate
        let start = ContinuousClock.now
        gatekeeper = Gatekeeper(
            accounts: store, settings: Gatekeeper.Settings(defaultDomain: House.domain), log: House.log, clock: { House.now },
            pause: { [pauses] in pauses.add($0) }, rates: UserRates(rates, log: House.log, monotonic: { start }))
        directory = Directory(
            store: store, gatekeeper: gatekeeper, defaultDomain: House.domain,
            rewriting: SenderRewriting(secret: Array("0123456789abcdef".utf8), clock: { Timestamp(rawValue: 0) }))
        intake = Intake(store: store, checks: checks, clock: { House.now }, log: House.log)
        try await directory.add(domain: "example.test")
        try await directory.add(domain: "bücher.example")
        alice = try await store.add(account: AccountName("alice@example.test"), passwordHash: House.passwordHash)
        bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: House.passwordHash)
    }

    /// The store that can be made to fail; nil over another.
    var memory: MemoryStore? { store as? MemoryStore }

    func worker(_ role: SMTPRole = .mx, _ change: (inout SMTPSettings) throws -> Void = { _ in }) throws -> SMTPWorker {
        var settings = SMTPSettings(role: role, hostName: try #require(Domain("mx.example.test")))
        try change(&settings)
        let count = Mutex(0)
        return SMTPWorker(
            settings, gatekeeper: gatekeeper, directory: directory, intake: intake, clock: { House.now },
            makeID: {
                let number = count.withLock { count in
                    count += 1
                    return count
                }
                return TransactionID("id-\(number)") ?? TransactionID(bits: 0)
            }, log: House.log)
    }

    /// A conversation with a new connection, whose client said EHLO.
    func talk(
        _ role: SMTPRole = .mx, tls: Bool = false, _ change: (inout SMTPSettings) throws -> Void = { _ in }
    ) async throws -> Rehearsal<SMTPWorker> {
        let facts = ConnectionFacts.rehearsal(from: "192.0.2.7", tls: tls || role == .submissions ? TLSFacts(version: "TLSv1.3") : nil)
        let talk = await Rehearsal(try worker(role, change), facts: facts)
        _ = await talk.send("EHLO client.example\r\n")
        return talk
    }

    /// On the submission port, alice has logged in.
    func alicesTalk(_ change: (inout SMTPSettings) throws -> Void = { _ in }) async throws -> Rehearsal<SMTPWorker> {
        let talk = try await talk(.submissions, change)
        #expect(await talk.send("AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l\r\n") == "235 2.7.0 Authentication succeeded\r\n")
        return talk
    }

    /// Up to 354: a message from elsewhere, for those.
    func data(_ talk: Rehearsal<SMTPWorker>, to recipients: [String] = ["alice@example.test"]) async {
        _ = await talk.send("MAIL FROM:<sender@remote.example>\r\n")
        for recipient in recipients { #expect(await talk.send("RCPT TO:<\(recipient)>\r\n").hasPrefix("250 2.1.5")) }
        #expect(await talk.send("DATA\r\n").hasPrefix("354 "))
    }

    /// The octets of the messages in an account's INBOX, in order.
    func inbox(of account: AccountRecord) async throws -> [[UInt8]] {
        let inbox = try #require(try await store.mailbox(named: .inbox, of: account.id))
        let snapshot = try await store.open(inbox.id).snapshot
        var bodies: [[UInt8]] = []
        for index in 0..<snapshot.count {
            let row = try #require(try snapshot.row(at: index))
            bodies.append(Array(try await store.read(nil, of: row.body, for: account.id).readableBytesView))
        }
        return bodies
    }

    func mail(of account: AccountRecord) async throws -> [String] {
        try await inbox(of: account).map { String(decoding: $0, as: UTF8.self) }
    }

    /// What is in the outgoing queue, in order, and what goes out of each.
    func queue() async throws -> [(entry: QueueEntry, text: String)] {
        var queue: [(entry: QueueEntry, text: String)] = []
        for entry in try await store.queue(after: nil, most: 100) { queue.append((entry, String(buffer: try await store.read(nil, of: entry.id)))) }
        return queue
    }

    /// What is behind the trace lines.
    func texts(of account: AccountRecord) async throws -> [String] {
        try await mail(of: account).map(House.withoutTrace)
    }

    static func withoutTrace(_ message: String) -> String {
        guard let end = message.firstRange(of: " +0000\r\n") else { return message }
        return String(message[end.upperBound...])
    }
}
