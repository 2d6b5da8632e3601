import MailModel
import NIOCore

// A client learns UIDs on other ways than from this session: another connection of its, APPENDUID, COPYUID, ESEARCH. So what it names by UID is what the
// mailbox holds, not what this session was told of: what has come is told first. EXISTS may be told at any time (RFC 9051 §7.4.1, RFC 3501 §7.3.1).
// Nothing else is told before the command: not expunges, for there may be sequence numbers among its arguments; and not flags, which a client would take for those
// that a STORE has left behind (RFC 9051 §6.4.6 on .SILENT).
extension IMAPSession {
    /// True when `updateContexts` has to be called before the command is begun.
    mutating func mustTellFirst(before verb: Verb, _ output: inout ByteBuffer) -> Bool {
        guard verb.row.messages.numbering == .uid, wantsNews, view?.lacksArrivals ?? false else { return false }
        tellArrivals(&output)
        if case .logout = state { return true }
        return selection?.isOwing ?? false
    }
}

extension MailboxView {
    /// Whether messages have come that the client was not told of.
    fileprivate var lacksArrivals: Bool { current.uidNext != rows.uidNext }
}
