/// In which states a command may come (RFC 9051 §3), asked before its arguments are read.
enum Legality {
    /// A session's state without what belongs to it.
    enum Place: Hashable {
        case notAuthenticated
        case authenticated
        case selected
    }

    private static let everywhere: Set<Place> = [.notAuthenticated, .authenticated, .selected]
    private static let stranger: Set<Place> = [.notAuthenticated]
    private static let member: Set<Place> = [.authenticated, .selected]
    private static let selected: Set<Place> = [.selected]

    /// RFC 9051 §6.1-§6.4, RFC 3501 §6.4.1 for CHECK.
    private static let table: [Verb: Set<Place>] = [
        .capability: everywhere, .noop: everywhere, .logout: everywhere, .id: everywhere,
        .startTLS: stranger, .authenticate: stranger, .login: stranger,
        .enable: member, .select: member, .examine: member, .create: member, .delete: member, .rename: member, .subscribe: member,
        .unsubscribe: member, .list: member, .lsub: member, .namespace: member, .status: member, .append: member, .idle: member,
        .getACL: member, .setACL: member, .deleteACL: member, .listRights: member, .myRights: member,
        .notify: member, .unauthenticate: member,
        .getQuota: member, .getQuotaRoot: member, .setQuota: member,
        .getMetadata: member, .setMetadata: member,
        .check: selected, .close: selected, .unselect: selected, .expunge: selected, .search: selected, .fetch: selected, .store: selected,
        .copy: selected, .move: selected, .uidExpunge: selected, .uidSearch: selected, .uidFetch: selected, .uidStore: selected,
        .uidCopy: selected, .uidMove: selected,
        // RFC 8508 §3, RFC 4978 §3.
        .replace: selected, .uidReplace: selected, .compress: member,
        // RFC 5256 §3.
        .sort: selected, .uidSort: selected, .thread: selected, .uidThread: selected,
        // RFC 7377 §2.1.
        .multiSearch: member,
        // RFC 5267 §5.
        .cancelUpdate: selected,
    ]

    /// Nil when the command may come.
    static func objection(to verb: Verb, in place: Place) -> Answer? {
        guard let places = table[verb] else { return .bad("Not served") }
        if places.contains(place) { return nil }
        switch place {
        case .notAuthenticated: return .bad("Log in first")
        // S3.
        case .authenticated where places == stranger, .selected where places == stranger: return .bad("Already authenticated")
        default: return .bad("Select a mailbox first")
        }
    }

    /// Commands whose arguments or answers are sequence numbers: not after ENABLE UIDONLY (RFC 9586 §3).
    static func usesNumbers(_ verb: Verb) -> Bool {
        switch verb {
        case .fetch, .store, .search, .copy, .move, .sort, .thread, .replace: true
        default: false
        }
    }

    /// Commands that name messages by sequence numbers and so must not be told of expunges (RFC 9051 §7.5.1).
    static func tellsExpunges(_ verb: Verb) -> Bool {
        switch verb {
        case .fetch, .store, .search, .sort, .thread: false
        default: true
        }
    }
}
