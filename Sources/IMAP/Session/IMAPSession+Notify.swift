import Conversation
import MailModel
import NIOCore
import Storage

// NOTIFY (RFC 5465): what happens is told when no command is under way.
extension IMAPSession {
    /// Verbs that ask what is new, or whose own answer it is: they are told even where the client wants to hear of nothing.
    private static func asks(_ verb: Verb) -> Bool {
        switch verb {
        // NOTIFY SET implies a NOOP.
        case .noop, .check, .notify, .expunge, .uidExpunge, .move, .uidMove, .replace, .uidReplace: true
        default: false
        }
    }

    /// The end of a command tells what is new in the selected mailbox, as far as the client wants to hear of it (RFC 5465 §3.1).
    mutating func tellNews(after verb: Verb, _ code: ResponseCode?, expunges: Bool, _ output: inout ByteBuffer) {
        let asks = IMAPSession.asks(verb)
        guard asks || wantsNews else { return }
        tellNews(expunges: expunges, flags: asks || wantsFlags, own: code, &output)
    }

    var wantsNews: Bool { !(notifications?.selected.events.isEmpty ?? false) }
    private var wantsFlags: Bool { notifications?.selected.events.contains(.flagChange) ?? true }

    /// Somebody poked the connection, or items of new messages are owed: tells what was asked for. Nil: there is nothing to wait for.
    mutating func tellNotices(_ output: inout ByteBuffer) -> Step<IMAPWork>? {
        guard let notifications, let login, pending.isEmpty else {
            // Without NOTIFY only IDLE tells of itself; with it, what is under way comes first.
            if notifications == nil, pending.isEmpty { tellIdle(&output) }
            return nil
        }
        switch activity {
        case .commands, .idle: break
        case .sasl, .receiving: return nil
        }
        wasPoked = false
        guard let taken = notifications.take() else { return nil }
        var notice = Notice(notifications: notifications, span: taken.own, others: taken.others, ownNames: ownNames)
        var job = Job(tag: .notice, command: .noop, verb: .notify, principal: login.principal, dialect: dialect, view: nil)
        if wantsNews {
            let isIdle = if case .idle = activity { true } else { false }
            tellNews(expunges: isIdle || !notifications.selected.delaysExpunges, flags: wantsFlags, &output)
        }
        if case .selected(_, let view) = state {
            notice.selected = view.mailbox.id
            notice.newMessages = owed
            job.view = view
        }
        owed = NumberSet()
        let isElsewhere = !notifications.elsewhere.isEmpty && !(notice.span == nil && notice.others.isEmpty)
        guard isElsewhere || !notice.newMessages.isEmpty else { return nil }
        if !isElsewhere { (notice.span, notice.others) = (nil, []) }
        ownNames = []
        pending.append(.notice)
        return .work(.notice(notice, job))
    }

    mutating func absorbNotice(_ completion: Completion, _ output: inout ByteBuffer) {
        output.writeImmutableBuffer(completion.output)
        if case .overflow = completion.effect {
            // RFC 5465 §5.8: from now on it is as after NOTIFY NONE.
            notifications = Notifications.none
            owed = NumberSet()
            output.writeUntagged(.ok("Too much happens here for you to be told of it", .notificationOverflow))
        }
        guard let login, case .selected = state, case .view(let view) = completion.effect else { return }
        state = .selected(login, view)
        // What the items have told of flags is no news any more.
        if wantsNews { tellNews(expunges: false, flags: wantsFlags, &output) }
    }

    /// New messages whose items are owed to the client; not those that it has put there itself (RFC 5465 §5.2).
    mutating func owe(_ news: MailboxView.News, _ view: MailboxView, own code: ResponseCode?) throws {
        guard let notifications, !notifications.selected.items.isEmpty, let first = news.firstNew, first < view.rows.count else { return }
        var own = NumberSet()
        switch code {
        case .appendUID(view.rows.uidValidity, let uids): own = uids
        case .copyUID(view.rows.uidValidity, _, let target): own = NumberSet(target)
        default: break
        }
        for uid in try view.uids(at: [first..<view.rows.count]).subtracting(own).ranges.joined() { owed.insert(uid) }
    }

    /// RFC 5465 §5: the client is not told of names that it has made, moved or removed itself.
    mutating func noteOwnNames(_ command: Command) {
        guard notifications != nil else { return }
        switch command {
        case .create(let arguments): ownNames = [arguments.mailbox.name].compactMap { $0 }
        case .delete(let mailbox), .subscribe(let mailbox), .unsubscribe(let mailbox): ownNames = [mailbox.name].compactMap { $0 }
        case .rename(let from, let to): ownNames = [from.name, to.name].compactMap { $0 }
        default: ownNames = []
        }
    }
}

extension Tag {
    /// Of what no command has asked for.
    fileprivate static var notice: Tag { Tag(known: "NOTIFY") }
}
