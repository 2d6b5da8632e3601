import Foundation
import Logging
import MailModel
import MemoryStore
import MessageFormat
import NIOCore
import SQLiteStore
import Storage
import Synchronization
import Testing

/// The ports whose contract is tried.
typealias ContractPorts =
    AccountStore & MailboxStore & BodyStore & RightsStore & QuotaStore & MetadataStore & QueueStore & TraceStore & KeyValueStore & SearchIndex & ChangeFeed
    & ChangeLog & ClosableStore

/// A kind of store that the contract is tried on.
struct StoreFactory: Sendable, CustomTestStringConvertible {
    let name: String
    let open: @Sendable () async throws -> Premises

    var testDescription: String { name }

    /// A fresh store, and what a test can do to it from outside.
    struct Premises: Sendable {
        var store: any ContractPorts
        /// Puts the disk under the free floor; nil where a test cannot.
        var setFull: (@Sendable (Bool) -> Void)?
        /// Opens what the store, now closed, has left; nil for one that leaves nothing.
        var reopen: (@Sendable () async throws -> any ContractPorts)?
        /// Has the account's change log forget what came up to a ModSeq.
        var prune: @Sendable (any ContractPorts, AccountID, ModSeq) async throws -> Void
        /// Lets go of what the store keeps outside the process, once it is closed.
        var remove: @Sendable () -> Void = {}
    }

    static let memory = StoreFactory(name: "MemoryStore") {
        let store = MemoryStore()
        return Premises(store: store, setFull: { store.isFull = $0 }, prune: { _, account, modSeq in store.prune(changesOf: account, upTo: modSeq) })
    }

    static let sqlite = StoreFactory(name: "SQLiteStore") {
        var template = Array("/tmp/martlet-contract-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        let folder = String(cString: made)
        let open: @Sendable () throws -> SQLiteStore = {
            let key = try #require(MasterKey(Array("0123456789abcdef0123456789abcdef".utf8)))
            return try SQLiteStore.open(
                folder, masterKey: key, options: .init(freeFloor: 0), clock: { Timestamp(rawValue: 0) }, log: Logger(label: "contract"))
        }
        return Premises(
            store: try open(), reopen: { try open() },
            prune: { store, account, modSeq in try await (store as? SQLiteStore)?.prune(changesOf: account, upTo: modSeq) },
            remove: { try? FileManager.default.removeItem(atPath: folder) })
    }

    static let all = [memory, sqlite]
}

/// A store with a domain and alice's account in it, for one test.
struct House: Sendable {
    var premises: StoreFactory.Premises
    let alice: AccountRecord
    let inbox: MailboxID
    /// Opened by `restarted`, closed with the rest.
    private let reopened = Reopened()

    private final class Reopened: Sendable {
        let stores = Mutex<[any ContractPorts]>([])
    }

    var store: any ContractPorts { premises.store }
    static let domain = Domain("example.org").unsafelyKnown

    /// Runs a test on a fresh store and clears it away.
    static func with(_ factory: StoreFactory, _ body: (House) async throws -> Void) async throws {
        let premises = try await factory.open()
        var reopened: Reopened?
        do {
            try await premises.store.add(domain: domain)
            let alice = try await premises.store.add(account: AccountName("alice@example.org"), passwordHash: "$argon2id$alice")
            let inbox = try #require(try await premises.store.mailbox(named: .inbox, of: alice.id)).id
            let house = House(premises: premises, alice: alice, inbox: inbox)
            reopened = house.reopened
            try await body(house)
        } catch {
            await close(premises, reopened)
            throw error
        }
        await close(premises, reopened)
    }

    private init(premises: StoreFactory.Premises, alice: AccountRecord, inbox: MailboxID) {
        self.premises = premises
        self.alice = alice
        self.inbox = inbox
    }

    private static func close(_ premises: StoreFactory.Premises, _ reopened: Reopened?) async {
        for store in [premises.store] + (reopened?.stores.withLock { $0 } ?? []) { await store.close() }
        premises.remove()
    }

    /// The same house after a restart, where the store outlives one, tidied up; this one's store is closed.
    func restarted() async throws -> House {
        guard let reopen = premises.reopen else { return self }
        await store.close()
        var house = self
        house.premises.store = try await reopen()
        reopened.stores.withLock { $0.append(house.store) }
        return house
    }

    /// Has rows go that wait to, where the store lets them wait.
    func settle() async throws { try await (store as? SQLiteStore)?.settle() }

    func addBob() async throws -> AccountRecord {
        try await store.add(account: AccountName("bob@example.org"), passwordHash: "$argon2id$bob")
    }

    func mailbox(_ name: String) async throws -> MailboxID {
        let name = try #require(MailboxName(name))
        if let known = try await store.mailbox(named: name, of: alice.id) { return known.id }
        return try await store.create(mailbox: name, of: alice.id, specialUse: nil).id
    }

    func stage(_ bytes: ByteBuffer, pieces: Int = 1) async throws -> StagedBody {
        let sink = try await store.receive(expected: bytes.readableBytes)
        var rest = bytes
        let most = max(1, bytes.readableBytes / max(1, pieces))
        while let piece = rest.readSlice(length: min(most, rest.readableBytes)), piece.readableBytes > 0 { try await sink.write(piece) }
        return try await sink.finish(outline(of: bytes))
    }

    func stage(_ text: String) async throws -> StagedBody { try await stage(ByteBuffer(string: text)) }

    @discardableResult
    func deliver(_ text: String = "one", to mailbox: MailboxID? = nil, flags: Flags = Flags(), at date: Int64 = 0) async throws -> Placed {
        let body = try await stage(message(text))
        let placement = Placement(mailbox: mailbox ?? inbox, flags: flags, internalDate: Timestamp(rawValue: date))
        return try #require(try await store.place(body, [placement]).first)
    }

    func deliver(count: Int, to mailbox: MailboxID? = nil) async throws {
        for number in 0..<count { try await deliver("message \(number)", to: mailbox) }
    }

    func snapshot(_ mailbox: MailboxID? = nil) async throws -> MailboxSnapshot { try await store.open(mailbox ?? inbox).snapshot }

    func uids(_ mailbox: MailboxID? = nil) async throws -> [UInt32] { Array(try await snapshot(mailbox).uids.numbers) }

    /// The message of that UID, as text.
    func text(_ uid: UInt32, in mailbox: MailboxID? = nil) async throws -> String {
        let uid = try #require(UID(rawValue: uid))
        let row = try #require(try await snapshot(mailbox).row(uid))
        return String(buffer: try await store.read(nil, of: row.body, for: alice.id))
    }

    func flags(_ uid: UInt32, in mailbox: MailboxID? = nil) async throws -> Set<String> {
        let snapshot = try await snapshot(mailbox)
        let uid = try #require(UID(rawValue: uid))
        return try snapshot.names(of: try #require(try snapshot.row(uid)))
    }
}

func message(_ text: String) -> String { "Subject: \(text)\r\nMessage-ID: <\(text.count)@example.org>\r\n\r\nThis is \(text).\r\n" }

func outline(of bytes: ByteBuffer) -> MessageOutline {
    var scanner = MessageScanner()
    scanner.consume(bytes)
    return scanner.finish()
}

func set(_ numbers: UInt32...) -> NumberSet { NumberSet(numbers.map { $0...$0 }) }

func keywords(_ names: String...) -> Flags { Flags(keywords: names.compactMap { Keyword($0) }) }

extension MailboxSnapshot {
    /// System flags and keywords by name.
    func names(of row: MessageRow) throws -> Set<String> {
        let flags = try flags(of: row)
        return Set(SystemFlags.named.filter { flags.system.contains($0.flag) }.map(\.name) + flags.keywords.map(\.spelling))
    }
}

extension MailboxSnapshot {
    /// Those that are at hand must be all.
    var rowsInOrder: [MessageRow] {
        get throws {
            var rows: [MessageRow] = []
            try forEach { _, row in
                rows.append(row)
                return true
            }
            return rows
        }
    }
}

extension Optional {
    /// For names that a test wrote itself.
    var unsafelyKnown: Wrapped {
        guard let self else { preconditionFailure("a name in a test is malformed") }
        return self
    }
}

/// Numbers that are the same for the same seed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
