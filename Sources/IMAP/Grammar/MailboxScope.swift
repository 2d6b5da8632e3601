import MailModel

/// Which mailboxes ESEARCH searches (RFC 7377 §2.2; the names are RFC 5465 §6's).
package enum MailboxScope: Hashable, Sendable {
    case selected
    case inboxes
    case personal
    case subscribed
    /// Those and all below.
    case subtree([MailboxArgument])
    /// Those and the level below.
    case subtreeOne([MailboxArgument])
    case mailboxes([MailboxArgument])

    /// Scopes, and mailboxes named in one.
    package static let most = (scopes: 100, names: 1_000)
}

/// ESEARCH's (RFC 7377 §2.1).
package struct MultiSearchArguments: Hashable, Sendable {
    /// Not empty.
    package var scopes: [MailboxScope]
    package var search: SearchArguments

    package init(_ scopes: [MailboxScope], _ search: SearchArguments) {
        self.scopes = scopes
        self.search = search
    }
}

extension ArgumentReader {
    //     esearch = "ESEARCH" [SP esearch-source-opts] [SP search-return-opts] SP search-program    ; RFC 7377 §4
    //     esearch-source-opts = "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"
    mutating func multiSearchArguments() throws(SyntaxError) -> MultiSearchArguments {
        var scopes: [MailboxScope] = []
        if takeWord("IN") {
            try space()
            // No scope option is defined.
            try list(atMost: MailboxScope.most.scopes) { (reader) throws(SyntaxError) in scopes.append(try reader.mailboxScope()) }
            try space()
        }
        let search = try searchArguments()
        // RFC 7377 §2.1.
        let isOfSelected = scopes.isEmpty || scopes == [.selected]
        if search.returns?.contains(.save) ?? false, !isOfSelected {
            throw SyntaxError("SAVE is for the selected mailbox alone")
        }
        return MultiSearchArguments(scopes.isEmpty ? [.selected] : scopes, search)
    }

    //     filter-mailboxes-other =/ ("subtree-one" SP one-or-more-mailbox)
    private mutating func mailboxScope() throws(SyntaxError) -> MailboxScope {
        switch try keyword() {
        case "SELECTED": return .selected
        case "INBOXES": return .inboxes
        case "PERSONAL": return .personal
        case "SUBSCRIBED": return .subscribed
        case "SUBTREE": return .subtree(try mailboxNames())
        case "SUBTREE-ONE": return .subtreeOne(try mailboxNames())
        case "MAILBOXES": return .mailboxes(try mailboxNames())
        default: throw SyntaxError("Unknown kind of mailboxes")
        }
    }

    //     one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")"
    private mutating func mailboxNames() throws(SyntaxError) -> [MailboxArgument] {
        try space()
        guard peek() == UInt8(ascii: "(") else { return [try mailbox()] }
        var names: [MailboxArgument] = []
        try list(atMost: MailboxScope.most.names) { (reader) throws(SyntaxError) in names.append(try reader.mailbox()) }
        return names
    }
}
