import Gatehouse

/// What a connection is served, as CAPABILITY lists it: what verbs bring stands in the table of verbs, the rest here.
struct Capability: Sendable {
    /// What the list depends on.
    struct Circumstances: Sendable {
        var isAuthenticated: Bool
        var isSecure: Bool
        var offersTLS: Bool
        var logins: LoginOffer
        var isCompressed = false
        var messageLimit: Int
        var messagesAtOnce = 1_000_000
        var allowsUnauthenticate = true
    }

    let name: String
    /// Where it is defined.
    let rfc: Int
    /// Nil: in every state; of a verb, while it is served.
    private let condition: (@Sendable (Circumstances) -> Bool)?

    init(_ name: String, rfc: Int, when condition: (@Sendable (Circumstances) -> Bool)? = nil) {
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
    static let table = revisions + VerbTable.rows.flatMap(of) + extensions

    private static func of(_ row: VerbRow) -> [Capability] {
        row.capabilities.map { capability in Capability(capability.name, rfc: capability.rfc, when: capability.condition ?? row.isServed) }
    }

    private static let revisions: [Capability] = [
        Capability("IMAP4rev1", rfc: 3501),
        Capability("IMAP4rev2", rfc: 9051),
        Capability("LITERAL+", rfc: 7888),
        Capability("SASL-IR", rfc: 4959),
    ]

    /// Of commands that the revisions have, and of none.
    private static let extensions: [Capability] = [
        Capability("CHILDREN", rfc: 3348) { $0.isAuthenticated },
        Capability("MULTIAPPEND", rfc: 3502) { $0.isAuthenticated },
        Capability("BINARY", rfc: 3516) { $0.isAuthenticated },
        Capability("CATENATE", rfc: 4469) { $0.isAuthenticated },
        Capability("ESEARCH", rfc: 4731) { $0.isAuthenticated },
        Capability("WITHIN", rfc: 5032) { $0.isAuthenticated },
        Capability("SEARCHRES", rfc: 5182) { $0.isAuthenticated },
        Capability("LIST-EXTENDED", rfc: 5258) { $0.isAuthenticated },
        Capability("SEARCH=FUZZY", rfc: 6203) { $0.isAuthenticated },
        Capability("LIST-STATUS", rfc: 5819) { $0.isAuthenticated },
        Capability("SPECIAL-USE", rfc: 6154) { $0.isAuthenticated },
        Capability("CREATE-SPECIAL-USE", rfc: 6154) { $0.isAuthenticated },
        Capability("CONDSTORE", rfc: 7162) { $0.isAuthenticated },
        Capability("UIDONLY", rfc: 9586) { $0.isAuthenticated },
        Capability("QRESYNC", rfc: 7162) { $0.isAuthenticated },
        Capability("STATUS=SIZE", rfc: 8438) { $0.isAuthenticated },
        Capability("LIST-MYRIGHTS", rfc: 8440) { $0.isAuthenticated },
        Capability("LIST-METADATA", rfc: 9590) { $0.isAuthenticated },
        Capability("UTF8=ACCEPT", rfc: 9755) { $0.isAuthenticated },
        Capability("OBJECTID", rfc: 8474) { $0.isAuthenticated },
        Capability("SAVEDATE", rfc: 8514) { $0.isAuthenticated },
        Capability("PREVIEW", rfc: 8970) { $0.isAuthenticated },
        Capability("I18NLEVEL=1", rfc: 5255) { $0.isAuthenticated },
        Capability("ESORT", rfc: 5267) { $0.isAuthenticated },
        Capability("CONTEXT=SEARCH", rfc: 5267) { $0.isAuthenticated },
        Capability("CONTEXT=SORT", rfc: 5267) { $0.isAuthenticated },
        Capability("SORT=DISPLAY", rfc: 5957) { $0.isAuthenticated },
        Capability("PARTIAL", rfc: 9394) { $0.isAuthenticated },
        Capability("INPROGRESS", rfc: 9585) { $0.isAuthenticated },
    ]
}
