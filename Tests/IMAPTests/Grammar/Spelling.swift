import MailModel

@testable import IMAP

// Commands and verbs as tests write them: a row's name and the arguments that it must come to.
extension Command {
    private static func named(_ name: String, _ arguments: any CommandArguments = NoArguments()) -> Command {
        guard let verb = Verb(name) else { fatalError("no verb: \(name)") }
        return Command(verb, arguments)
    }

    private static func named(_ name: String, _ numbering: Numbering, _ arguments: any CommandArguments) -> Command {
        named(numbering == .uid ? "UID " + name : name, arguments)
    }

    static let capability = named("CAPABILITY")
    static let noop = named("NOOP")
    static let logout = named("LOGOUT")
    static let startTLS = named("STARTTLS")
    static let namespace = named("NAMESPACE")
    static let idle = named("IDLE")
    static let check = named("CHECK")
    static let close = named("CLOSE")
    static let unselect = named("UNSELECT")
    static let unauthenticate = named("UNAUTHENTICATE")
    static let expunge = named("EXPUNGE")
    static let compress = named("COMPRESS", CompressArguments())
    static func id(_ fields: [IDField]) -> Command { named("ID", IDArguments(fields)) }
    static func authenticate(mechanism: String, initial: SASLResponse?) -> Command { named("AUTHENTICATE", AuthenticateArguments(mechanism, initial: initial)) }
    static func login(_ credentials: LoginCredentials) -> Command { named("LOGIN", credentials) }
    static func enable(_ names: [String]) -> Command { named("ENABLE", EnableArguments(names)) }
    static func notify(_ arguments: NotifyArguments) -> Command { named("NOTIFY", arguments) }
    static func cancelUpdate(_ tags: [String]) -> Command { named("CANCELUPDATE", CancelUpdateArguments(tags)) }

    static func select(_ arguments: SelectArguments) -> Command { named("SELECT", arguments) }
    static func examine(_ arguments: SelectArguments) -> Command { named("EXAMINE", arguments) }
    static func create(_ arguments: CreateArguments) -> Command { named("CREATE", arguments) }
    static func delete(_ mailbox: MailboxArgument) -> Command { named("DELETE", mailbox) }
    static func rename(from old: MailboxArgument, to new: MailboxArgument) -> Command { named("RENAME", RenameArguments(old, to: new)) }
    static func subscribe(_ mailbox: MailboxArgument) -> Command { named("SUBSCRIBE", mailbox) }
    static func unsubscribe(_ mailbox: MailboxArgument) -> Command { named("UNSUBSCRIBE", mailbox) }
    static func list(_ arguments: ListArguments) -> Command { named("LIST", arguments) }
    static func lsub(reference: String, pattern: String) -> Command { named("LSUB", LsubArguments(reference: reference, pattern: pattern)) }
    static func status(_ mailbox: MailboxArgument, _ items: [StatusItem]) -> Command { named("STATUS", StatusArguments(mailbox, items)) }

    static func access(_ command: AccessCommand, _ mailbox: MailboxArgument) -> Command {
        let name =
            switch command {
            case .list: "GETACL"
            case .change: "SETACL"
            case .delete: "DELETEACL"
            case .rights: "LISTRIGHTS"
            case .ownRights: "MYRIGHTS"
            }
        return named(name, AccessArguments(command, mailbox))
    }

    static func quota(_ command: QuotaCommand) -> Command {
        let name =
            switch command {
            case .get: "GETQUOTA"
            case .root: "GETQUOTAROOT"
            case .set: "SETQUOTA"
            }
        return named(name, command)
    }

    static func metadata(_ command: MetadataCommand, _ mailbox: MailboxArgument) -> Command {
        let name =
            switch command {
            case .get: "GETMETADATA"
            case .set: "SETMETADATA"
            }
        return named(name, MetadataArguments(command, mailbox))
    }

    static func uidExpunge(_ set: SequenceSet) -> Command { named("UID EXPUNGE", set) }
    static func search(_ arguments: SearchArguments, _ numbering: Numbering) -> Command { named("SEARCH", numbering, arguments) }
    static func sort(_ arguments: SortArguments, _ numbering: Numbering) -> Command { named("SORT", numbering, arguments) }
    static func thread(_ arguments: ThreadArguments, _ numbering: Numbering) -> Command { named("THREAD", numbering, arguments) }
    static func multiSearch(_ arguments: MultiSearchArguments) -> Command { named("ESEARCH", arguments) }
    static func fetch(_ arguments: FetchArguments, _ numbering: Numbering) -> Command { named("FETCH", numbering, arguments) }
    static func store(_ arguments: StoreArguments, _ numbering: Numbering) -> Command { named("STORE", numbering, arguments) }
    static func copy(_ set: SequenceSet, to target: MailboxArgument, _ numbering: Numbering) -> Command {
        named("COPY", numbering, CopyArguments(set, to: target))
    }
    static func move(_ set: SequenceSet, to target: MailboxArgument, _ numbering: Numbering) -> Command {
        named("MOVE", numbering, CopyArguments(set, to: target))
    }
}

extension Verb: ExpressibleByStringLiteral {
    package init(stringLiteral name: String) {
        guard let verb = Verb(name) else { fatalError("no verb: \(name)") }
        self = verb
    }

    static let noop: Verb = "NOOP"
}
