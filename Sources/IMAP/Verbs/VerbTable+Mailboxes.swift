import MailModel
import PostOffice

extension VerbTable {
    /// §6.3.
    static let mailboxes: [VerbRow] = [
        .execution("SELECT", .loggedIn, .none, .asWished, .named(.read), SelectArguments.read) { try await $0.select($1, isReadOnly: false) },
        .execution("EXAMINE", .loggedIn, .none, .asWished, .named(.read), SelectArguments.read) { try await $0.select($1, isReadOnly: true) },
        // `k` is on the name's superior.
        .execution("CREATE", .loggedIn, .none, .asWished, .none, CreateArguments.read) { try await $0.create($1) },
        .execution("DELETE", .loggedIn, .none, .asWished, .named(.deleteMailbox), MailboxArgument.read) { try await $0.delete($1) },
        .execution("RENAME", .loggedIn, .none, .asWished, .named(.deleteMailbox), RenameArguments.read) { try await $0.rename($1.old, $1.new) },
        .execution("SUBSCRIBE", .loggedIn, .none, .asWished, .none, MailboxArgument.read) { try await $0.subscribe($1) },
        .execution("UNSUBSCRIBE", .loggedIn, .none, .asWished, .none, MailboxArgument.read) { try await $0.unsubscribe($1) },
        .execution("LIST", .loggedIn, .none, .asWished, .none, ListArguments.read) { try await $0.list($1) },
        // RFC 3501 §6.3.9.
        .execution("LSUB", .loggedIn, .none, .asWished, .none, LsubArguments.read) { try await $0.lsub($1.reference, $1.pattern) },
        .execution("STATUS", .loggedIn, .none, .asWished, .named(.read), StatusArguments.read) { try await $0.status($1.mailbox, $1.items) },
        .stream("APPEND", .append, .loggedIn, .none, .asWished, .toAdd),
    ]

    /// RFC 4314 §3, RFC 5464 §4.
    static let sharing: [VerbRow] = [
        .execution(
            "GETACL", .loggedIn, .none, .asWished, .named(.administer), capabilities: [Capability("ACL", rfc: 4314), Capability("RIGHTS=texk", rfc: 4314)],
            AccessArguments.list
        ) { try await $0.access($1.command, $1.mailbox) },
        .execution("SETACL", .loggedIn, .none, .asWished, .named(.administer), AccessArguments.change) { try await $0.access($1.command, $1.mailbox) },
        .execution("DELETEACL", .loggedIn, .none, .asWished, .named(.administer), AccessArguments.delete) { try await $0.access($1.command, $1.mailbox) },
        .execution("LISTRIGHTS", .loggedIn, .none, .asWished, .named(.administer), AccessArguments.rights) { try await $0.access($1.command, $1.mailbox) },
        .execution("MYRIGHTS", .loggedIn, .none, .asWished, .named([]), AccessArguments.ownRights) { try await $0.access($1.command, $1.mailbox) },
        // One of several rights, and none for the server's: RFC 5464 §3.3.
        .execution(
            "GETMETADATA", .loggedIn, .none, .asWished, .none,
            capabilities: [Capability("METADATA", rfc: 5464), Capability("METADATA-SERVER", rfc: 5464)], MetadataArguments.get
        ) { try await $0.metadata($1.command, $1.mailbox) },
        .execution("SETMETADATA", form: .lineWithBinary, .loggedIn, .none, .asWished, .none, MetadataArguments.set) {
            try await $0.metadata($1.command, $1.mailbox)
        },
    ]
}
