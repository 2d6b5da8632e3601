import Crypto
import FoundationEssentials
import Glibc
import Logging
import MailModel
import Storage

/// What happens once, at start, before anybody else uses the store.
enum Loading {
    private static let checkText = Array("martlet".utf8)

    /// That the master key is the one that this store was made with.
    static func checkKey(_ connection: Connection, _ master: MasterKey) throws {
        let label = Label(kind: .check, id: 0)
        let statement = try connection.prepare("SELECT value FROM meta WHERE key='check'")
        defer { statement.reset() }
        if try statement.step() {
            guard let text = try? Seal.open(statement.blob(0), under: master.key, as: label), Array(text) == checkText else {
                throw StorageFault.unavailable("the master key is not the one this store was made with")
            }
        } else {
            try connection.run("INSERT INTO meta VALUES ('check', ?)", .blob(try Seal.seal(checkText, under: master.key, as: label)))
        }
    }

    /// The highest id that a body may ever have had.
    static func lastBody(_ connection: Connection, _ folder: BodyFolder) throws -> Int64 {
        let highest = try connection.number("SELECT value FROM meta WHERE key='last-body'") ?? 0
        guard IndexRange.id.contains(highest) else { throw StorageFault.corrupt("the highest id of a body: \(highest)") }
        do {
            return max(highest, try connection.number("SELECT max(id) FROM body WHERE id<?", .int(IndexRange.id.upperBound)) ?? 0)
        } catch {
            // Those on pages that cannot be read may have higher ids than any that can; none of them is given again.
            var readable = highest
            for (table, key) in [("body", "id"), ("holder", "body")] {
                try connection.scan(key, of: table, by: key) { row in
                    if IndexRange.id.contains(row.int(0)) { readable = max(readable, row.int(0)) }
                } missed: { _, _ in
                }
            }
            return readable + gapOfBodies
        }
    }

    private static let gapOfBodies: Int64 = 1 << 32

    static func state(_ connection: Connection, _ master: MasterKey) throws -> Catalog.State {
        var tables = Catalog.State()
        for kind in TableList.kinds { try kind.load(connection, master, into: &tables) }
        return tables
    }

    static func ledger(_ connection: Connection, _ state: inout Catalog.State) throws -> Ledger {
        let before = state.damage.lines.count
        let records = try LedgerRecord.loadReadable(connection, &state.damage)
        // Those that cannot be read have ids too.
        let above = state.damage.lines.count > before ? (records.last?.id ?? 0) + 1 << 32 : 0
        let ledger = Ledger(records, above: above)
        // Of a copy that did not come to its end.
        for record in records where record.change == .expunged {
            guard let next = state.mailboxes[record.mailbox]?.uidNext, let first = record.uids.first, let last = record.uids.last, first >= next, next > 0
            else { continue }
            ledger.reserve(first...last, in: record.mailbox)
        }
        return ledger
    }
}
