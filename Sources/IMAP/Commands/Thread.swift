import MailModel
import MessageFormat
import NIOCore
import PostOffice

// THREAD (RFC 5256 §3).
extension Errand {
    mutating func thread(_ arguments: ThreadArguments, _ numbering: Numbering) async throws -> Answer {
        let found = try await found(by: arguments.search)
        let view = try selectedView()
        var table = ThreadTable(algorithm: arguments.algorithm)
        for batch in found.batches(of: Errand.sortBatch) {
            try await addReadable(batch, numbering, to: &table, view)
            try await tellProgress(batch.endIndex, of: found.count)
        }
        try await burn(found.count) { [table] in $0.output.writeThread(table.forest()) }
        try await flushIfFull()
        return problem ?? .ok("THREAD done")
    }

    private mutating func addReadable(
        _ batch: ArraySlice<Match>, _ numbering: Numbering, to table: inout ThreadTable, _ view: MailboxView
    ) async throws {
        do { return try await Errand.add(batch, numbering, to: &table, mailroom, view.mailbox) } catch {
            guard Errand.isOfMessages(error) else { throw error }
        }
        for match in batch {
            do { try await Errand.add([match], numbering, to: &table, mailroom, view.mailbox) } catch { try leaveOut(match.row, error) }
        }
    }

    /// What throws has added nothing.
    private static func add(
        _ batch: ArraySlice<Match>, _ numbering: Numbering, to table: inout ThreadTable, _ mailroom: Mailroom, _ mailbox: OpenMailbox
    ) async throws {
        try Task.checkCancellation()
        let outlines = try await mailroom.outlines(of: batch.map(\.row), in: mailbox)
        for (match, outline) in zip(batch, outlines) {
            table.append(numbering == .uid ? match.row.uid.rawValue : match.number, match.row, outline)
        }
        // When all were at hand, nothing was waited for.
        await Task.yield()
    }
}
