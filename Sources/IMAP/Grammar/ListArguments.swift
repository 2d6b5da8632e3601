/// LIST's (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154).
package struct ListArguments: CommandArguments {
    package enum Selection: String, CaseIterable, Hashable, Sendable {
        case subscribed = "SUBSCRIBED"
        case remote = "REMOTE"
        /// Never alone, and never with `remote` alone: the parser sees to it.
        case recursiveMatch = "RECURSIVEMATCH"
        case specialUse = "SPECIAL-USE"
    }

    package enum Return: Hashable, Sendable {
        case subscribed
        case children
        case specialUse
        case status([StatusItem])
        /// RFC 8440.
        case myRights
        /// RFC 9590: entry names.
        case metadata([String])
    }

    package var selection: Set<Selection>
    /// Decoded, as `patterns`.
    package var reference: String
    /// 1...`mostPatterns`.
    package var patterns: [String]
    /// Each at most once.
    package var returns: [Return]
    /// Whether it was written in the extended form (selection options, several patterns, or RETURN).
    package var isExtended: Bool

    package static let mostPatterns = 100
    /// Octets of several patterns, each with the reference: every name is compared with all of them.
    package static let mostPatternOctets = 8_000

    package init(
        selection: Set<Selection> = [], reference: String, patterns: [String], returns: [Return] = [],
        isExtended: Bool = false
    ) {
        self.selection = selection
        self.reference = reference
        self.patterns = patterns
        self.returns = returns
        self.isExtended = isExtended
    }

    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> ListArguments { try reader.listArguments() }
}

/// LSUB's (RFC 3501 §6.3.9); both decoded.
package struct LsubArguments: CommandArguments {
    package let reference: String
    package let pattern: String

    package init(reference: String, pattern: String) {
        self.reference = reference
        self.pattern = pattern
    }

    //     lsub = "LSUB" SP mailbox SP list-mailbox
    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> LsubArguments {
        let reference = reader.decoded(try reader.text())
        try reader.space()
        return LsubArguments(reference: reference, pattern: try reader.listMailbox())
    }
}

/// What STATUS asks for (RFC 9051 §6.3.11, RFC 3501, RFC 7162 §3.1.7, RFC 8474 §4.3, RFC 7889 §4).
package enum StatusItem: String, CaseIterable, Hashable, Sendable {
    case messages = "MESSAGES"
    case uidNext = "UIDNEXT"
    case uidValidity = "UIDVALIDITY"
    case unseen = "UNSEEN"
    case deleted = "DELETED"
    /// RFC 9208 §4.1.4.
    case deletedStorage = "DELETED-STORAGE"
    case size = "SIZE"
    case recent = "RECENT"
    case highestModSeq = "HIGHESTMODSEQ"
    case mailboxID = "MAILBOXID"
    case appendLimit = "APPENDLIMIT"
}

/// STATUS's.
package struct StatusArguments: CommandArguments {
    package let mailbox: MailboxArgument
    package let items: [StatusItem]

    package init(_ mailbox: MailboxArgument, _ items: [StatusItem]) {
        self.mailbox = mailbox
        self.items = items
    }

    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> StatusArguments {
        let mailbox = try reader.mailbox()
        try reader.space()
        return StatusArguments(mailbox, try reader.statusItems())
    }
}
