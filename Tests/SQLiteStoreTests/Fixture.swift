import CSQLite
import Glibc
import Logging
import MailModel
import MessageFormat
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

/// A store in a folder of its own, removed with it.
final class Fixture: Sendable {
    let folder: String
    static let key = Array("0123456789abcdef0123456789abcdef".utf8)
    static let now = Timestamp(rawValue: 1_790_000_000)

    init() throws {
        var template = Array("/tmp/martlet-store-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        folder = String(cString: made)
    }

    deinit { Fixture.remove(folder) }

    func open(
        key: [UInt8] = Fixture.key, floor: Int64 = 0, foldAfter: Int = 250, largeMailbox: Int = 4_096, copiedAtOnce: Int = 2_000,
        clock: @escaping Timestamp.Clock = { Fixture.now }
    ) throws -> SQLiteStore {
        let master = try #require(MasterKey(key))
        var options = SQLiteStore.Options(freeFloor: floor, foldAfter: foldAfter, largeMailbox: largeMailbox)
        options.copiedAtOnce = copiedAtOnce
        return try SQLiteStore.open(folder, masterKey: master, options: options, clock: clock, log: Logger(label: "test"))
    }

    /// A store with example.test and alice.
    func openWithAlice(
        foldAfter: Int = 250, largeMailbox: Int = 4_096, copiedAtOnce: Int = 2_000
    ) async throws -> (SQLiteStore, AccountID, MailboxID) {
        let store = try open(foldAfter: foldAfter, largeMailbox: largeMailbox, copiedAtOnce: copiedAtOnce)
        let domain = try #require(Domain("example.test"))
        try await store.add(domain: domain)
        let alice = try await store.add(account: AccountName("alice@example.test"), passwordHash: "$argon2id$test")
        let inbox = try #require(try await store.mailbox(named: .inbox, of: alice.id))
        return (store, alice.id, inbox.id)
    }

    static func message(_ number: Int, size: Int = 1_000) -> ByteBuffer {
        var text = "Message-ID: <\(number)@example.test>\r\nSubject: Zebracake \(number)\r\nFrom: Alice <alice@example.test>\r\n\r\n"
        while text.utf8.count < size { text += "Quincetart \(number) walks home\r\n" }
        return ByteBuffer(string: text)
    }

    static func stage(_ bytes: ByteBuffer, in store: SQLiteStore) async throws -> StagedBody {
        let sink = try await store.receive(expected: nil)
        var scanner = MessageScanner()
        var rest = bytes
        while let piece = rest.readSlice(length: min(40_000, max(1, rest.readableBytes))) {
            scanner.consume(piece)
            try await sink.write(piece)
        }
        return try await sink.finish(scanner.finish())
    }

    static func place(_ bytes: ByteBuffer, in store: SQLiteStore, _ mailbox: MailboxID, flags: Flags = Flags()) async throws -> Placed {
        let staged = try await stage(bytes, in: store)
        let placed = try await store.place(staged, [Placement(mailbox: mailbox, flags: flags, internalDate: Fixture.now)])
        return try #require(placed.first)
    }

    /// The index, with the key.
    func connect(_ mode: Connection.Mode = .writer) throws -> Connection {
        try IndexFile(in: folder, try #require(MasterKey(Fixture.key)), log: Logger(label: "test")).connect(mode)
    }

    /// Runs SQL on the index, as a program with the key would that makes mistakes.
    func tamper(_ sql: String) throws {
        let connection = try connect()
        try connection.execute(sql)
        try connection.checkpoint(truncate: true)
        connection.close()
    }

    func files(in sub: String) -> [String] { Disk.names(in: folder + "/" + sub).map { folder + "/" + sub + "/" + $0 } }

    private static func remove(_ path: String) {
        for name in Disk.names(in: path) {
            let child = path + "/" + name
            if unlink(child) != 0 { remove(child) }
        }
        rmdir(path)
    }
}
