import MailModel
import Storage

/// What a client has asked to be told of, at any time (RFC 5465). A session without NOTIFY has none.
struct Notifications: Sendable {
    /// Of the selected mailbox.
    struct Selected: Sendable {
        var events: NotifyEvents = []
        var delaysExpunges = false
        /// FETCH items of new messages.
        var items: [FetchItem] = []
    }

    private(set) var selected = Selected()
    // All that was asked for, folded together, so that a name costs O(depth) however many groups there are.
    /// Of where mail is delivered to.
    private var inboxes: NotifyEvents = []
    private var personal: NotifyEvents = []
    private var subscribed: NotifyEvents = []
    private var subtrees: [MailboxName: NotifyEvents] = [:]
    private var mailboxes: [MailboxName: NotifyEvents] = [:]
    /// Of the client's own account; nil: nothing was asked for.
    var watch: AccountWatch?
    /// Of accounts that share mailboxes with it.
    var others: [AccountWatch] = []

    /// RFC 5465 §5: the rest belongs to ANNOTATE and METADATA.
    static let served: NotifyEvents = [.messageNew, .messageExpunge, .flagChange, .mailboxName, .subscriptionChange]

    /// NOTIFY NONE.
    static let none = Notifications([])

    /// What no mailbox can be called is left out (RFC 5465 §3.1).
    init(_ asked: [EventGroup]) {
        for group in asked {
            switch group.filter {
            case .selected, .selectedDelayed:
                selected = Selected(
                    events: group.events, delaysExpunges: group.filter == .selectedDelayed, items: group.newMessageItems)
            case .inboxes: inboxes.formUnion(group.events)
            case .personal: personal.formUnion(group.events)
            case .subscribed: subscribed.formUnion(group.events)
            case .subtree(let names): for name in names.compactMap(\.name) { subtrees[name, default: []].formUnion(group.events) }
            case .mailboxes(let names): for name in names.compactMap(\.name) { mailboxes[name, default: []].formUnion(group.events) }
            }
        }
    }

    /// All that was asked for of that mailbox.
    func events(of name: MailboxName, isSubscribed: Bool, isOwn: Bool = true) -> NotifyEvents {
        var events = mailboxes[name] ?? []
        if isOwn { events.formUnion(personal) }
        if name.isInbox { events.formUnion(inboxes) }
        if isSubscribed { events.formUnion(subscribed) }
        guard !subtrees.isEmpty else { return events }
        return name.superiors.reduce(into: events.union(subtrees[name] ?? [])) { $0.formUnion(subtrees[$1] ?? []) }
    }

    /// Names that were written.
    var names: Set<MailboxName> { Set(subtrees.keys).union(mailboxes.keys) }

    /// All that was asked for of mailboxes but the selected one.
    var elsewhere: NotifyEvents {
        subtrees.values.reduce(mailboxes.values.reduce(inboxes.union(personal).union(subscribed)) { $0.union($1) }) { $0.union($1) }
    }

    /// Where in the accounts' logs to read of what has happened since the last time; nil: NOTIFY NONE.
    func take() -> (own: ChangeSpan?, others: [ChangeSpan])? {
        guard let watch else { return nil }
        return (watch.take(), others.compactMap { $0.take() })
    }
}

/// What is to be told next.
package struct Notice: Sendable {
    let notifications: Notifications
    /// What happened to the client's own account; nil: nothing that it is told of.
    var span: ChangeSpan?
    /// To other accounts, whatever of it may be told.
    var others: [ChangeSpan] = []
    /// Mailboxes that the client's last command made, moved or removed, its own and others'.
    var ownNames: [MailboxName] = []
    /// Messages of the selected mailbox whose items are told.
    var newMessages = NumberSet()
    /// The mailbox whose messages the session tells of itself.
    var selected: MailboxID?
}
