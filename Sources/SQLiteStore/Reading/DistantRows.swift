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

    /// A snapshot of those blocks, none of which is read yet.
    func snapshot(_ entry: MailboxEntry, _ directory: BlockDirectory) -> MailboxSnapshot {
        var snapshot = MailboxSnapshot(mailbox: entry.record.id, uidValidity: entry.record.uidValidity)
        let mailbox = entry.record.id
        for summary in directory.blocks {
            snapshot.append(MailboxSnapshot.Block(summary, of: mailbox) { [self] first, last in try read(first, last, of: mailbox) })
        }
        return snapshot
    }

    private func read(_ first: UID, _ last: UID, of mailbox: MailboxID) throws -> ContiguousArray<MessageRow> {
        try reader.withLock { reader in
            let connection = try reader.connection ?? file.connect(.reader)
            reader.connection = connection
            // One view of rows and ledger.
            try connection.execute("BEGIN")
            defer { try? connection.execute("COMMIT") }
            return ContiguousArray(try TableReader.rows(NumberSet(first.rawValue...last.rawValue), of: mailbox, connection))
        }
    }
}
