import Crypto
import FoundationEssentials
import Glibc
import MailModel
import NIOCore
import Storage

/// An account's key a second time, in a file of its own beside the index: the same octets as in the index, and the account's name.
struct KeyFile: Hashable, Sendable {
    let account: AccountID
    /// Sealed under the master key.
    let sealedKey: [UInt8]
    /// Sealed under the account's key.
    let sealedName: [UInt8]

    private static let magic: UInt32 = 0x4D4B_5931  // MKY1

    init(account: AccountID, sealedKey: [UInt8], name: AccountName, key: SymmetricKey) throws {
        self.account = account
        self.sealedKey = sealedKey
        sealedName = try Seal.seal(
            Array(name.description.utf8), under: key, as: Label(kind: .accountName, id: account.rawValue, account: account.rawValue))
    }

    /// Nil for what is no such file.
    init?(_ octets: ByteBuffer) {
        var octets = octets
        guard octets.readInteger(as: UInt32.self) == KeyFile.magic, let id = octets.readInteger(as: Int64.self),
            let keyLength = octets.readInteger(as: UInt16.self), let key = octets.readBytes(length: Int(keyLength)),
            let nameLength = octets.readInteger(as: UInt16.self), let name = octets.readBytes(length: Int(nameLength))
        else { return nil }
        (account, sealedKey, sealedName) = (AccountID(rawValue: id), key, name)
    }

    var octets: ByteBuffer {
        var out = ByteBuffer()
        out.writeInteger(KeyFile.magic)
        out.writeInteger(account.rawValue)
        out.writeInteger(UInt16(clamping: sealedKey.count))
        out.writeBytes(sealedKey)
        out.writeInteger(UInt16(clamping: sealedName.count))
        out.writeBytes(sealedName)
        return out
    }

    /// The account's key; `corrupt`.
    func open(_ master: MasterKey) throws -> SymmetricKey {
        try Seal.openKey(sealedKey, under: master.key, as: Label(kind: .accountKey, id: account.rawValue))
    }

    func name(_ key: SymmetricKey) throws -> AccountName {
        let text = try Seal.open(sealedName, under: key, as: Label(kind: .accountName, id: account.rawValue, account: account.rawValue))
        return try AccountName(String(decoding: text, as: UTF8.self))
    }
}

/// `keys/ID.key`, one file an account, and `keys/queue-ID.key`, one for each of the queue's keys: 0600, in a folder 0700.
struct KeyFolder: Sendable {
    let path: String

    /// The data folder.
    let parent: String

    init(in folder: String) {
        parent = folder
        path = folder + "/keys"
    }

    func file(_ account: AccountID) -> String { "\(path)/\(account.rawValue).key" }

    /// Accounts that have a file, rising.
    func accounts() -> [AccountID] {
        Disk.names(in: path).compactMap { $0.hasSuffix(".key") ? Int64($0.dropLast(4)).map { AccountID(rawValue: $0) } : nil }.sorted()
    }

    /// Nil when there is none, or it is damaged.
    func read(_ account: AccountID) throws -> KeyFile? {
        guard let octets = try octets(of: file(account)), let file = KeyFile(octets), file.account == account else { return nil }
        return file
    }

    /// Nil when there is no such file, or it is longer than any key's.
    func octets(of path: String) throws -> ByteBuffer? {
        guard access(path, F_OK) == 0 else { return nil }
        let fd = try Disk.open(path, O_RDONLY)
        defer { close(fd) }
        let size = Disk.size(of: fd)
        return size < 1 << 16 ? try Disk.read(Int(size), from: fd, at: 0, path: path) : nil
    }

    /// In one piece or not at all; on return it is durable.
    func write(_ file: KeyFile) throws { try write(file.octets, to: self.file(file.account)) }

    func write(_ octets: ByteBuffer, to target: String) throws {
        try Disk.makeFolder(path)
        try Disk.replace(target, by: octets)
        try Disk.syncFolder(path)
    }

    /// Overwrites the file and removes it; on return nothing of it is left.
    func erase(_ account: AccountID) throws { try erase(file(account)) }

    func erase(_ path: String) throws {
        guard access(path, F_OK) == 0 else { return }
        let fd = try Disk.open(path, O_WRONLY)
        defer { close(fd) }
        let zeros = [UInt8](repeating: 0, count: Int(clamping: Disk.size(of: fd)))
        try zeros.withUnsafeBytes { try Disk.writeAll($0, to: fd, at: 0, path: path) }
        guard fsync(fd) == 0 else { throw Disk.fault("fsync", path) }
        guard unlink(path) == 0 else { throw Disk.fault("unlink", path) }
        try Disk.syncFolder(self.path)
    }

    /// Writes the files that are missing of the index's accounts, as in a folder from before there were any.
    func complete(_ accounts: [AccountID: AccountEntry], _ connection: Connection) throws {
        try Disk.makeFolder(path)
        let present = Set(self.accounts())
        for (id, entry) in accounts.sorted(by: { $0.key < $1.key }) where !present.contains(id) {
            guard let sealed = try KeyFolder.sealedKey(of: id, connection) else { continue }
            try write(try KeyFile(account: id, sealedKey: sealed, name: entry.record.name, key: entry.key))
        }
    }

    static func sealedKey(of account: AccountID, _ connection: Connection) throws -> [UInt8]? {
        let statement = try connection.prepare("SELECT sealed_key FROM account WHERE id=?")
        try statement.bind([.int(account.rawValue)])
        defer { statement.reset() }
        return try statement.step() ? statement.blob(0) : nil
    }
}

extension Disk {
    /// A file with those octets in the place of what was there, and durable but for its name.
    static func replace(_ path: String, by octets: ByteBuffer) throws {
        let young = path + ".new"
        let fd = try open(young, O_WRONLY | O_CREAT | O_TRUNC)
        do {
            defer { close(fd) }
            try octets.withUnsafeReadableBytes { try writeAll($0, to: fd, at: 0, path: young) }
            guard fsync(fd) == 0 else { throw fault("fsync", young) }
        } catch {
            unlink(young)
            throw error
        }
        guard rename(young, path) == 0 else { throw fault("rename", young) }
    }
}

extension Transaction {
    /// A new account's key goes into its file before the commit.
    func keepKey(_ file: KeyFile, in keys: KeyFolder) {
        beforeCommit.append { try keys.write(file) }
        // try?: a key that no account has is no harm, and its number is not given again.
        afterFailure.append { try? keys.erase(file.account) }
    }

    /// Has nothing left of an account's key once the commit is durable and the WAL cut: its file is gone before, its row is overwritten, and so are
    /// the copies of the row that changes left between the rows.
    func destroyKey(of account: AccountEntry, in keys: KeyFolder) throws {
        let id = account.record.id
        let sealed = try KeyFolder.sealedKey(of: id, connection) ?? []
        let file = try KeyFile(account: id, sealedKey: sealed, name: account.record.name, key: account.key)
        try write { try connection.execute("PRAGMA secure_delete=ON") }
        erases = true
        try write("CREATE TEMP TABLE remaining AS SELECT * FROM account WHERE id<>?", .int(id.rawValue))
        try write("DELETE FROM account")
        try write("INSERT INTO account SELECT * FROM remaining")
        try write("DROP TABLE remaining")
        beforeCommit.append {
            try keys.erase(id)
            try KeyErasure.erase(sealed, in: keys.parent)
        }
        // try?: the next start writes the file that is missing.
        afterFailure.append { try? keys.write(file) }
    }

    /// The id of a new account: none that a key was ever kept of, whatever became of the index.
    func nextAccount(_ keys: KeyFolder) throws -> Int64 {
        let highest = try connection.number("SELECT seq FROM sqlite_sequence WHERE name='account'") ?? 0
        return max(highest, keys.accounts().last?.rawValue ?? 0) + 1
    }
}
