import Storage

/// Keyed hashes of message ids, to find a message's thread by.
struct ReferenceTable: Table {
    static let place = TableList.place(of: ReferenceTable.self)

    static func remove(_ account: AccountRecord, _ transaction: Transaction) throws {
        try transaction.write("DELETE FROM reference WHERE account=?", .int(account.id.rawValue))
    }
}
