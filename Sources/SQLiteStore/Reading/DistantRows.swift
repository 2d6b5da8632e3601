import MailModel
import Storage
import Synchronization

/// Reads the rows of one block of a large mailbox when a store's thread first asks for them.
///
/// The writer has a block's rows read before it changes one of them, so what is read here, as last committed, is what the block always was.
final class DistantRows: Sendable {
    /// `@unchecked Sendable`: within the lock alone.
    private struct Reader: @unchecked Sendable {
        var connection: Connection?
    }

    private let file: IndexFile
    private let reader = Mutex(Reader(connection: nil))

    init(_ file: IndexFile) { self.file = file }

    /// A snapshot of those blocks, none of which is read yet. `hasFurther`: whether messages may have further keywords now.
    func snapshot(_ entry: MailboxEntry, _ directory: BlockDirectory, hasFurther: Bool) -> MailboxSnapshot {
        var snapshot = MailboxSnapshot(mailbox: entry.record.id, uidValidity: entry.record.uidValidity)
        let mailbox = entry.record.id
        for summary in directory.blocks {
            snapshot.append(MailboxSnapshot.Block(distant: summary, of: mailbox) { [self] in try read($0, $1, of: mailbox, hasFurther) })
        }
        return snapshot
    }

    private func read(_ first: UID, _ last: UID, of mailbox: MailboxID, _ hasFurther: Bool) throws -> KeywordedRows {
        try reader.withLock { reader in
            let connection = try reader.connection ?? file.connect(.reader)
            reader.connection = connection
            // One view of rows and ledger.
            try connection.execute("BEGIN")
            defer { try? connection.execute("COMMIT") }
            return try TableReader.rows(NumberSet(first.rawValue...last.rawValue), of: mailbox, hasFurther: hasFurther, connection)
        }
    }
}
