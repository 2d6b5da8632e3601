import MailModel

/// The namespace of other users' mailboxes (RFC 2342 §5): what bob@example.test calls `Projects` is `Other Users/bob@example.test/Projects`
/// to everybody else. No mailbox of one's own lies there.
package enum OtherUsers {
    private static let root = "Other Users"
    package static let prefix = root + "/"

    static func covers(_ name: MailboxName) -> Bool { name.value == root || name.value.hasPrefix(prefix) }

    /// Nil when the name would grow too long, and so cannot be said.
    static func name(of name: MailboxName, owner: AccountName) -> MailboxName? { MailboxName(prefix + owner.description + "/" + name.value) }

    /// Whose the name is, or would be; nil for the namespace's root and for what no account can be called.
    static func owner(of name: MailboxName) -> AccountName? {
        guard covers(name), let level = name.value.dropFirst(prefix.count).split(separator: "/").first else { return nil }
        return try? AccountName(String(level))
    }

    /// Nil for the levels above mailboxes, and when no account can be called that.
    static func parts(of name: MailboxName) -> (owner: AccountName, name: MailboxName)? {
        let parts = name.value.dropFirst(prefix.count).split(separator: "/", maxSplits: 1)
        guard covers(name), parts.count == 2, let owner = try? AccountName(String(parts[0])), let own = MailboxName(String(parts[1])) else {
            return nil
        }
        return (owner, own)
    }
}
