import Storage

/// The change log of each account, with what belongs to it. It goes with the account, behind the mailboxes, whose removal is logged.
struct ChangeTable: Table {
    static let place = TableList.place(of: ChangeTable.self)

    static func remove(_ account: AccountRecord, _ transaction: Transaction) throws {
        for table in ["change", "departed", "change_floor", "change_time"] {
            try transaction.write("DELETE FROM \(table) WHERE account=?", .int(account.id.rawValue))
        }
    }

    static func check(_ store: SQLiteStore, _ check: inout StoreCheck) async throws {
        for fault in try await store.checkChangeLogs() { check.report.note(fault) }
    }
}
