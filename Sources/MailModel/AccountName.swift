/// A user name: 1...64 letters, digits, `_`, `-`, `.` of ASCII; no `.` or `-` at either end, no two dots in a row
/// (S63-S68). Kept as typed; two that differ only in case are the same account's.
package struct UserName: Hashable, Sendable, CustomStringConvertible {
    package let spelling: String

    /// What is wrong with a user name; the texts are those of the log lines S80 and S81.
    package enum Fault: Error, Equatable, Sendable {
        case length(Int)
        case character(Unicode.Scalar)
        case edge
        case consecutiveDots

        package var logLine: String {
            switch self {
            case .length(let length): "Invalid username length: \(length)"
            case .character(let scalar):
                "Invalid character in username: \(Fault.isPrintable(scalar) ? String(scalar) : "?") (0x\(String(scalar.value, radix: 16, uppercase: true)))"
            case .edge: "Invalid username: it begins or ends with '.' or '-'"
            case .consecutiveDots: "Invalid username: consecutive dots"
            }
        }

        // What would end the line, turn its direction or hang on the character before it.
        private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned, .nonspacingMark, .enclosingMark,
                .spacingMark:
                false
            default: true
            }
        }
    }

    package init(_ text: some StringProtocol) throws(Fault) {
        if UserName.isPlain(text.utf8) {
            spelling = String(text)
            return
        }
        let count = text.unicodeScalars.count
        guard (1...64).contains(count) else { throw .length(count) }
        for scalar in text.unicodeScalars where !UserName.isAllowed(scalar) { throw .character(scalar) }
        for end in [text.first, text.last] where end == "." || end == "-" { throw .edge }
        guard !text.contains("..") else { throw .consecutiveDots }
        spelling = String(text)
    }

    /// What two names are compared by.
    package var folded: String { spelling.lowercased() }
    package var description: String { spelling }

    package static func == (a: UserName, b: UserName) -> Bool { a.folded == b.folded }
    package func hash(into hasher: inout Hasher) { hasher.combine(folded) }

    /// The common case, looked at once: letters, digits, and single dots within.
    private static func isPlain(_ octets: some Collection<UInt8>) -> Bool {
        var count = 0
        var isDot = true
        for octet in octets {
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): isDot = false
            case UInt8(ascii: ".") where !isDot: isDot = true
            default: return false
            }
            count += 1
        }
        return count <= 64 && !isDot
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".": true
        default: false
        }
    }
}

/// An account's name: NAME@DOMAIN. Equal without regard to case.
package struct AccountName: Hashable, Sendable, CustomStringConvertible {
    package let user: UserName
    package let domain: Domain

    package init(user: UserName, domain: Domain) {
        self.user = user
        self.domain = domain
    }

    /// From NAME@DOMAIN, or from a bare NAME in `defaultDomain`.
    package init(_ text: String, defaultDomain: Domain? = nil) throws(Fault) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        do {
            user = try UserName(parts[0])
        } catch {
            throw .user(error)
        }
        if parts.count == 2 {
            guard let domain = Domain(parts[1]), !domain.isLiteral else { throw .domain }
            self.domain = domain
        } else {
            guard let defaultDomain else { throw .domain }
            domain = defaultDomain
        }
    }

    package enum Fault: Error, Equatable, Sendable {
        case user(UserName.Fault)
        case domain
    }

    /// What a store keys it by.
    package var folded: String { user.folded + "@" + domain.value }
    package var description: String { user.spelling + "@" + domain.value }
}
