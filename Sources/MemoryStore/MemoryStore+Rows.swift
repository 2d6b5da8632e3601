package import MailModel
package import Storage

extension MemoryStore {
    package func read(_ blocks: [MailboxSnapshot.Block]) async throws {
        // Not where the caller runs: that may be an event loop.
        try await Task.detached { for block in blocks { try block.prepare() } }.value
    }

    /// As if the mailbox were a large one that was just opened: its rows lie in blocks of `size`, which `read` gives when they are needed, of those that there are.
    package func forget(
        rowsOf mailbox: MailboxID, blocksOf size: Int = MailboxSnapshot.Block.most,
        read: @escaping @Sendable (ContiguousArray<MessageRow>) throws -> ContiguousArray<MessageRow>
    ) throws {
        try state.withLock { state in
            var box = try state.mailbox(mailbox)
            let rows = try box.table.rows(NumberSet(1...UInt32.max)).map(\.row)
            box.table.removeAll()
            for start in stride(from: 0, to: rows.count, by: size) {
                let some = ContiguousArray(rows[start..<min(rows.count, start + size)])
                box.table.append(MailboxSnapshot.Block(MailboxSnapshot.Block(some).summary, of: mailbox) { _, _ in try read(some) })
            }
            state.mailboxes[mailbox] = box
        }
    }
}
