import MailModel
import Storage

/// Messages that are being made conversations of; added a few at a time as in `MessageSorting`.
package struct MessageThreading: Sendable {
    /// Those that could be read, as they came.
    package private(set) var messages: [FoundMessage] = []
    private var table: ThreadTable

    package init(_ algorithm: ThreadAlgorithm) { table = ThreadTable(algorithm: algorithm) }

    /// How many to add at a time.
    package static let batch = Mailroom.outlineBatch

    /// At most `batch` messages of the mailbox. Those that cannot be read are left out.
    package mutating func add(_ batch: ArraySlice<FoundMessage>, _ mailroom: Mailroom, _ mailbox: OpenMailbox) async throws -> [UnreadableMessage] {
        do {
            try await addReadable(batch, mailroom, mailbox)
            return []
        } catch {
            guard (error as? StorageFault)?.isOfMessages ?? false else { throw error }
        }
        var unreadable: [UnreadableMessage] = []
        for message in batch {
            do {
                try await addReadable([message], mailroom, mailbox)
            } catch {
                guard let lost = UnreadableMessage(message.row, error) else { throw error }
                unreadable.append(lost)
            }
        }
        return unreadable
    }

    /// What throws has added nothing.
    private mutating func addReadable(_ batch: ArraySlice<FoundMessage>, _ mailroom: Mailroom, _ mailbox: OpenMailbox) async throws {
        try Task.checkCancellation()
        let outlines = try await mailroom.outlines(of: batch.map(\.row), in: mailbox)
        for (message, outline) in zip(batch, outlines) {
            table.append(message.row, outline)
            messages.append(message)
        }
        // When all were at hand, nothing was waited for.
        await Task.yield()
    }

    /// Its nodes name places in `messages`. Of many messages it burns.
    package func forest() -> ThreadForest { table.forest() }
}
