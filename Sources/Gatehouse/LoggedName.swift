import MailModel

/// A login's user name as a log line holds it (S44, S47, S74, S75).
package enum LoggedName {
    /// As it is, where it is a user name or NAME@DOMAIN and holds none of the words that logs are searched for; else quoted.
    package static func written(_ name: String) -> String { isName(name) && !LogText.hasSoughtWord(name) ? name : LogText.quoted(name) }

    private static func isName(_ name: String) -> Bool {
        guard name.utf8.count <= 320 else { return false }
        let parts = name.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        // try?: what is wrong with it is said by the quotes.
        guard parts[0].unicodeScalars.allSatisfy(\.isASCII), (try? UserName(parts[0])) != nil else { return false }
        return parts.count == 1 || Domain(parts[1]).map { $0.isASCII && !$0.isLiteral && $0.value.count == parts[1].utf8.count } ?? false
    }
}
