import Crypto
import FoundationEssentials
import MailModel
import Storage

/// An account as the store has it in memory.
struct AccountEntry: Sendable {
    var record: AccountRecord
    var modSeq: ModSeq
    /// The highest UIDVALIDITY that any of its mailboxes was given.
    var uidValidity: UInt32
    let key: SymmetricKey
    /// Of message ids, to find threads by.
    let hash: KeyedHash

    init(record: AccountRecord, modSeq: ModSeq, uidValidity: UInt32, key: SymmetricKey) {
        self.record = record
        self.modSeq = modSeq
        self.uidValidity = uidValidity
        self.key = key
        hash = KeyedHash(key)
    }
}

/// The accounts. When one logged in last is noted in memory, and written along with something else.
struct AccountTable: NotedTable {
    static let place = TableList.place(of: AccountTable.self)

    private(set) var entries: [AccountID: AccountEntry] = [:]
    private var ids: [String: AccountID] = [:]
    private var dirtyLogins: Set<AccountID> = []

    struct Changes: StagedChanges {
        /// Nil: removed.
        var entries: [AccountID: AccountEntry?] = [:]
        var logins: [AccountID: Timestamp] = [:]
    }

    subscript(id: AccountID) -> AccountEntry? { entries[id] }
    var keys: Dictionary<AccountID, AccountEntry>.Keys { entries.keys }
    var values: Dictionary<AccountID, AccountEntry>.Values { entries.values }
    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    func id(named folded: String) -> AccountID? { ids[folded] }
    func entry(named name: AccountName) -> AccountEntry? { ids[name.folded].flatMap { entries[$0] } }

    private mutating func set(_ entry: AccountEntry) {
        entries[entry.record.id] = entry
        ids[entry.record.name.folded] = entry.record.id
    }

    static func write(_ changes: Changes, _ transaction: Transaction) throws {
        for case (let id, let entry?) in changes.entries {
            try transaction.write(
                "UPDATE account SET mod_seq=?, uid_validity=? WHERE id=?",
                .int(Int64(entry.modSeq.rawValue)), .int(Int64(entry.uidValidity)), .int(id.rawValue))
        }
    }

    static func publish(_ changes: Changes, in tables: inout Catalog.State, _ shown: inout [ShownTable]) {
        for (id, entry) in changes.entries {
            if let entry {
                tables.accounts.set(entry)
            } else if let old = tables.accounts.entries.removeValue(forKey: id) {
                tables.accounts.ids[old.record.name.folded] = nil
            }
        }
    }

    static func concernsCatalogue(_ changes: Changes) -> Bool { !changes.entries.isEmpty }
}

// Logins.
extension AccountTable {
    mutating func note(login: Timestamp, of account: AccountID) {
        guard entries[account] != nil else { return }
        entries[account]?.record.lastLogin = login
        dirtyLogins.insert(account)
    }

    var hasNotes: Bool { !dirtyLogins.isEmpty }

    mutating func takeNotes(into changes: inout Changes) {
        for id in dirtyLogins { if let login = entries[id]?.record.lastLogin { changes.logins[id] = login } }
        dirtyLogins = []
    }

    static func writeNotes(_ changes: Changes, _ transaction: Transaction) throws {
        for (id, login) in changes.logins { try transaction.write("UPDATE account SET last_login=? WHERE id=?", .int(login.rawValue), .int(id.rawValue)) }
    }

    static func abandon(_ changes: Changes, in tables: inout Catalog.State) { tables.accounts.dirtyLogins.formUnion(changes.logins.keys) }
}

extension AccountTable {
    static func load(_ connection: Connection, _ master: MasterKey, into tables: inout Catalog.State) throws {
        let columns = "name, password, enabled, created, last_login, mod_seq, uid_validity, sealed_key"
        try connection.scan(columns, of: "account", by: "id") { row in
            do {
                tables.accounts.set(try entry(row, master))
            } catch {
                tables.damage.accounts = true
                tables.damage.note("account \(row.int(0)): \(error)")
            }
        } missed: { ids, error in
            tables.damage.accounts = true
            tables.damage.note("accounts \(ids.lowerBound) and up: \(error)")
        }
    }

    private static func entry(_ row: Statement, _ master: MasterKey) throws -> AccountEntry {
        let id = AccountID(rawValue: try row.int(0, within: IndexRange.id, "its id"))
        guard let name = try? AccountName(row.text(1)) else { throw StorageFault.corrupt("its name") }
        let record = AccountRecord(
            id: id, name: name, passwordHash: row.text(2), enabled: row.int(3) != 0, created: try row.timestamp(4, "its creation"),
            lastLogin: row.isNull(5) ? nil : try row.timestamp(5, "its last login"))
        let key = try Seal.openKey(row.blob(8), under: master.key, as: Label(kind: .accountKey, id: id.rawValue))
        return AccountEntry(
            record: record, modSeq: try row.modSeq(6), uidValidity: UInt32(try row.int(7, within: IndexRange.number32, "its UIDVALIDITY")),
            key: key)
    }

    /// That each account's key can be had from its file too. A start writes one that is missing.
    static func check(_ store: SQLiteStore, _ check: inout StoreCheck) async throws {
        let (keys, catalog) = (store.keys, store.catalog)
        check.report.accounts = catalog.read { $0.accounts.count }
        let faults = try await store.readers.run { reader in
            var faults: [String] = []
            for id in catalog.read({ Array($0.accounts.keys) }).sorted() {
                let sealed = try KeyFolder.sealedKey(of: id, reader.connection)
                // Removed meanwhile.
                guard let sealed, catalog.account(id) != nil else { continue }
                if try keys.read(id)?.sealedKey != sealed {
                    faults.append("account \(id.rawValue): \(keys.file(id)) is missing or damaged")
                }
            }
            return faults
        }
        for fault in faults { check.report.note(fault) }
    }
}

extension Statement {
    func modSeq(_ column: Int32) throws -> ModSeq { ModSeq(rawValue: UInt64(try int(column, within: IndexRange.id, "its ModSeq"))) ?? .zero }
}

extension Catalog.State {
    var accounts: AccountTable {
        _read { yield self[AccountTable.self] }
        _modify { yield &self[AccountTable.self] }
    }
}

extension Staged {
    /// Nil: removed.
    var accounts: [AccountID: AccountEntry?] {
        _read { yield self[AccountTable.self].entries }
        _modify { yield &self[AccountTable.self].entries }
    }
}
