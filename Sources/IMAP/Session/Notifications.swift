import MailModel
import Storage

/// What a client has asked to be told of, at any time (RFC 5465). A session without NOTIFY has none.
struct Notifications: Sendable {
    struct Group: Sendable {
        enum Filter: Sendable {
            /// To where mail is delivered.
            case inboxes
            case personal
            case subscribed
            case subtree(Set<MailboxName>)
            case mailboxes(Set<MailboxName>)
        }

        let filter: Filter
        let events: NotifyEvents

        func covers(_ name: MailboxName, isSubscribed: Bool) -> Bool {
            switch filter {
            case .inboxes: name.isInbox
            case .personal: true
            case .subscribed: isSubscribed
            case .subtree(let roots): roots.contains(name) || name.superiors.contains { roots.contains($0) }
            case .mailboxes(let names): names.contains(name)
            }
        }
    }

    /// Of the selected mailbox.
    struct Selected: Sendable {
        var events: NotifyEvents = []
        var delaysExpunges = false
        /// FETCH items of new messages.
        var items: [FetchItem] = []
    }

    let selected: Selected
    let groups: [Group]
    /// Nil: nothing was asked for.
    let watch: AccountWatch?

    /// RFC 5465 §5: the rest belongs to ANNOTATE and METADATA.
    static let served: NotifyEvents = [.messageNew, .messageExpunge, .flagChange, .mailboxName, .subscriptionChange]

    /// NOTIFY NONE.
    static let none = Notifications([], watch: nil)

    /// What no mailbox can be called is left out (RFC 5465 §3.1).
    init(_ asked: [EventGroup], watch: AccountWatch?) {
        self.watch = watch
        var selected = Selected()
        var groups: [Group] = []
        for group in asked {
            switch group.filter {
            case .selected, .selectedDelayed:
                selected = Selected(
                    events: group.events, delaysExpunges: group.filter == .selectedDelayed, items: group.newMessageItems)
            case .inboxes: groups.append(Group(filter: .inboxes, events: group.events))
            case .personal: groups.append(Group(filter: .personal, events: group.events))
            case .subscribed: groups.append(Group(filter: .subscribed, events: group.events))
            case .subtree(let names): groups.append(Group(filter: .subtree(Set(names.compactMap(\.name))), events: group.events))
            case .mailboxes(let names): groups.append(Group(filter: .mailboxes(Set(names.compactMap(\.name))), events: group.events))
            }
        }
        self.selected = selected
        self.groups = groups
    }

    /// All that was asked for of that mailbox. O(groups × depth).
    func events(of name: MailboxName, isSubscribed: Bool) -> NotifyEvents {
        groups.reduce(into: []) { events, group in
            if !group.events.isEmpty, group.covers(name, isSubscribed: isSubscribed) { events.formUnion(group.events) }
        }
    }

    /// Whether any mailbox but the selected one is asked about.
    var looksElsewhere: Bool { groups.contains { !$0.events.isEmpty } }
}

/// What is to be told next.
package struct Notice: Sendable {
    let notifications: Notifications
    var changes: AccountChanges
    /// Messages of the selected mailbox whose items are told.
    var newMessages = NumberSet()
    /// The mailbox whose messages the session tells of itself.
    var selected: MailboxID?
}
