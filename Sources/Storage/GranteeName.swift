package import MailModel

/// What an access list calls somebody, whether or not there is such an account (RFC 4314 §3).
package struct GranteeName: Hashable, Sendable {
    /// 1...`most` octets without control characters.
    package let value: String

    /// Octets: more than any account's name has.
    package static let most = 320

    /// What an account can be called (NAME@DOMAIN, or a bare NAME in `defaultDomain`) is put as accounts are compared; anything else is kept as given.
    /// Nil for no name: an empty or overlong one, or one with control characters or ends of lines in it.
    package init?(_ text: String, defaultDomain: Domain? = nil) {
        guard (1...GranteeName.most).contains(text.utf8.count), text.unicodeScalars.allSatisfy(GranteeName.isPrintable) else { return nil }
        let account = try? AccountName(text, defaultDomain: defaultDomain)
        value = account?.folded ?? text
        guard value.utf8.count <= GranteeName.most else { return nil }
    }

    package init(_ account: AccountName) { value = account.folded }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate: false
        default: true
        }
    }
}
