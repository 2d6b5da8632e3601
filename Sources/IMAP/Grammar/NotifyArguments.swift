/// NOTIFY's (RFC 5465 §3.1).
package enum NotifyArguments: Hashable, Sendable {
    case none
    /// Not empty. `status`: the client wants to know where the mailboxes stand now.
    case set([EventGroup], status: Bool)

    /// Groups, and mailboxes named in all of them.
    package static let most = (groups: 100, names: 1_000)
}

extension NotifyArguments: CommandArguments {
    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> NotifyArguments { try reader.notifyArguments() }
}

/// Some mailboxes and what of them a client wants to be told.
package struct EventGroup: Hashable, Sendable {
    package enum Filter: Hashable, Sendable {
        case selected
        /// As `selected`, but expunges wait for a command that may tell them.
        case selectedDelayed
        case inboxes
        case personal
        case subscribed
        case subtree([MailboxArgument])
        case mailboxes([MailboxArgument])
    }

    package var filter: Filter
    /// Empty for `NONE`.
    package var events: NotifyEvents
    /// What is told of new messages in the selected mailbox.
    package var newMessageItems: [FetchItem]

    package init(_ filter: Filter, _ events: NotifyEvents, newMessageItems: [FetchItem] = []) {
        self.filter = filter
        self.events = events
        self.newMessageItems = newMessageItems
    }
}

/// RFC 5465 §5.
package struct NotifyEvents: OptionSet, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let messageNew = NotifyEvents(rawValue: 1)
    package static let messageExpunge = NotifyEvents(rawValue: 2)
    package static let flagChange = NotifyEvents(rawValue: 4)
    package static let annotationChange = NotifyEvents(rawValue: 8)
    package static let mailboxName = NotifyEvents(rawValue: 16)
    package static let subscriptionChange = NotifyEvents(rawValue: 32)
    package static let mailboxMetadataChange = NotifyEvents(rawValue: 64)
    package static let serverMetadataChange = NotifyEvents(rawValue: 128)
    /// A name that no RFC has given to an event yet.
    package static let unknown = NotifyEvents(rawValue: 256)

    static let ofMessages: NotifyEvents = [.messageNew, .messageExpunge, .flagChange, .annotationChange]

    static let named: [(event: NotifyEvents, name: StaticString)] = [
        (.messageNew, "MessageNew"), (.messageExpunge, "MessageExpunge"), (.flagChange, "FlagChange"),
        (.annotationChange, "AnnotationChange"), (.mailboxName, "MailboxName"), (.subscriptionChange, "SubscriptionChange"),
        (.mailboxMetadataChange, "MailboxMetadataChange"), (.serverMetadataChange, "ServerMetadataChange"),
    ]
}

extension ArgumentReader {
    //     notify = "NOTIFY" SP ("SET" [SP "STATUS"] SP event-groups / "NONE")          ; RFC 5465 §8
    //     event-groups = event-group *(SP event-group)
    mutating func notifyArguments() throws(SyntaxError) -> NotifyArguments {
        switch try keyword() {
        case "NONE": return .none
        case "SET": break
        default: throw SyntaxError("SET or NONE expected")
        }
        try space()
        let status = scanner.take(caseInsensitive: "STATUS ")
        var groups: [EventGroup] = []
        var selected = 0
        var names = 0
        repeat {
            let group = try eventGroup()
            names += group.filter.names
            guard groups.count < NotifyArguments.most.groups, names <= NotifyArguments.most.names else {
                throw SyntaxError("List too long")
            }
            if group.filter.isOfSelected { selected += 1 }
            // RFC 5465 §6.1.
            guard selected <= 1 else { throw SyntaxError("The selected mailbox is named twice") }
            groups.append(group)
        } while scanner.take(0x20)
        return .set(groups, status: status)
    }

    //     event-group = "(" filter-mailboxes SP events ")"
    private mutating func eventGroup() throws(SyntaxError) -> EventGroup {
        try expect("(")
        var group = EventGroup(try mailboxFilter(), [])
        try space()
        if !scanner.take(caseInsensitive: "NONE") {
            try list(atMost: 100) { (reader) throws(SyntaxError) in try reader.event(&group) }
        }
        try expect(")")
        try EventGroup.check(group)
        return group
    }

    //     filter-mailboxes = "selected" / "selected-delayed" / "inboxes" / "personal" / "subscribed" /
    //                        ("subtree" SP one-or-more-mailbox) / ("mailboxes" SP one-or-more-mailbox)
    private mutating func mailboxFilter() throws(SyntaxError) -> EventGroup.Filter {
        switch try keyword() {
        case "SELECTED": return .selected
        case "SELECTED-DELAYED": return .selectedDelayed
        case "INBOXES": return .inboxes
        case "PERSONAL": return .personal
        case "SUBSCRIBED": return .subscribed
        case "SUBTREE":
            try space()
            return .subtree(try mailboxes())
        case "MAILBOXES":
            try space()
            return .mailboxes(try mailboxes())
        default: throw SyntaxError("Unknown kind of mailboxes")
        }
    }

    //     one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")"
    private mutating func mailboxes() throws(SyntaxError) -> [MailboxArgument] {
        guard peek() == UInt8(ascii: "(") else { return [try mailbox()] }
        var names: [MailboxArgument] = []
        try list(atMost: NotifyArguments.most.names) { (reader) throws(SyntaxError) in names.append(try reader.mailbox()) }
        return names
    }

    //     message-event = ("MessageNew" [SP "(" fetch-att *(SP fetch-att) ")"]) / "MessageExpunge" / "FlagChange" / …
    private mutating func event(_ group: inout EventGroup) throws(SyntaxError) {
        let name = try keyword()
        let event = NotifyEvents.named.first { "\($0.name)".uppercased() == name }?.event ?? .unknown
        group.events.insert(event)
        guard event == .messageNew, peek() == 0x20, scanner.peek(at: 1) == UInt8(ascii: "(") else { return }
        try space()
        group.newMessageItems = try fetchAttributes()
    }
}

extension EventGroup.Filter {
    var isOfSelected: Bool { self == .selected || self == .selectedDelayed }

    /// How many mailboxes are named.
    fileprivate var names: Int {
        switch self {
        case .subtree(let names), .mailboxes(let names): names.count
        default: 0
        }
    }
}

extension EventGroup {
    fileprivate static func check(_ group: EventGroup) throws(SyntaxError) {
        let events = group.events
        if group.filter.isOfSelected {
            // RFC 5465 §6.1.
            guard events.subtracting([.unknown]).isSubset(of: .ofMessages) else {
                throw SyntaxError("Of the selected mailbox only events of messages can be asked for")
            }
        } else if !group.newMessageItems.isEmpty {
            throw SyntaxError("Items can be asked for of the selected mailbox only")
        }
        // RFC 5465 §5.
        let both: NotifyEvents = [.messageNew, .messageExpunge]
        guard events.isDisjoint(with: .ofMessages) || events.isSuperset(of: both) else {
            throw SyntaxError("MessageNew and MessageExpunge belong together")
        }
    }
}
