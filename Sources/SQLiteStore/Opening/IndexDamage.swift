import MailModel
import Storage

/// What of the index could not be read when the store was opened. Answers that would need it are errors, never "there is none".
struct IndexDamage: Sendable {
    /// One line each, at most `most`.
    private(set) var lines: [String] = []
    /// Domains, or accounts, may be missing.
    var domains = false
    var accounts = false
    /// Accounts of whose mailboxes some are missing.
    var mailboxes: Set<AccountID> = []
    /// Accounts some of whose subscriptions are missing; nil among them stands for any account.
    var subscriptions: Set<AccountID?> = []
    /// Keyspaces some of whose values are missing; nil among them stands for any keyspace.
    var pairs: Set<Keyspace?> = []

    private static let most = 1_000

    mutating func note(_ line: String) { if lines.count < IndexDamage.most { lines.append(line) } }

    func lacksMailboxes(of account: AccountID) -> Bool { mailboxes.contains(account) }
    func lacksSubscriptions(of account: AccountID) -> Bool { subscriptions.contains(account) || subscriptions.contains(nil) }

    func lacksPairs(in keyspace: Keyspace) -> Bool { pairs.contains(keyspace) || pairs.contains(nil) }

    static let missingAccounts = StorageFault.corrupt("accounts or domains are missing from the index; see `martlet store check`")
    static let missingPairs = StorageFault.corrupt("aliases, lists or the like are missing from the index; see `martlet store check`")
    static let missingMailboxes = StorageFault.corrupt("mailboxes of the account are missing from the index; see `martlet store check`")
}

extension Connection {
    /// Rows in order of an integer key. Where a page cannot be read its rows are passed over: `missed` is told the keys between which they lie.
    /// `take` deals with what is wrong with one row.
    func scan(
        _ columns: String, of table: String, by key: String, _ take: (Statement) throws -> Void, missed: (ClosedRange<Int64>, any Error) throws -> Void
    ) throws {
        var next = Int64.min
        while true {
            let rows = try prepare("SELECT \(key), \(columns) FROM \(table) WHERE \(key)>=? ORDER BY \(key)")
            try rows.bind([.int(next)])
            defer { rows.reset() }
            var last: Int64?
            do {
                while try rows.step() {
                    last = rows.int(0)
                    try take(rows)
                }
                return
            } catch {
                let unread = last.map { $0 == .max ? $0 : $0 + 1 } ?? next
                let found = firstReadable(table, key, from: unread)
                try missed(unread...max(unread, (found ?? .max) - 1), error)
                guard let found, found > unread else { return }
                next = found
            }
        }
    }

    /// The lowest key from which on rows can be read again; nil: none. The rows of a page are neighbours, so it is looked for by halving.
    func firstReadable(_ table: String, _ key: String, from unread: Int64) -> Int64? {
        func isReadable(_ from: Int64) -> Bool {
            do {
                _ = try number("SELECT \(key) FROM \(table) WHERE \(key)>=? ORDER BY \(key) LIMIT 1", .int(from))
                return true
            } catch {
                return false
            }
        }
        let start = max(unread, 0)
        var low = start
        var high: Int64?
        var step: Int64 = 1
        while step < 1 << 61, high == nil {
            let candidate = start.addingReportingOverflow(step)
            guard !candidate.overflow else { break }
            if isReadable(candidate.partialValue) { high = candidate.partialValue } else { low = candidate.partialValue }
            step *= 2
        }
        guard var found = high else { return nil }
        while found - low > 1 {
            let middle = low + (found - low) / 2
            if isReadable(middle) { found = middle } else { low = middle }
        }
        return found
    }
}

/// What numbers of the index may be. One that is not is damage, as a wrong tag is.
enum IndexRange {
    /// Ids of rows, segments and bodies, and ModSeqs: so many that sums and successors never overflow.
    static let id: Range<Int64> = 0..<1 << 62
    /// Octets of a body.
    static let size: Range<Int64> = 0..<1 << 40
    /// Where in a file something lies, or sums of sizes.
    static let octets: Range<Int64> = 0..<1 << 60
    /// Ids of segments of words, and numbers of blocks in one, which together are a block's id.
    static let segment: Range<Int64> = 0..<1 << 38
    static let block: Range<Int64> = 0..<1 << 24
    static let number32: ClosedRange<Int64> = 0...Int64(UInt32.max)
    /// Seconds before and after 1970: some 34,000 years.
    static let time: ClosedRange<Int64> = -(1 << 40)...1 << 40
}

extension Statement {
    /// A column's number; `corrupt` where it is none that `range` has.
    func int(_ column: Int32, within range: some RangeExpression<Int64>, _ what: @autoclosure () -> String) throws -> Int64 {
        let value = int(column)
        guard range.contains(value) else { throw StorageFault.corrupt("\(what()): \(value)") }
        return value
    }

    func timestamp(_ column: Int32, _ what: @autoclosure () -> String) throws -> Timestamp {
        Timestamp(rawValue: try int(column, within: IndexRange.time, what()))
    }
}
