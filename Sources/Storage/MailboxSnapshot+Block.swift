package import MailModel
import Synchronization

extension MailboxSnapshot {
    /// Neighbouring rows, at least one. Immutable; two snapshots with the same block have the same rows there.
    ///
    /// A block may be made without its rows, which are read when somebody first asks for them: a large mailbox is opened by its blocks' ends.
    package final class Block: Sendable {
        /// The first and the last row's UID.
        package let first: UID
        package let last: UID
        package let count: Int
        private let known: ContiguousArray<MessageRow>
        private let distant: Distant?

        package static let most = 512

        package init(_ rows: ContiguousArray<MessageRow>) {
            known = rows
            distant = nil
            first = rows.first?.uid ?? .first
            last = rows.last?.uid ?? .first
            count = rows.count
        }

        /// `read` gives the rows from one UID to another. It is asked until it has answered once, on whatever thread wants to know: it should take less
        /// than a millisecond.
        package init(_ summary: BlockSummary, read: @escaping @Sendable (UID, UID) throws -> ContiguousArray<MessageRow>) {
            known = []
            distant = Distant(summary, read)
            (first, last, count) = (summary.first, summary.last, summary.count)
        }

        /// None when they cannot be read.
        package var rows: ContiguousArray<MessageRow> {
            guard let distant else { return known }
            return (try? distant.rows()) ?? []
        }

        /// Nil when there is none, or it cannot be read.
        package func row(_ offset: Int) -> MessageRow? {
            let rows = rows
            return offset < rows.count ? rows[offset] : nil
        }

        /// Throws when the rows cannot be read.
        func prepare() throws { _ = try distant?.rows() }

        /// Whether the rows have been read.
        package var isAtHand: Bool { distant?.isRead ?? true }

        var mayHaveUnseen: Bool { distant.map { $0.summary.unseen > 0 } ?? true }

        package var summary: BlockSummary {
            if let distant { return distant.summary }
            let unseen = known.reduce(0) { $0 + ($1.flags.contains(.seen) ? 0 : 1) }
            return BlockSummary(first: first, last: last, count: count, unseen: unseen)
        }
    }

    /// What is known of a block before its rows are.
    package struct BlockSummary: Hashable, Sendable {
        package let first: UID
        package let last: UID
        package let count: Int
        /// Rows without `\Seen`.
        package let unseen: Int

        package init(first: UID, last: UID, count: Int, unseen: Int) {
            self.first = first
            self.last = last
            self.count = count
            self.unseen = unseen
        }
    }

    /// Rows that are read once.
    private final class Distant: Sendable {
        let summary: BlockSummary
        private let read: @Sendable (UID, UID) throws -> ContiguousArray<MessageRow>
        private let state = Mutex<ContiguousArray<MessageRow>?>(nil)

        init(_ summary: BlockSummary, _ read: @escaping @Sendable (UID, UID) throws -> ContiguousArray<MessageRow>) {
            self.summary = summary
            self.read = read
        }

        var isRead: Bool { state.withLock { $0 != nil } }

        func rows() throws -> ContiguousArray<MessageRow> {
            try state.withLock { state in
                if let state { return state }
                let rows = try read(summary.first, summary.last)
                guard rows.count == summary.count, rows.first?.uid == summary.first, rows.last?.uid == summary.last else {
                    throw StorageFault.corrupt("rows \(summary.first.rawValue) to \(summary.last.rawValue) of a mailbox are not those that were counted")
                }
                state = rows
                return rows
            }
        }
    }
}
