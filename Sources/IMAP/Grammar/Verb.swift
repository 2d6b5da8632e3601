/// A command's name: what the table of legality is asked about.
package enum Verb: String, CaseIterable, Hashable, Sendable {
    // Any state: RFC 9051 §6.1, RFC 2971.
    case capability = "CAPABILITY"
    case noop = "NOOP"
    case logout = "LOGOUT"
    case id = "ID"
    // Not authenticated: §6.2.
    case startTLS = "STARTTLS"
    case authenticate = "AUTHENTICATE"
    case login = "LOGIN"
    // Authenticated: §6.3.
    case enable = "ENABLE"
    case select = "SELECT"
    case examine = "EXAMINE"
    case create = "CREATE"
    case delete = "DELETE"
    case rename = "RENAME"
    case subscribe = "SUBSCRIBE"
    case unsubscribe = "UNSUBSCRIBE"
    case list = "LIST"
    case lsub = "LSUB"
    case namespace = "NAMESPACE"
    case status = "STATUS"
    case append = "APPEND"
    case idle = "IDLE"
    // RFC 4314.
    case getACL = "GETACL"
    case setACL = "SETACL"
    case deleteACL = "DELETEACL"
    case listRights = "LISTRIGHTS"
    case myRights = "MYRIGHTS"
    // RFC 9208.
    case getQuota = "GETQUOTA"
    case getQuotaRoot = "GETQUOTAROOT"
    case setQuota = "SETQUOTA"
    // RFC 5464.
    case getMetadata = "GETMETADATA"
    case setMetadata = "SETMETADATA"
    // RFC 4978.
    case compress = "COMPRESS"
    case notify = "NOTIFY"
    case unauthenticate = "UNAUTHENTICATE"
    // Selected: §6.4.
    case check = "CHECK"
    case close = "CLOSE"
    case unselect = "UNSELECT"
    case expunge = "EXPUNGE"
    case search = "SEARCH"
    case fetch = "FETCH"
    case store = "STORE"
    case copy = "COPY"
    case move = "MOVE"
    case uidExpunge = "UID EXPUNGE"
    case uidSearch = "UID SEARCH"
    case uidFetch = "UID FETCH"
    case uidStore = "UID STORE"
    case uidCopy = "UID COPY"
    case uidMove = "UID MOVE"
    // RFC 8508.
    case replace = "REPLACE"
    case uidReplace = "UID REPLACE"
    // RFC 5256.
    case sort = "SORT"
    case uidSort = "UID SORT"
    case thread = "THREAD"
    case uidThread = "UID THREAD"
    // RFC 7377.
    case multiSearch = "ESEARCH"
    // RFC 5267.
    case cancelUpdate = "CANCELUPDATE"

    /// Whether a message comes with it, which is streamed.
    var addsMessage: Bool { self == .append || self == .replace || self == .uidReplace }
}
