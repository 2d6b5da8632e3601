import MailModel
import Storage

// What `store check` looks at in change logs: that each row can be read, and that what is below the floor is gone.
extension BodyReader {
    /// Rows that are looked at in one job.
    private static let changesInCheck = 10_000

    struct ChangeLogPage: Sendable {
        var faults: [String] = []
        /// Where to go on; nil: this was the end.
        var next: ModSeq?
    }

    /// The rows of an account's log from behind `modSeq` on.
    func checkChanges(of account: AccountID, after modSeq: ModSeq?) throws -> ChangeLogPage {
        try connection.run("BEGIN")
        defer { try? connection.run("COMMIT") }
        var page = ChangeLogPage()
        // Removed meanwhile.
        guard let key = catalog.account(account)?.key, let highest = try connection.number("SELECT mod_seq FROM account WHERE id=?", .int(account.rawValue))
        else { return page }
        let name = "change log of account \(account.rawValue)"
        let floor = try ChangeFloor.read(of: account, connection)
        if modSeq == nil {
            if Int64(clamping: floor.modSeq.rawValue) > highest { page.faults.append("\(name): its floor is \(floor.modSeq), above \(highest)") }
            let stale =
                try connection.number(
                    "SELECT count(*) FROM directory JOIN mailbox ON mailbox.id=directory.mailbox WHERE mailbox.account=? AND directory.mod_seq<? "
                        + "AND mailbox.mod_seq>directory.mod_seq", .int(account.rawValue), .int(Int64(clamping: floor.modSeq.rawValue))) ?? 0
            if stale > 0 { page.faults.append("\(name): \(stale) directories of blocks are older than its floor") }
        }
        let rows = try connection.prepare("SELECT \(ChangeRow.columns) FROM change WHERE account=? AND mod_seq>? ORDER BY mod_seq, kind, mailbox")
        try rows.bind([.int(account.rawValue), .int(modSeq.map { Int64(clamping: $0.rawValue) } ?? -1)])
        defer { rows.reset() }
        var count = 0
        var last: Int64?
        while try rows.step() {
            if count >= BodyReader.changesInCheck, last != rows.int(0) {
                page.next = last.flatMap { ModSeq(rawValue: UInt64($0)) }
                break
            }
            (count, last) = (count + 1, rows.int(0))
            do {
                let change = try ChangeRow(rows, of: account, key).change
                if rows.int(0) > highest { page.faults.append("\(name): a change at \(change.modSeq), above \(highest)") }
                switch change.kind {
                case .expunged: break
                case .mailboxCreated where change.modSeq == .zero: break
                default:
                    guard change.modSeq <= floor.pruned else { break }
                    page.faults.append("\(name): a change at \(change.modSeq), though it is pruned to \(floor.pruned)")
                }
            } catch let fault as StorageFault {
                guard case .corrupt(let reason) = fault else { throw fault }
                page.faults.append(reason)
            }
        }
        return page
    }
}

extension SQLiteStore {
    /// Of all accounts; no more than a report holds.
    func checkChangeLogs() async throws -> [String] {
        var faults: [String] = []
        for account in try known.read({ Array($0.accounts.keys) }).sorted() {
            var next: ModSeq?
            repeat {
                let from = next
                do {
                    let page = try await readers.run { try $0.checkChanges(of: account, after: from) }
                    faults += page.faults.prefix(StoreReport.mostFaults - faults.count)
                    next = page.next
                } catch let fault as StorageFault where fault != .closed {
                    if faults.count < StoreReport.mostFaults { faults.append("change log of account \(account.rawValue): \(fault)") }
                    next = nil
                }
            } while next != nil
        }
        return faults
    }
}
