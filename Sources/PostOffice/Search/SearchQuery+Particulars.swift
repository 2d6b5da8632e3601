import MailModel
import Storage

// Conditions that what is kept beside the rows answers: threads and save dates (RFC 8474 §5.2, RFC 8514 §4).
extension SearchQuery {
    /// Those among the conditions, each once.
    var ofParticulars: Set<SearchQuery> {
        switch self {
        case .thread, .saved: [self]
        case .and(let queries): queries.reduce(into: []) { $0.formUnion($1.ofParticulars) }
        case .or(let a, let b): a.ofParticulars.union(b.ofParticulars)
        case .not(let query), .approximate(let query): query.ofParticulars
        default: []
        }
    }

    fileprivate func matches(_ particulars: MessageParticulars) -> Bool {
        switch self {
        case .thread(let thread): thread == particulars.thread
        case .saved(let range): range.contains(particulars.saveDate)
        default: false
        }
    }
}

extension Mailroom {
    /// UIDs that are looked up together.
    private static let particularsBatch = 4_096

    /// The messages that each such condition means. Empty, and without a look-up, when there is none.
    func resolved(_ query: SearchQuery, of rows: MailboxSnapshot, in mailbox: OpenMailbox) async throws -> [SearchQuery: NumberSet] {
        let conditions = query.ofParticulars
        guard !conditions.isEmpty else { return [:] }
        var found = Dictionary(uniqueKeysWithValues: conditions.map { ($0, NumberSet()) })
        var start = 0
        while start < rows.count {
            let places = start..<min(rows.count, start + Mailroom.particularsBatch)
            let uids = try await withRows(of: mailbox) { try rows.uids(at: places) }
            Mailroom.resolve(try await particulars(of: uids, in: mailbox), &found)
            start = places.upperBound
            await Task.yield()
        }
        return found
    }

    /// Among a few messages.
    func resolved(_ query: SearchQuery, of uids: NumberSet, in mailbox: OpenMailbox) async throws -> [SearchQuery: NumberSet] {
        var found = Dictionary(uniqueKeysWithValues: query.ofParticulars.map { ($0, NumberSet()) })
        guard !found.isEmpty else { return [:] }
        Mailroom.resolve(try await particulars(of: uids, in: mailbox), &found)
        return found
    }

    private static func resolve(_ batch: [MessageParticulars], _ found: inout [SearchQuery: NumberSet]) {
        for particulars in batch {
            for condition in found.keys where condition.matches(particulars) { found[condition]?.insert(particulars.uid) }
        }
    }
}

extension MailboxSnapshot {
    /// `RowsNotAtHand`.
    fileprivate func uids(at places: Range<Int>) throws -> NumberSet {
        try require(places)
        var uids = NumberSet()
        try forEach(in: places) { _, row in
            uids.insert(row.uid)
            return true
        }
        return uids
    }
}
