import Crypto
import FoundationEssentials
import MailModel
import Storage

/// A row of the metadata table, opened.
struct AnnotationRow {
    let id: Int64
    let annotation: Annotation

    /// Of one mailbox (0: the server) that one account keeps.
    static func read(_ mailbox: Int64, _ account: AccountEntry, _ connection: Connection) throws -> [AnnotationRow] {
        let statement = try connection.prepare("SELECT id, sealed FROM metadata WHERE mailbox=? AND account=?")
        try statement.bind([.int(mailbox), .int(account.record.id.rawValue)])
        defer { statement.reset() }
        var rows: [AnnotationRow] = []
        while try statement.step() {
            let plain = try Seal.open(statement.blob(1), under: account.key, as: label(mailbox, account.record.id))
            guard let end = plain.firstIndex(of: 0) else { throw StorageFault.corrupt("an annotation of mailbox \(mailbox)") }
            rows.append(
                AnnotationRow(
                    id: statement.int(0),
                    annotation: Annotation(
                        name: String(decoding: plain[..<end], as: UTF8.self), value: [UInt8](plain[plain.index(after: end)...]))))
        }
        return rows
    }

    /// Name, NUL, value.
    static func seal(_ annotation: Annotation, _ mailbox: Int64, _ account: AccountEntry) throws -> [UInt8] {
        try Seal.seal(Array(annotation.name.utf8) + [0] + annotation.value, under: account.key, as: label(mailbox, account.record.id))
    }

    private static func label(_ mailbox: Int64, _ account: AccountID) -> Label {
        Label(kind: .annotation, id: mailbox, account: account.rawValue)
    }
}

/// Annotations of mailboxes and of the server. They are not kept in memory.
struct MetadataTable: Table {
    static let place = TableList.place(of: MetadataTable.self)

    static func remove(_ mailbox: MailboxRecord, _ transaction: Transaction) throws {
        try transaction.write("DELETE FROM metadata WHERE mailbox=?", .int(mailbox.id.rawValue))
    }

    static func remove(_ account: AccountRecord, _ transaction: Transaction) throws {
        try transaction.write("DELETE FROM metadata WHERE account=?", .int(account.id.rawValue))
    }

    static func describe(_ account: AccountEntry, _ connection: Connection, in belongings: inout CatalogueBelongings) throws {
        let statement = try connection.prepare("SELECT DISTINCT mailbox FROM metadata WHERE account=? ORDER BY mailbox")
        try statement.bind([.int(account.record.id.rawValue)])
        var mailboxes: [Int64] = []
        while try statement.step() { mailboxes.append(statement.int(0)) }
        statement.reset()
        for mailbox in mailboxes {
            do {
                belongings.notes += try AnnotationRow.read(mailbox, account, connection).map {
                    CatalogueBelongings.Note(mailbox: mailbox, annotation: $0.annotation)
                }
            } catch StorageFault.corrupt {
                // Annotations that do not open cannot be kept: not here either.
                continue
            }
        }
    }

    static func restore(_ belongings: CatalogueBelongings, of account: AccountEntry, _ recovery: Recovery, _ connection: Connection) throws {
        for note in belongings.notes {
            try connection.run(
                "INSERT INTO metadata (mailbox, account, shared, sealed) VALUES (?,?,?,?)", .int(note.mailbox), .int(account.record.id.rawValue),
                .int(Annotation.isShared(note.annotation.name) ? 1 : 0), .blob(try AnnotationRow.seal(note.annotation, note.mailbox, account)))
        }
    }
}

// Annotations.
extension Transaction {
    func set(annotations: [String: [UInt8]?], of id: MailboxID?, for account: AccountID) throws {
        let owner = try id.map { try mailbox($0).record.account }
        guard owner != nil || !annotations.keys.contains(where: Annotation.isShared) else {
            throw StorageFault.notAllowed("the server's shared annotations are not set by users")
        }
        var changes: [AccountID: [String: [UInt8]?]] = [:]
        for (name, value) in annotations {
            let keeper = Annotation.isShared(name) ? owner ?? account : account
            changes[keeper, default: [:]].updateValue(value, forKey: name)
        }
        let (keepers, subject) = (changes.keys.sorted(), id ?? MailboxID(rawValue: 0))
        // Everything is checked before anything changes.
        let plans = try keepers.map { try (keeper: $0, plan: plan(changes[$0] ?? [:], subject, of: $0)) }
        for (keeper, plan) in plans where !plan.isEmpty {
            for row in plan.removed { try write("DELETE FROM metadata WHERE id=?", .int(row)) }
            for added in plan.added { try insert(added, subject, of: try self.account(keeper)) }
            try log(.metadata, keeper, try nextModSeq(keeper), subject)
        }
    }

    private struct Plan {
        var removed: [Int64] = []
        var added: [Annotation] = []
        var isEmpty: Bool { removed.isEmpty && added.isEmpty }
    }

    private func plan(_ changes: [String: [UInt8]?], _ mailbox: MailboxID, of keeper: AccountID) throws -> Plan {
        let account = try account(keeper)
        let rows = try AnnotationRow.read(mailbox.rawValue, account, connection)
        var plan = Plan()
        var known: [String: AnnotationRow] = [:]
        for row in rows { known[row.annotation.name] = row }
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) {
            guard known[name]?.annotation.value != value else { continue }
            if let row = known[name] { plan.removed.append(row.id) }
            if let value { plan.added.append(Annotation(name: name, value: value)) }
        }
        guard !plan.added.isEmpty else { return plan }
        guard rows.count - plan.removed.count + plan.added.count <= Annotation.most else { throw StorageFault.tooManyAnnotations }
        let (entries, octets) = try holding(keeper)
        let more = plan.added.reduce(0) { $0 + $1.name.utf8.count + $1.value.count }
        guard entries - plan.removed.count + plan.added.count <= Annotation.mostOfAccount.entries,
            octets + more <= Annotation.mostOfAccount.octets
        else { throw StorageFault.tooManyAnnotations }
        return plan
    }

    private func holding(_ account: AccountID) throws -> (entries: Int, octets: Int) {
        let statement = try connection.prepare("SELECT count(*), coalesce(sum(length(sealed)), 0) FROM metadata WHERE account=?")
        try statement.bind([.int(account.rawValue)])
        defer { statement.reset() }
        guard try statement.step() else { return (0, 0) }
        return (Int(statement.int(0)), Int(statement.int(1)))
    }

    private func insert(_ annotation: Annotation, _ mailbox: MailboxID, of account: AccountEntry) throws {
        try write(
            "INSERT INTO metadata (mailbox, account, shared, sealed) VALUES (?,?,?,?)",
            .int(mailbox.rawValue), .int(account.record.id.rawValue), .int(Annotation.isShared(annotation.name) ? 1 : 0),
            .blob(try AnnotationRow.seal(annotation, mailbox.rawValue, account)))
    }

    /// RFC 5464 §4.1: INBOX keeps its annotations when it is renamed, and the new mailbox gets them too. Everybody's.
    func copyAnnotations(from source: MailboxID, to target: MailboxID) throws {
        let statement = try connection.prepare("SELECT DISTINCT account FROM metadata WHERE mailbox=?")
        try statement.bind([.int(source.rawValue)])
        var keepers: [AccountID] = []
        while try statement.step() { keepers.append(AccountID(rawValue: statement.int(0))) }
        statement.reset()
        for keeper in keepers {
            let account = try account(keeper)
            for row in try AnnotationRow.read(source.rawValue, account, connection) { try insert(row.annotation, target, of: account) }
        }
    }
}

extension BodyReader {
    func annotations(of mailbox: MailboxID?, owner: AccountID?, for account: AccountID) throws -> [Annotation] {
        var found: [Annotation] = []
        for keeper in Set([account, owner ?? account]) {
            guard let entry = catalog.account(keeper) else { throw StorageFault.noSuchAccount }
            let rows = try AnnotationRow.read(mailbox?.rawValue ?? 0, entry, connection)
            found += rows.map(\.annotation).filter { Annotation.isShared($0.name) || keeper == account }
        }
        return found.sorted { $0.name < $1.name }
    }
}
