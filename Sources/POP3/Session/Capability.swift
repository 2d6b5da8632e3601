package import Gatehouse

/// What a connection is offered, as CAPA lists it (RFC 2449 §5): the one table that says so. Verbs ask it too (`VerbRule`).
package struct Capability: Sendable {
    /// What the list depends on.
    package struct Circumstances: Sendable {
        package var isAuthenticated = false
        package var isSecure = false
        package var offersTLS = false
        package var logins = LoginOffer.none
    }

    package enum Name: String, CaseIterable, Sendable {
        case top = "TOP"
        case user = "USER"
        case sasl = "SASL"
        case responseCodes = "RESP-CODES"
        case authResponseCode = "AUTH-RESP-CODE"
        case pipelining = "PIPELINING"
        case expire = "EXPIRE"
        case uidl = "UIDL"
        case implementation = "IMPLEMENTATION"
        case stls = "STLS"
        case utf8 = "UTF8"
        case lang = "LANG"
    }

    package let name: Name
    /// Where it is defined.
    package let rfc: String
    let parameters: String?
    /// Nil: always.
    private let condition: (@Sendable (Circumstances) -> Bool)?

    private init(_ name: Name, _ parameters: String? = nil, rfc: String, when condition: (@Sendable (Circumstances) -> Bool)? = nil) {
        self.name = name
        self.parameters = parameters
        self.rfc = rfc
        self.condition = condition
    }

    var line: String { parameters.map { "\(name.rawValue) \($0)" } ?? name.rawValue }

    static func list(_ circumstances: Circumstances) -> [Capability] {
        table.filter { $0.condition?(circumstances) ?? true }
    }

    static func offers(_ name: Name, _ circumstances: Circumstances) -> Bool {
        table.contains { $0.name == name && $0.condition?(circumstances) ?? true }
    }

    package static let table: [Capability] = [
        Capability(.top, rfc: "2449 §6.1"),
        Capability(.user, rfc: "2449 §6.2") { $0.logins.allowsPasswords },
        // Its mechanisms stand behind it (RFC 5034 §3).
        Capability(.sasl, rfc: "5034 §3") { $0.logins != .none },
        Capability(.responseCodes, rfc: "2449 §6.4"),
        Capability(.authResponseCode, rfc: "3206 §5"),
        Capability(.pipelining, rfc: "2449 §6.6"),
        Capability(.expire, "NEVER", rfc: "2449 §6.7"),
        Capability(.uidl, rfc: "2449 §6.8"),
        // User names and passwords may be UTF-8 too (RFC 6856 §2.2).
        Capability(.utf8, "USER", rfc: "6856 §2"),
        Capability(.lang, rfc: "6856 §3"),
        Capability(.stls, rfc: "2595 §4") { !$0.isSecure && $0.offersTLS },
        // A stranger need not know.
        Capability(.implementation, rfc: "2449 §6.9") { $0.isAuthenticated },
    ]
}
