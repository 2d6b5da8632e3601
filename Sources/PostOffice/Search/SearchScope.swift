package import MailModel
package import Storage

/// Which mailboxes are searched (RFC 7377 §2.2).
package enum SearchScope: Hashable, Sendable {
    case mailbox(MailboxID)
    /// The principal's own inbox, and those of others that it sees.
    case inboxes
    /// The principal's own.
    case personal
    case subscribed
    case named([MailboxName])
    /// Those and the level below.
    case withChildren([MailboxName])
    /// Those and all below.
    case subtree([MailboxName])
}

extension Mailroom {
    /// So many mailboxes, and such work on their names as an answer's, take less than a millisecond.
    private static let fewMailboxes = 256

    /// What `body` makes of the mailboxes that the principal sees, in order of name: where it has many, off the caller's thread.
    package func amongMailboxes<Value: Sendable>(
        visibleTo principal: Principal, _ body: @escaping @Sendable ([MailboxRecord]) -> Value
    ) async throws -> Value {
        guard try await mailboxCount(of: principal) > Mailroom.fewMailboxes else { return body(try await visibleMailboxes(to: principal)) }
        return try await offLoop { body(try await visibleMailboxes(to: principal)) }
    }

    /// The mailboxes in any of the scopes, each once, in order of name; others' that the principal may see among them.
    package func mailboxes(in scopes: [SearchScope], of principal: Principal) async throws -> [MailboxRecord] {
        let subscriptions = scopes.contains(.subscribed) ? try await subscriptions(of: principal) : []
        return try await amongMailboxes(visibleTo: principal) { known in
            let scope = MergedScope(scopes, of: principal.account, subscriptions)
            return known.filter { scope.contains($0) }
        }
    }
}

/// All scopes of a search, ready to be asked about mailboxes: O(depth) each, however many scopes there are.
private struct MergedScope {
    private let account: AccountID
    private var mailboxes: Set<MailboxID> = []
    private var inboxes = false
    private var personal = false
    private var names: Set<MailboxName> = []
    private var parents: Set<MailboxName> = []
    private var roots: Set<MailboxName> = []

    init(_ scopes: [SearchScope], of account: AccountID, _ subscriptions: Set<MailboxName>) {
        self.account = account
        for scope in scopes {
            switch scope {
            case .mailbox(let mailbox): mailboxes.insert(mailbox)
            case .inboxes: inboxes = true
            case .personal: personal = true
            case .subscribed: names.formUnion(subscriptions)
            case .named(let named): names.formUnion(named)
            case .withChildren(let named): parents.formUnion(named)
            case .subtree(let named): roots.formUnion(named)
            }
        }
        names.formUnion(parents)
        names.formUnion(roots)
    }

    func contains(_ record: MailboxRecord) -> Bool {
        let name = record.name
        if mailboxes.contains(record.id) || (inboxes && name.isInbox) || (personal && record.account == account) || names.contains(name) { return true }
        if !parents.isEmpty, let parent = name.parent, parents.contains(parent) { return true }
        return !roots.isEmpty && name.superiors.contains { roots.contains($0) }
    }
}
