/// What somebody may do, by name; the names are what roles and credentials are made of.
package enum Permission: String, CaseIterable, Codable, Hashable, Sendable {
    // An account's own things.
    case mailRead = "mail.read"
    case mailWrite = "mail.write"
    case mailSend = "mail.send"
    case calendarRead = "calendar.read"
    case calendarWrite = "calendar.write"
    case contactsRead = "contacts.read"
    case contactsWrite = "contacts.write"
    case filesRead = "files.read"
    case filesWrite = "files.write"
    case settingsRead = "settings.read"
    case settingsWrite = "settings.write"
    /// Passwords, app passwords, second factors and sessions.
    case credentialsManage = "credentials.manage"

    // Accounts and domains, as who runs them sees them: never what is in mailboxes.
    case accountsRead = "accounts.read"
    case accountsManage = "accounts.manage"
    case addressesManage = "addresses.manage"
    case listsManage = "lists.manage"
    case domainsRead = "domains.read"
    case domainsManage = "domains.manage"
    /// Keys that sign, and what DNS should have.
    case signingManage = "signing.manage"
    case reportsRead = "reports.read"
    case traceRead = "trace.read"
    case queueRead = "queue.read"
    case queueManage = "queue.manage"

    // The server.
    case metricsRead = "metrics.read"
    case auditRead = "audit.read"
    case configurationRead = "configuration.read"
    case certificatesManage = "certificates.manage"
    case bansManage = "bans.manage"
    case sessionsEnd = "sessions.end"
    case storeManage = "store.manage"
    case rolesManage = "roles.manage"
    /// To act as another account, which is written down and told to its owner.
    case impersonate
}

/// A set of permissions.
package struct Permissions: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package init(_ permissions: some Sequence<Permission>) {
        self = permissions.reduce(into: Permissions(rawValue: 0)) { $0.insert(Permissions($1)) }
    }

    private init(_ permission: Permission) { rawValue = 1 << UInt64(Permission.allCases.firstIndex(of: permission) ?? 63) }

    package func has(_ permission: Permission) -> Bool { contains(Permissions(permission)) }

    /// In the order of `Permission`.
    package var all: [Permission] { Permission.allCases.filter(has) }

    package static let none = Permissions([])
    package static let everything = Permissions(Permission.allCases)
    /// What everybody may with the account that is theirs.
    package static let own = Permissions([
        .mailRead, .mailWrite, .mailSend, .calendarRead, .calendarWrite, .contactsRead, .contactsWrite, .filesRead, .filesWrite, .settingsRead,
        .settingsWrite, .credentialsManage,
    ])
    /// What a mail program needs, and whoever finds its password must not go beyond.
    package static let mailProgram = own.subtracting(Permissions([.settingsWrite, .credentialsManage]))
}
