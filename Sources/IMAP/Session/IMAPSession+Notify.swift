import Conversation
import MailModel
import NIOCore
import Storage

// NOTIFY (RFC 5465): what happens is told when no command is under way.
extension IMAPSession {
    /// The end of a command tells what is new in the selected mailbox, as far as the client wants to hear of it (RFC 5465 §3.1).
    mutating func tellNews(after verb: Verb, _ code: ResponseCode?, expunges: Bool, _ output: inout ByteBuffer) {
        switch verb.row.news {
        case .all: tellNews(expunges: expunges, own: code, &output)
        case .asWished: tellWishedNews(expunges: expunges, own: code, &output)
        }
    }

    mutating func tellWishedNews(expunges: Bool, own code: ResponseCode? = nil, _ output: inout ByteBuffer) {
        if wantsNews { tellNews(expunges: expunges, flags: wantsFlags, own: code, &output) }
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
        var job = Job(tag: .notice, command: Command(.notify, NoArguments()), principal: login.principal, dialect: dialect, view: nil)
        let isIdle = if case .idle = activity { true } else { false }
        tellWishedNews(expunges: isIdle || !notifications.selected.delaysExpunges, &output)
        withSelection { selection in
            notice.selected = selection.view.mailbox.id
            notice.newMessages = selection.owed
            job.view = selection.view
            selection.owed = NumberSet()
        }
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
            withSelection { $0.owed = NumberSet() }
            output.writeUntagged(.ok("Too much happens here for you to be told of it", .notificationOverflow))
        }
        guard case .selected = state, case .view(let view) = completion.effect else { return }
        withSelection { $0.view = view }
        // What the items have told of flags is no news any more.
        tellWishedNews(expunges: false, &output)
    }

    /// RFC 5465 §5: the client is not told of names that it has made, moved or removed itself.
    mutating func noteOwnNames(_ command: Command) {
        guard notifications != nil else { return }
        ownNames = command.arguments.changedMailboxes.compactMap(\.name)
    }
}

extension Notifications {
    /// New messages whose items are owed to the client; not those that it has put there itself (RFC 5465 §5.2).
    func noteOwed(_ news: MailboxView.News, _ view: MailboxView, own code: ResponseCode?, in owed: inout NumberSet) throws {
        guard !selected.items.isEmpty, let first = news.firstNew, first < view.rows.count else { return }
        var own = NumberSet()
        if case .appendUID(view.rows.uidValidity, let uids) = code { own = uids }
        if case .copyUID(view.rows.uidValidity, _, let target) = code { own = NumberSet(target) }
        for uid in try view.uids(at: [first..<view.rows.count]).subtracting(own).ranges.joined() { owed.insert(uid) }
    }
}

extension Tag {
    /// Of what no command has asked for.
    fileprivate static var notice: Tag { Tag(known: "NOTIFY") }
}
