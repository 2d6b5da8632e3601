package import MailModel
import MessageFormat
package import Storage

/// What a transaction learns of messages beside their rows.
struct LearnedParticulars {
    private var changes: [(mailbox: MailboxID, uid: UID, new: MessageParticulars?)] = []
    private var threads: [AccountID: [String: ThreadID]] = [:]

    mutating func add(_ particulars: MessageParticulars, in mailbox: MailboxID) { changes.append((mailbox, particulars.uid, particulars)) }
    mutating func remove(_ uid: UID, from mailbox: MailboxID) { changes.append((mailbox, uid, nil)) }

    /// That of the nearest message it refers to that the account has seen, or a new one that it begins (RFC 8474 §5.2).
    mutating func thread(of body: MemoryBody, account: AccountID, _ state: MemoryState) -> ThreadID {
        let own = body.digest.outline?.messageID
        var thread = ThreadID(rawValue: body.id.rawValue)
        for name in (own.map { [$0] } ?? []) + (body.digest.outline?.references ?? []).reversed() {
            guard let found = threads[account]?[name] ?? state.threads[account]?[name] else { continue }
            thread = found
            break
        }
        if let own { threads[account, default: [:]][own] = thread }
        return thread
    }

    func commit(to state: inout MemoryState) {
        for change in changes { state.particulars[change.mailbox, default: [:]][change.uid] = change.new }
        for (account, known) in threads { state.threads[account, default: [:]].merge(known) { $1 } }
    }
}

extension MemoryStore {
    package func particulars(of uids: NumberSet, in mailbox: MailboxID) async throws -> [MessageParticulars] {
        try await withRows {
            try look { state in
                let rows = try state.mailbox(mailbox).table.rows(uids)
                return rows.compactMap { state.particulars[mailbox]?[$0.row.uid] }
            }
        }
    }
}
