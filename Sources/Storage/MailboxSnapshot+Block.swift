package import MailModel
import Synchronization

/// Rows that were needed at once and have not been read yet, thrown before anything was done with others: `MailboxStore.read` has them read, then it can be
/// tried again. Nobody takes them for rows that are not there.
package struct RowsNotAtHand: Error, CustomStringConvertible {
    /// At least one.
    package let blocks: [MailboxSnapshot.Block]

    package init(blocks: [MailboxSnapshot.Block]) { self.blocks = blocks }

    package var description: String {
        let ranges = blocks.prefix(8).map { "\($0.first.rawValue) to \($0.last.rawValue)" }
        return "rows \(ranges.joined(separator: ", ")) are not at hand"
    }
}

extension MailboxSnapshot {
    /// Neighbouring rows, at least one. Immutable; two snapshots with the same block have the same rows there.
    ///
    /// A block may be made without its rows: a large mailbox is opened by its blocks' ends. Only a store has them read (`prepare`), on a thread of its own;
    /// whoever looks at rows gets those that are at hand, or an error.
    package final class Block: Sendable {
        /// The first and the last row's UID.
        package let first: UID
        package let last: UID
        package let count: Int
        private let known: KeywordedRows
        private let distant: Distant?
        private let union = Mutex<FlagSet?>(nil)

        package static let most = 512

        package convenience init(_ rows: ContiguousArray<MessageRow>) { self.init(KeywordedRows(rows)) }

        package init(_ rows: KeywordedRows) {
            known = rows
            distant = nil
            first = rows.rows.first?.uid ?? .first
            last = rows.rows.last?.uid ?? .first
            count = rows.rows.count
        }

        /// `read` gives the rows of the mailbox from one UID to another. It is asked until it has answered once, by `prepare` alone.
        package convenience init(
            _ summary: BlockSummary, of mailbox: MailboxID, read: @escaping @Sendable (UID, UID) throws -> ContiguousArray<MessageRow>
        ) {
            self.init(distant: summary, of: mailbox) { KeywordedRows(try read($0, $1)) }
        }

        package init(
            distant summary: BlockSummary, of mailbox: MailboxID, read: @escaping @Sendable (UID, UID) throws -> KeywordedRows
        ) {
            known = KeywordedRows()
            distant = Distant(summary, mailbox, read)
            (first, last, count) = (summary.first, summary.last, summary.count)
        }

        /// Never reads: `RowsNotAtHand`.
        package var rows: ContiguousArray<MessageRow> {
            get throws {
                guard let distant else { return known.rows }
                guard let rows = distant.atHand else { throw RowsNotAtHand(blocks: [self]) }
                return rows.rows
            }
        }

        /// With the further keywords of those that have any.
        var allAtHand: KeywordedRows? { distant.map { $0.atHand } ?? known }

        /// The places of keywords, and the flags, that at least one row has; nil: not known without reading them. Worked out once.
        package var used: FlagSet? {
            guard let rows = allAtHand else { return distant?.summary.used }
            return union.withLock { union in
                if let union { return union }
                let found = rows.used
                union = found
                return found
            }
        }

        /// Nil when the block is shorter. Never reads: `RowsNotAtHand`.
        package func row(_ offset: Int) throws -> MessageRow? {
            let rows = try rows
            return offset < rows.count ? rows[offset] : nil
        }

        /// Has the rows at hand, on the calling thread, which waits for the disk: for stores alone. What it throws names the mailbox and the UIDs.
        package func prepare() throws { try distant?.prepare() }

        /// Whether the rows have been read.
        package var isAtHand: Bool { distant.map { $0.atHand != nil } ?? true }

        var mayHaveUnseen: Bool { distant.map { $0.summary.unseen > 0 } ?? true }

        package var summary: BlockSummary {
            if let distant { return distant.summary }
            let unseen = known.rows.reduce(0) { $0 + ($1.flags.contains(.seen) ? 0 : 1) }
            return BlockSummary(first: first, last: last, count: count, unseen: unseen, used: used)
        }
    }

    /// What is known of a block before its rows are.
    package struct BlockSummary: Hashable, Sendable {
        package let first: UID
        package let last: UID
        package let count: Int
        /// Rows without `\Seen`.
        package let unseen: Int
        /// What `Block.used` says; nil: not known.
        package let used: FlagSet?

        package init(first: UID, last: UID, count: Int, unseen: Int, used: FlagSet? = nil) {
            self.used = used
            self.first = first
            self.last = last
            self.count = count
            self.unseen = unseen
        }
    }

    /// Rows that are read once.
    private final class Distant: Sendable {
        let summary: BlockSummary
        private let mailbox: MailboxID
        private let read: @Sendable (UID, UID) throws -> KeywordedRows
        /// Held only to look: who looks does not wait for who reads.
        private let state = Mutex<KeywordedRows?>(nil)
        private let turn = Mutex<Void>(())

        init(_ summary: BlockSummary, _ mailbox: MailboxID, _ read: @escaping @Sendable (UID, UID) throws -> KeywordedRows) {
            self.summary = summary
            self.mailbox = mailbox
            self.read = read
        }

        var atHand: KeywordedRows? { state.withLock { $0 } }

        func prepare() throws {
            guard atHand == nil else { return }
            try turn.withLock { _ in
                guard atHand == nil else { return }
                let rows = try readRows()
                guard rows.rows.count == summary.count, rows.rows.first?.uid == summary.first, rows.rows.last?.uid == summary.last else {
                    throw StorageFault.corrupt("\(name) are not those that were counted: \(rows.rows.count) of \(summary.count)")
                }
                state.withLock { $0 = rows }
            }
        }

        private func readRows() throws -> KeywordedRows {
            do { return try read(summary.first, summary.last) } catch StorageFault.corrupt(let cause) {
                throw StorageFault.corrupt("\(name): \(cause)")
            } catch StorageFault.unavailable(let cause) {
                throw StorageFault.unavailable("\(name): \(cause)")
            }
        }

        private var name: String { "mailbox \(mailbox.rawValue), rows \(summary.first.rawValue) to \(summary.last.rawValue)" }
    }
}
