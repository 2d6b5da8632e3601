import MailModel
import NIOCore

/// Every command that is served, a row each: the one table of the protocol's verbs.
///
/// Names of sections are RFC 9051's; `capabilities` are listed as long as the row is served.
enum VerbTable {
    static let rows: [VerbRow] = anytime + entrance + account + mailboxes + sharing + selected + messages + searches

    /// §6.1, RFC 2971.
    private static let anytime: [VerbRow] = [
        .answered("CAPABILITY", .any, NoArguments.read) { $2.writeCapabilities($0.capabilities) },
        .answered("NOOP", .any, news: .all, NoArguments.read) { _, _, _ in },
        .takenOver("LOGOUT", .any, NoArguments.read) { $0.logOut($2, &$3) },
        .answered("ID", .any, capabilities: [Capability("ID", rfc: 2971)], IDArguments.read) { session, _, output in session.writeIdentity(&output) },
        .answered("ENABLE", .loggedIn, capabilities: [Capability("ENABLE", rfc: 5161) { _ in true }], EnableArguments.read) { $0.enable($1.names, &$2) },
    ]

    /// §6.2.
    private static let entrance: [VerbRow] = [
        .takenOver(
            "STARTTLS", .stranger, capabilities: [Capability("STARTTLS", rfc: 9051)],
            unless: { $0.isSecure ? .bad("TLS is active already") : $0.offersTLS ? nil : .bad("There is no TLS here") }, NoArguments.read
        ) { $0.startTLS($2, &$3) },
        .takenOver(
            "LOGIN", .stranger, capabilities: [Capability("LOGINDISABLED", rfc: 9051) { !$0.isAuthenticated && !$0.logins.allowsPasswords }],
            unless: { $0.logins.allowsPasswords ? nil : .privacyRequired }, LoginCredentials.read
        ) { session, credentials, tag, _ in session.logIn(tag, credentials) },
        .takenOver(
            "AUTHENTICATE", .stranger,
            capabilities: [
                Capability("AUTH=EXTERNAL", rfc: 4422) { !$0.isAuthenticated && $0.logins.offers(.external) },
                Capability("AUTH=SCRAM-SHA-256-PLUS", rfc: 7677) { !$0.isAuthenticated && $0.logins.offers(.scramSHA256Plus) },
                Capability("AUTH=SCRAM-SHA-256", rfc: 7677) { !$0.isAuthenticated && $0.logins.offers(.scramSHA256) },
                Capability("AUTH=PLAIN", rfc: 4616) { !$0.isAuthenticated && $0.logins.offers(.plain) },
                // Never a standard: it has its name from SASL's registry alone.
                Capability("AUTH=LOGIN", rfc: 4422) { !$0.isAuthenticated && $0.logins.offers(.login) },
            ], unless: { $0.logins == .none ? .privacyRequired : nil }, AuthenticateArguments.read
        ) { $0.authenticate($2, $1.mechanism, $1.initial, &$3) },
    ]

    /// The connection and the account, once logged in.
    private static let account: [VerbRow] = [
        .takenOver("IDLE", .loggedIn, capabilities: [Capability("IDLE", rfc: 2177)], NoArguments.read) { $0.beginIdle($2, &$3) },
        .answered("NAMESPACE", .loggedIn, capabilities: [Capability("NAMESPACE", rfc: 2342)], NoArguments.read) { session, _, output in
            session.writeNamespaces(&output)
        },
        .takenOver(
            "COMPRESS", .loggedIn, capabilities: [Capability("COMPRESS=DEFLATE", rfc: 4978)],
            unless: { $0.isCompressed ? .no("The connection is compressed already", .compressionActive) : nil }, CompressArguments.read
        ) { $0.compress($2, &$3) },
        .takenOver(
            "UNAUTHENTICATE", .loggedIn, capabilities: [Capability("UNAUTHENTICATE", rfc: 8437)],
            unless: { $0.allowsUnauthenticate ? nil : .bad("Not served") }, NoArguments.read
        ) { $0.unauthenticate($2, &$3) },
        // NOTIFY SET implies a NOOP (RFC 5465 §3.1).
        .execution("NOTIFY", .loggedIn, .none, .all, .none, capabilities: [Capability("NOTIFY", rfc: 5465)], NotifyArguments.read) {
            try await $0.notify($1)
        },
        .execution(
            "GETQUOTA", .loggedIn, .none, .asWished, .none,
            capabilities: [
                Capability("QUOTA", rfc: 9208), Capability("QUOTA=RES-STORAGE", rfc: 9208), Capability("QUOTA=RES-MESSAGE", rfc: 9208),
                Capability("QUOTA=RES-MAILBOX", rfc: 9208),
            ], QuotaCommand.get
        ) { try await $0.quota($1) },
        .execution("GETQUOTAROOT", .loggedIn, .none, .asWished, .named(.read), QuotaCommand.root) { try await $0.quota($1) },
        .execution("SETQUOTA", .loggedIn, .none, .asWished, .none, capabilities: [Capability("QUOTASET", rfc: 9208)], QuotaCommand.set) {
            try await $0.quota($1)
        },
    ]
}
