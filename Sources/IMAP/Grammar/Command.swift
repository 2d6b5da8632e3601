package import MailModel

/// A command without its tag (RFC 9051 §6). APPEND and REPLACE are not among them: they are streamed (`CommandEvent.appendBegin`).
package enum Command: Hashable, Sendable {
    case capability
    case noop
    case logout
    /// RFC 2971 §3.1: the client's fields in order, at most 30; empty for `ID NIL`.
    case id([IDField])

    case startTLS
    /// `mechanism` in capitals; `initial` with SASL-IR (RFC 4959), empty when it was "=".
    case authenticate(mechanism: String, initial: SASLResponse?)
    case login(LoginCredentials)

    /// Capability names in capitals (RFC 5161 §3.1).
    case enable([String])
    /// RFC 4978; DEFLATE is all there is.
    case compress
    case select(SelectArguments)
    case examine(SelectArguments)
    case create(CreateArguments)
    case delete(MailboxArgument)
    case rename(from: MailboxArgument, to: MailboxArgument)
    case subscribe(MailboxArgument)
    case unsubscribe(MailboxArgument)
    case list(ListArguments)
    /// RFC 3501 §6.3.9.
    case lsub(reference: String, pattern: String)
    case namespace
    /// RFC 4314 §3.
    case access(AccessCommand, MailboxArgument)
    /// RFC 9208 §4.1.
    case quota(QuotaCommand)
    /// RFC 5464 §4.2, §4.3; the mailbox "" is the server.
    case metadata(MetadataCommand, MailboxArgument)
    case status(MailboxArgument, [StatusItem])
    /// RFC 2177. The client's DONE is read by `CommandReader.expectLine`.
    case idle
    case notify(NotifyArguments)
    /// RFC 8437.
    case unauthenticate

    case check
    case close
    case unselect
    case expunge
    /// RFC 4315 §2.1.
    case uidExpunge(SequenceSet)
    case search(SearchArguments, Numbering)
    case sort(SortArguments, Numbering)
    case thread(ThreadArguments, Numbering)
    case multiSearch(MultiSearchArguments)
    /// RFC 5267 §4.3.5: the tags of searches, 1...100.
    case cancelUpdate([String])
    case fetch(FetchArguments, Numbering)
    case store(StoreArguments, Numbering)
    case copy(SequenceSet, to: MailboxArgument, Numbering)
    case move(SequenceSet, to: MailboxArgument, Numbering)
}

/// A mailbox as a command names it: any text, which may be no possible name.
package struct MailboxArgument: Hashable, Sendable {
    /// Decoded from modified UTF-7 where the connection uses that.
    package let text: String
    /// Nil when no mailbox can be called that: NO, not BAD.
    package let name: MailboxName?
    /// It was written as RFC 3501 §5.1.3 wants it, where the connection uses that: no new mailbox is called what was not.
    package let isWellEncoded: Bool

    package init(_ text: String, isWellEncoded: Bool = true) {
        self.text = text
        self.isWellEncoded = isWellEncoded
        name = MailboxName(text)
    }
}

/// A field of ID (RFC 2971 §3.3): `field` up to 30 octets, `value` up to 1024.
package struct IDField: Hashable, Sendable {
    package let field: String
    package let value: String?

    package init(_ field: String, _ value: String?) {
        self.field = field
        self.value = value
    }
}

/// LOGIN's arguments (RFC 9051 §6.2.3). It does not print itself.
package struct LoginCredentials: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    package let user: String
    package let password: String

    package init(user: String, password: String) {
        self.user = user
        self.password = password
    }

    package var description: String { "LoginCredentials(…)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A decoded message of the client in a SASL exchange. It does not print itself.
package struct SASLResponse: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) { self.bytes = bytes }

    package var description: String { "SASLResponse(…)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// SELECT's and EXAMINE's (RFC 9051 §6.3.2, RFC 7162 §3.1.8).
package struct SelectArguments: Hashable, Sendable {
    package var mailbox: MailboxArgument
    /// `(CONDSTORE)`.
    package var condstore: Bool
    /// `(QRESYNC (…))`.
    package var resync: ResyncPoint?

    package init(_ mailbox: MailboxArgument, condstore: Bool = false, resync: ResyncPoint? = nil) {
        self.mailbox = mailbox
        self.condstore = condstore
        self.resync = resync
    }
}

/// CREATE's (RFC 9051 §6.3.4, RFC 6154 §3).
package struct CreateArguments: Hashable, Sendable {
    package var mailbox: MailboxArgument
    package var specialUses: [SpecialUse]
    /// `\X` that are no use we know: NO [USEATTR].
    package var unknownUses: [String]

    package init(_ mailbox: MailboxArgument, specialUses: [SpecialUse] = [], unknownUses: [String] = []) {
        self.mailbox = mailbox
        self.specialUses = specialUses
        self.unknownUses = unknownUses
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

/// LIST's (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154).
package struct ListArguments: Hashable, Sendable {
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
}

/// STORE's (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
package struct StoreArguments: Hashable, Sendable {
    package enum Operation: Hashable, Sendable {
        case replace
        case add
        case remove
    }

    package var set: SequenceSet
    /// 0 is a legal value: every message that ever changed fails it.
    package var unchangedSince: ModSeq?
    package var operation: Operation
    package var silent: Bool
    package var flags: Flags

    package init(
        set: SequenceSet, unchangedSince: ModSeq? = nil, operation: Operation, silent: Bool = false, flags: Flags
    ) {
        self.set = set
        self.unchangedSince = unchangedSince
        self.operation = operation
        self.silent = silent
        self.flags = flags
    }
}
