import MailModel

/// The names that an account has subscribed to.
struct Subscriptions: Sendable {
    private(set) var names: Set<MailboxName> = []
    /// Of all names.
    private(set) var octets = 0
    /// Where they lie; a name that the opening made up has no row.
    private var rows: [MailboxName: Int64] = [:]

    func row(of name: MailboxName) -> Int64? { rows[name] }

    mutating func insert(_ name: MailboxName) {
        if names.insert(name).inserted { octets += name.value.utf8.count }
    }

    /// Nil: the name is subscribed to no more.
    mutating func set(_ name: MailboxName, row: Int64?) {
        if row != nil {
            insert(name)
        } else if names.remove(name) != nil {
            octets -= name.value.utf8.count
        }
        rows[name] = row
    }
}
