import MessageFormat
import Storage

/// Messages that are being put in order. They are added a few at a time, so that whoever drives it can say how far it is, or stop.
package struct MessageSorting: Sendable {
    /// Those that could be read, as they came.
    package private(set) var messages: [FoundMessage] = []
    private var table: SortTable
    private let needsOutlines: Bool

    /// `capacity`: how many messages there will be, at most.
    package init(_ criteria: [SortCriterion], capacity: Int) {
        table = SortTable(criteria, capacity: capacity)
        needsOutlines = criteria.contains(where: \.key.needsOutline)
    }

    /// How many to add at a time: what is compared of them is worked out in less than a millisecond, and so many outlines are held.
    package var batch: Int { needsOutlines ? Mailroom.outlineBatch : 4_096 }

    /// At most `batch` messages of the mailbox. Those that cannot be read are left out.
    package mutating func add(_ batch: ArraySlice<FoundMessage>, _ mailroom: Mailroom, _ mailbox: OpenMailbox) async throws -> [UnreadableMessage] {
        try Task.checkCancellation()
        guard needsOutlines else {
            for message in batch { try append(message, nil) }
            if messages.count > self.batch { await Task.yield() }
            return []
        }
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

    /// All of them, or none.
    mutating func addReadable(_ batch: ArraySlice<FoundMessage>, _ mailroom: Mailroom, _ mailbox: OpenMailbox) async throws {
        guard needsOutlines else {
            for message in batch { try append(message, nil) }
            return
        }
        let count = messages.count
        let outlines = try await mailroom.encodedOutlines(of: batch.map(\.row), in: mailbox)
        do {
            for (message, outline) in zip(batch, outlines) { try append(message, outline) }
        } catch {
            table.cut(to: count)
            messages.removeLast(messages.count - count)
            throw error
        }
        // When all were at hand, nothing was waited for.
        await Task.yield()
    }

    private mutating func append(_ message: FoundMessage, _ outline: EncodedOutline?) throws {
        do {
            try table.append(message.row, outline)
        } catch {
            throw StorageFault.corrupt("outline of body \(message.row.body.rawValue): \(error)")
        }
        messages.append(message)
    }

    /// Their places in `messages`, in order; equal ones stay as they came. O(n log n), which of many burns.
    package func order() -> [Int] { table.order() }

    /// Of a message, for comparing octet by octet as `order` does.
    func key(at place: Int) -> [UInt8] { table.key(at: place) }
}

extension Mailroom {
    /// Outlines that are held at a time; what is compared of them is worked out in less than a millisecond.
    static let outlineBatch = 256
}
