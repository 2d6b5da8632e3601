import MailModel
import PostOffice
import Storage

// What is kept of messages beside their rows: threads and save dates (RFC 8474 §5.2, RFC 8514 §4).
extension Errand {
    /// Of messages that are gone nothing is known any more: NIL.
    mutating func readParticulars(of messages: [FetchedMessage], _ view: MailboxView) async throws {
        let uids = NumberSet(messages.lazy.filter { !$0.isGone }.map(\.row.uid))
        let found = try await mailroom.particulars(of: uids, in: view.mailbox)
        particulars = Dictionary(found.map { ($0.uid, $0) }) { $1 }
    }

    /// UIDs that are looked up together.
    private static let particularsBatch = 4_096

    /// The messages that each key of a search means, where rows and outlines do not tell. Empty, and without a look-up, when no key is
    /// of that kind.
    func resolved(_ key: SearchKey, in view: MailboxView) async throws -> [SearchKey: NumberSet] {
        let keys = key.keysOfParticulars
        guard !keys.isEmpty else { return [:] }
        var found: [SearchKey: NumberSet] = [:]
        for key in keys { found[key] = NumberSet() }
        var start = 0
        while start < view.rows.count {
            let end = min(view.rows.count, start + Errand.particularsBatch)
            let batch = try await mailroom.particulars(of: withRows(of: view) { try view.uids(at: [start..<end]) }, in: view.mailbox)
            Errand.resolve(batch, &found)
            start = end
            await Task.yield()
        }
        return found
    }

    /// Among a few messages.
    func resolved(_ key: SearchKey, of uids: NumberSet, in view: MailboxView) async throws -> [SearchKey: NumberSet] {
        var found = Dictionary(uniqueKeysWithValues: key.keysOfParticulars.map { ($0, NumberSet()) })
        guard !found.isEmpty else { return [:] }
        Errand.resolve(try await mailroom.particulars(of: uids, in: view.mailbox), &found)
        return found
    }

    private static func resolve(_ batch: [MessageParticulars], _ found: inout [SearchKey: NumberSet]) {
        for particulars in batch {
            for key in found.keys where key.matches(particulars) { found[key]?.insert(particulars.uid) }
        }
    }
}

extension SearchKey {
    /// Those of the keys that a message's particulars answer, each once.
    var keysOfParticulars: Set<SearchKey> {
        switch self {
        case .threadID, .savedBefore, .savedOn, .savedSince: [self]
        case .and(let keys): keys.reduce(into: []) { $0.formUnion($1.keysOfParticulars) }
        case .or(let a, let b): a.keysOfParticulars.union(b.keysOfParticulars)
        case .not(let key), .fuzzy(let key): key.keysOfParticulars
        default: []
        }
    }

    // RFC 8514 §4.3: without regard to time and zone, which is UTC here as SAVEDATE shows it.
    fileprivate func matches(_ particulars: MessageParticulars) -> Bool {
        switch self {
        case .threadID(let id): ThreadID(objectID: id) == particulars.thread
        case .savedBefore(let day): CalendarDay(of: particulars.saveDate) < day
        case .savedOn(let day): CalendarDay(of: particulars.saveDate) == day
        case .savedSince(let day): CalendarDay(of: particulars.saveDate) >= day
        default: false
        }
    }
}
