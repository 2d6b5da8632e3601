import Storage

/// What the blocks of large mailboxes are (`BlockDirectory`). What is not here is counted from the rows, so that nothing but an opening needs it.
struct BlockDirectoryTable: Table {
    static let place = TableList.place(of: BlockDirectoryTable.self)

    static func remove(_ mailbox: MailboxRecord, _ transaction: Transaction) throws {
        try transaction.write("DELETE FROM directory WHERE mailbox=?", .int(mailbox.id.rawValue))
    }
}
