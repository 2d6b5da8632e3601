/// What a connection is served, as CAPABILITY lists it: the one table that says so.
struct Capability {
    /// What the list depends on.
    struct Circumstances {
        var isAuthenticated: Bool
        var isSecure: Bool
        var offersTLS: Bool
        var allowsLogin: Bool
        var isCompressed = false
        var messageLimit: Int
        var messagesAtOnce = 1_000_000
        var allowsUnauthenticate = true
    }

    let name: String
    /// Where it is defined.
    let rfc: Int
    /// Nil: in every state.
    private let condition: (@Sendable (Circumstances) -> Bool)?

    private init(_ name: String, rfc: Int, when condition: (@Sendable (Circumstances) -> Bool)? = nil) {
        self.name = name
        self.rfc = rfc
        self.condition = condition
    }

    static func list(_ circumstances: Circumstances) -> [String] {
        table.filter { $0.condition?(circumstances) ?? true }.map(\.name) + ["APPENDLIMIT=\(circumstances.messageLimit)"]
            // RFC 9738 §3.
            + (circumstances.isAuthenticated ? ["MESSAGELIMIT=\(circumstances.messagesAtOnce)"] : [])
    }

    /// What ENABLE knows (RFC 5161).
    static let enabling = ["IMAP4REV2", "CONDSTORE", "QRESYNC", "UIDONLY", "UTF8=ACCEPT"]

    // Before login only what a stranger can use is listed.
    static let table: [Capability] = [
        Capability("IMAP4rev1", rfc: 3501),
        Capability("IMAP4rev2", rfc: 9051),
        Capability("LITERAL+", rfc: 7888),
        Capability("SASL-IR", rfc: 4959),
        Capability("ID", rfc: 2971),
        Capability("ENABLE", rfc: 5161),
        Capability("STARTTLS", rfc: 9051) { !$0.isAuthenticated && !$0.isSecure && $0.offersTLS },
        Capability("LOGINDISABLED", rfc: 9051) { !$0.isAuthenticated && !$0.allowsLogin },
        Capability("AUTH=PLAIN", rfc: 4616) { !$0.isAuthenticated && $0.allowsLogin },
        Capability("IDLE", rfc: 2177) { $0.isAuthenticated },
        Capability("NAMESPACE", rfc: 2342) { $0.isAuthenticated },
        Capability("CHILDREN", rfc: 3348) { $0.isAuthenticated },
        Capability("MULTIAPPEND", rfc: 3502) { $0.isAuthenticated },
        Capability("BINARY", rfc: 3516) { $0.isAuthenticated },
        Capability("UNSELECT", rfc: 3691) { $0.isAuthenticated },
        Capability("UIDPLUS", rfc: 4315) { $0.isAuthenticated },
        Capability("CATENATE", rfc: 4469) { $0.isAuthenticated },
        Capability("ESEARCH", rfc: 4731) { $0.isAuthenticated },
        Capability("COMPRESS=DEFLATE", rfc: 4978) { $0.isAuthenticated && !$0.isCompressed },
        Capability("WITHIN", rfc: 5032) { $0.isAuthenticated },
        Capability("SEARCHRES", rfc: 5182) { $0.isAuthenticated },
        Capability("ACL", rfc: 4314) { $0.isAuthenticated },
        Capability("RIGHTS=texk", rfc: 4314) { $0.isAuthenticated },
        Capability("QUOTA", rfc: 9208) { $0.isAuthenticated },
        Capability("QUOTA=RES-STORAGE", rfc: 9208) { $0.isAuthenticated },
        Capability("QUOTA=RES-MESSAGE", rfc: 9208) { $0.isAuthenticated },
        Capability("QUOTA=RES-MAILBOX", rfc: 9208) { $0.isAuthenticated },
        Capability("QUOTASET", rfc: 9208) { $0.isAuthenticated },
        Capability("METADATA", rfc: 5464) { $0.isAuthenticated },
        Capability("METADATA-SERVER", rfc: 5464) { $0.isAuthenticated },
        Capability("LIST-EXTENDED", rfc: 5258) { $0.isAuthenticated },
        Capability("SEARCH=FUZZY", rfc: 6203) { $0.isAuthenticated },
        Capability("LIST-STATUS", rfc: 5819) { $0.isAuthenticated },
        Capability("SPECIAL-USE", rfc: 6154) { $0.isAuthenticated },
        Capability("CREATE-SPECIAL-USE", rfc: 6154) { $0.isAuthenticated },
        Capability("MOVE", rfc: 6851) { $0.isAuthenticated },
        Capability("CONDSTORE", rfc: 7162) { $0.isAuthenticated },
        Capability("UIDONLY", rfc: 9586) { $0.isAuthenticated },
        Capability("UNAUTHENTICATE", rfc: 8437) { $0.isAuthenticated && $0.allowsUnauthenticate },
        Capability("NOTIFY", rfc: 5465) { $0.isAuthenticated },
        Capability("QRESYNC", rfc: 7162) { $0.isAuthenticated },
        Capability("STATUS=SIZE", rfc: 8438) { $0.isAuthenticated },
        Capability("LIST-MYRIGHTS", rfc: 8440) { $0.isAuthenticated },
        Capability("LIST-METADATA", rfc: 9590) { $0.isAuthenticated },
        Capability("REPLACE", rfc: 8508) { $0.isAuthenticated },
        Capability("UTF8=ACCEPT", rfc: 9755) { $0.isAuthenticated },
        Capability("OBJECTID", rfc: 8474) { $0.isAuthenticated },
        Capability("SAVEDATE", rfc: 8514) { $0.isAuthenticated },
        Capability("PREVIEW", rfc: 8970) { $0.isAuthenticated },
        Capability("I18NLEVEL=1", rfc: 5255) { $0.isAuthenticated },
        Capability("SORT", rfc: 5256) { $0.isAuthenticated },
        Capability("THREAD=ORDEREDSUBJECT", rfc: 5256) { $0.isAuthenticated },
        Capability("THREAD=REFERENCES", rfc: 5256) { $0.isAuthenticated },
        // draft-ietf-morg-inthread.
        Capability("THREAD=REFS", rfc: 5256) { $0.isAuthenticated },
        Capability("ESORT", rfc: 5267) { $0.isAuthenticated },
        Capability("CONTEXT=SEARCH", rfc: 5267) { $0.isAuthenticated },
        Capability("CONTEXT=SORT", rfc: 5267) { $0.isAuthenticated },
        Capability("SORT=DISPLAY", rfc: 5957) { $0.isAuthenticated },
        Capability("MULTISEARCH", rfc: 7377) { $0.isAuthenticated },
        Capability("PARTIAL", rfc: 9394) { $0.isAuthenticated },
        Capability("INPROGRESS", rfc: 9585) { $0.isAuthenticated },
    ]
}
