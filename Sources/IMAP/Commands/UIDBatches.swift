import MailModel
import PostOffice
import Storage

// UIDBATCHES (RFC 10022).
//
// The batches are those of the mailbox as it is, not as the client was told of it: expunges that it was not told of yet are told with this answer, and none
// of its ranges has more messages than were asked for, or fewer. Ranges join: each begins right above the one below it, and the lowest at 1 (§3.1.4). So one row
// a batch is looked at, in the block that has it, and the answer is sent as it grows.
//
// §3.1.1 and §6 would have repeated commands refused (LIMIT), so that clients cannot make the server work: here an answer costs a row for every 500 messages,
// less than any SEARCH, and nothing is kept of it.
extension CommandExecution {
    private static let leastBatch: UInt32 = 500
    /// Messages that the batches of a window may have together (§3.1.5).
    private static let mostInWindow = 100_000

    mutating func uidBatches(_ arguments: BatchArguments) async throws -> StatusResponse {
        let view = try selectedView()
        let rows = view.current
        let size = Int(arguments.size)
        if let window = arguments.window, window.first > window.last { return .bad("Batches are named from the lowest to the highest", .clientBug) }
        guard arguments.size >= CommandExecution.leastBatch else { return .no("A batch has \(CommandExecution.leastBatch) messages at least", .tooFew) }
        if let window = arguments.window, Int(window.last - window.first) >= CommandExecution.mostInWindow / size {
            return .no("Too many messages", .tooMany)
        }
        // §3.2.
        guard arguments.window != nil || rows.count <= worker.settings.messagesAtOnce else { return .no("Too many messages in the mailbox", .tooMany) }

        let first = arguments.window.map { Int($0.first) - 1 } ?? 0
        let end = arguments.window.map { Int($0.last) } ?? .max
        output.writeBatches(tag: job.tag)
        // Of a batch, from 0 on; its messages are counted from the mailbox's end.
        var batch = first
        var top = try await uid(batch * size, fromEndOf: rows, view)
        while batch < end, let last = top {
            let next = try await uid((batch + 1) * size, fromEndOf: rows, view)
            output.writeBatch(last, next?.successor ?? .first, isFirst: batch == first)
            (batch, top) = (batch + 1, next)
            try await flushIfFull()
            if batch % 64 == 0 { await Task.yield() }
        }
        output.endBatches()
        return .ok("UIDBATCHES done")
    }

    /// The UID of the message that has so many above it; nil when there is none.
    private func uid(_ above: Int, fromEndOf rows: MailboxSnapshot, _ view: MailboxView) async throws -> UID? {
        guard above < rows.count else { return nil }
        return try await withRows(of: view) { try rows.row(at: rows.count - 1 - above)?.uid }
    }
}
