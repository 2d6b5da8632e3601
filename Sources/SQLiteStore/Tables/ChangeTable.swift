import Storage

/// The change log of each account. It goes with the account, behind the mailboxes, whose removal is logged.
struct ChangeTable: Table {
    static let place = TableList.place(of: ChangeTable.self)

    static func remove(_ account: AccountRecord, _ transaction: Transaction) throws {
        try transaction.write("DELETE FROM change WHERE account=?", .int(account.id.rawValue))
    }
}
