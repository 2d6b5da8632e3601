import MailModel
import PostOffice
import Storage

// What is kept of messages beside their rows: threads and save dates (RFC 8474 §5.2, RFC 8514 §4).
extension CommandExecution {
    /// Of messages that are gone nothing is known any more: NIL.
    mutating func readParticulars(of messages: [FetchedMessage], _ view: MailboxView) async throws {
        let uids = NumberSet(messages.lazy.filter { !$0.isGone }.map(\.row.uid))
        let found = try await mailroom.particulars(of: uids, in: view.mailbox)
        particulars = Dictionary(found.map { ($0.uid, $0) }) { $1 }
    }
}
