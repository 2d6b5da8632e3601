import Conversation
import Gatehouse
import Logging
import MailModel
import MemoryStore
import NIOCore
import POP3
import PostOffice
import Rehearsal
import Storage
import Synchronization
import Testing

/// A mail server, in memory unless a store is given, with three accounts: `alice` (password "kite above the sea"), `bob` ("heron in the reeds") and
/// `alice@bücher.example` ("kite above the sea").
struct House {
    /// 2026-11-22T00:35:00Z.
    static let now = Timestamp(rawValue: 1_795_307_700)
    static let secure = ConnectionFacts.rehearsal(from: "192.0.2.7", to: 995, tls: TLSFacts(version: "TLSv1.3"))
    static let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    typealias Ports = Mailroom.Ports

    let store: any Ports
    let mailroom: Mailroom
    let maildrops: Maildrops
    let gatekeeper: Gatekeeper
    let worker: POP3Worker
    let alice: Principal
    let bob: Principal
    let clock: TestClock

    init(over store: (any Ports)? = nil, clock: TestClock = TestClock(), adjust: (inout POP3Settings) -> Void = { _ in }) async throws {
        self.clock = clock
        let store = store ?? MemoryStore(clock: { clock.now })
        self.store = store
        let domains = ["example.test", "bücher.example"].compactMap { Domain($0) }
        for domain in domains { try await store.add(domain: domain) }
        alice = try await House.add("alice", at: domains[0], "JdPXV81HcZqrNn1PvpUSLCr2vKGNa2v8OucwUSdmOVY", to: store)
        bob = try await House.add("bob", at: domains[0], "Ay9SzDvBWut9ScCIErIbf1G937eIxWw0/jYmLTSXo2g", to: store)
        _ = try await House.add("alice", at: domains[1], "JdPXV81HcZqrNn1PvpUSLCr2vKGNa2v8OucwUSdmOVY", to: store)
        mailroom = Mailroom(store: store, clock: { clock.now })
        maildrops = Maildrops(mailroom: mailroom)
        gatekeeper = Gatekeeper(
            accounts: store, settings: .init(defaultDomain: domains[0]), log: House.log, clock: { clock.now }, pause: { _ in })
        var settings = POP3Settings(version: "1.0", offersTLS: true, clock: { clock.now }, log: House.log)
        adjust(&settings)
        worker = POP3Worker(mailroom: mailroom, maildrops: maildrops, gatekeeper: gatekeeper, settings: settings)
    }

    /// The hashes are Argon2id at its least cost.
    private static func add(_ user: String, at domain: Domain, _ hash: String, to store: any Ports) async throws -> Principal {
        let name = AccountName(user: try UserName(user), domain: domain)
        let phc = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$\(hash)"
        let record = try await store.add(account: name, passwordHash: phc)
        return Principal(account: record.id, name: record.name)
    }

    @discardableResult
    func deliver(_ text: String, flags: Flags = Flags(), to principal: Principal? = nil) async throws -> UID {
        let bytes = ByteBuffer(string: text)
        let deposit = Deposit(expected: bytes.readableBytes)
        await mailroom.receive(bytes, into: deposit)
        return try await mailroom.place(
            deposit, in: .inbox, flags: flags, internalDate: House.now, turn: Turn(), of: principal ?? alice
        ).uid
    }

    /// UIDs in alice's INBOX.
    func uids() async throws -> [UInt32] {
        Array(try await mailroom.open(.inbox, of: alice).handle.snapshot.uids.numbers)
    }

    /// Another client, by IMAP, removes them.
    func expunge(_ uids: UInt32...) async throws {
        let inbox = try await mailroom.open(.inbox, of: alice)
        let set = NumberSet(uids.compactMap { UID(rawValue: $0) })
        _ = try await mailroom.change(.add(Flags(system: .deleted)), of: set, in: inbox)
        _ = try await mailroom.expunge(set, in: inbox)
    }

    /// The store that can be made to fail; nil over another.
    var memory: MemoryStore? { store as? MemoryStore }

    func connect() async -> Rehearsal<POP3Worker> { await Rehearsal(worker, facts: House.secure) }

    /// Alice, in the TRANSACTION state.
    func visit() async -> Rehearsal<POP3Worker> {
        let talk = await connect()
        _ = await talk.send("USER alice\r\nPASS kite above the sea\r\n")
        return talk
    }

    /// What a transcript's settings ask for.
    func furnish(_ settings: [String: String]) async throws {
        for number in 0..<(Int(settings["messages"] ?? "0") ?? 0) { try await deliver(Sample.numbered(number + 1)) }
        if settings["dots"] != nil { try await deliver(Sample.dots) }
        if settings["endless"] != nil { try await deliver(Sample.withoutEnd) }
        if settings["utf8"] != nil { try await deliver(Sample.international) }
        guard let fault = settings["fault"] else { return }
        let memory = try #require(memory)
        switch fault {
        case "corrupt": memory.fail([.read], with: .corrupt("a flipped bit"))
        case "unavailable": memory.fail([.read, .expunge], with: .unavailable("the disk is on fire"))
        default: memory.fail([.look], with: .closed)
        }
    }
}

/// A clock that tests move.
final class TestClock: Sendable {
    private let time = Mutex(House.now)
    var now: Timestamp { time.withLock { $0 } }
    func advance(seconds: Int64) { time.withLock { $0 = Timestamp(rawValue: $0.rawValue + seconds) } }
}

/// Messages that tests deliver.
enum Sample {
    static func numbered(_ number: Int) -> String {
        "From: Alice <alice@example.test>\r\nSubject: Tea \(number)\r\n\r\nCome to tea.\r\nBring \(number) cups.\r\n"
    }

    static let dots = "Subject: Dots\r\n\r\n.\r\n..\r\n.x\r\na.\r\n\r\n.\r\n"
    static let withoutEnd = "Subject: No end\r\n\r\n.no end"
    static let international = "From: J\u{FC}rgen <j@b\u{FC}cher.example>\r\nSubject: Gr\u{FC}\u{DF}e\r\n\r\nStra\u{DF}e\r\n"
}
