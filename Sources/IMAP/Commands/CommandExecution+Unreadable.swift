import MailModel
import PostOffice
import Storage

// Messages that cannot be read, among many that can (SEARCH, SORT, THREAD).
//
// RFC 9051 §6.4.4 has OK for a search that was completed and NO for one that was not, and lets untagged answers come before either. A client that gets OK takes
// what is missing for messages that do not match, and one that gets a bare NO has nothing, though a thousand messages could be read. So both are told: the
// untagged SEARCH, ESEARCH, SORT or THREAD of what could be read, and then NO [SERVERBUG] (RFC 5530 §3) under an id that the log knows. `$` is empty after it
// (RFC 9051 §6.4.4.1), and nothing is kept up to date (RFC 5267 §4.3.1).
extension CommandExecution {
    /// Beyond so many it is no damage to messages any more: the command fails as a whole.
    static let mostUnreadable = 100

    /// Goes on without the message, which the log is told of. Throws its fault when they are too many.
    mutating func leaveOut(_ message: UnreadableMessage) throws {
        guard unreadable < CommandExecution.mostUnreadable else { throw message.fault }
        unreadable += 1
        let (row, fault) = (message.row, message.fault)
        let cause = "mailbox \(view?.mailbox.id.rawValue ?? 0), UID \(row.uid.rawValue), body \(row.body.rawValue): \(fault)"
        let isUnavailable = if case .unavailable = fault { true } else { false }
        let said = answer(to: isUnavailable ? StorageFault.unavailable(cause) : StorageFault.corrupt(cause))
        if problem == nil { problem = .no("Some messages cannot be read and were left out. " + said.text, said.code) }
    }
}
