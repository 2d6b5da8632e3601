/// What an administrator may ask for, of the running server through its control socket or of the store itself.
enum Order: Codable, Sendable {
    /// `target`: the domain of ours that it stands for; nil: it is one by itself.
    case addDomain(name: String, target: String?)
    case listDomains
    case removeDomain(name: String)
    case addAccount(name: String, password: String)
    case listAccounts
    case setEnabled(name: String, enabled: Bool)
    case setPassword(name: String, password: String)
    case removeAccount(name: String)
    /// Of one domain; nil: of all.
    case listAliases(domain: String?)
    case addAlias(name: String, targets: [String])
    /// Without targets: all of it.
    case removeAlias(name: String, targets: [String])
    case showDelivery(name: String)
    /// To nobody: nothing is sent on any more.
    case setForwarding(name: String, targets: [String], keepsCopy: Bool)
    case setSubaddressing(name: String, isFiled: Bool)
    /// Who may send in its name.
    case showDelegates(name: String)
    /// `right`: `on-behalf`, `as-owner`; nil: none any more.
    case setDelegate(name: String, delegate: String, right: String?)
    case showQuota(name: String)
    /// The account's own limits by resource, 0 for none; resources that are not named are left as they are, nil ones become as configured.
    case setQuota(name: String, limits: [QuotaLine])
    case checkStore
    case storeStatus
    /// `all`: also segments that are mostly alive.
    case compactStore(all: Bool)
    /// Removes what was kept from before migrations.
    case confirmStore
    /// Lists what starts have set aside, or removes it.
    case asideOfStore(remove: Bool)
    /// A page of the queue, behind an entry; nil: from the first.
    case listQueue(selection: QueueSelection, after: String?)
    case showQueued(id: String)
    /// Some of what is meant; the answer says whether and behind which entry to go on. With `ids` those entries alone, all at once.
    case changeQueue(action: String, ids: [String], selection: QueueSelection, after: String?)
    /// Which certificates the running server shows; none where no server runs.
    case certificatesInUse
    /// What happened to a message: of a Message-ID, a number of the queue or a transaction, without the first `skipping` events.
    case trace(name: String, skipping: Int)
    /// How TLS with other servers went, of one domain or of all, without the first `skipping` lines.
    case showTLSOutcomes(domain: String?, skipping: Int)
    /// Others' reports on our domains: `dmarc` or `tls`, of one domain or of all, of so many days, without the first `skipping` reports.
    case showReports(kind: String, domain: String?, days: Int, skipping: Int)
    /// What the running server counts.
    case showMetrics
    /// Whose logins fail most.
    case showLoginFailures
    case list(order: ListOrder)
    case signing(order: SigningOrder)
    case certificate(order: CertificateOrder)
    /// Of the account of that name.
    case credential(account: String, order: CredentialOrder)
    case role(order: RoleOrder)
    case limits(order: LimitsOrder)
}

/// What may be asked of lists of members.
enum ListOrder: Codable, Sendable {
    case add(address: String, settings: ListSettings)
    case set(address: String, settings: ListSettings)
    case show(address: String)
    case list
    case remove(address: String)
    /// `Administration.listedMembers` at most; the answer names who is new.
    case addMembers(list: String, members: [String], mayPost: Bool)
    /// A page of them, behind a number; nil: from the first.
    case members(list: String, after: UInt32?)
    case changeMember(list: String, member: String, change: MemberChange)

    enum MemberChange: String, Codable, Sendable {
        case remove, suspend, resume, moderate, trust
    }
}

/// What may be asked of the keys that domains sign with (DKIM).
enum SigningOrder: Codable, Sendable {
    /// Of one domain; nil: of all that have some.
    case list(domain: String?)
    /// Of one domain, whose first ones are made where it has none.
    case first(domain: String)
    /// `algorithms`: as a= writes them. `selector`: nil, it is chosen.
    case generate(domain: String, algorithms: [String], selector: String?)
    /// Moves on what DNS allows; where nothing waits for it, new keys are made to take the place of those that sign.
    case rotate(domain: String)
    case activate(domain: String, selector: String)
    case remove(domain: String, selector: String)
    case importKey(domain: String, selector: String, pem: String)
    /// The private key.
    case export(domain: String, selector: String)
}

/// What came of an order.
enum OrderResult: Codable, Sendable, Equatable {
    case done
    /// Done, with something that should be told.
    case advice(text: String)
    case domains(lines: [DomainLine])
    case aliases(lines: [AliasLine])
    case delivery(line: DeliveryLine)
    case accounts(lines: [AccountLine])
    case report(HealthReport)
    case delegates(lines: [DelegateLine])
    case quota(lines: [QuotaLine])
    case queue(page: QueuePage)
    case queued(line: QueueLine)
    case queueChanged(change: QueueChange)
    case trace(page: TracePage)
    /// SHA-256 of each certificate in use, in hexadecimal digits.
    case certificates(digests: [String])
    case tlsOutcomes(page: TLSOutcomePage)
    case reports(page: ReportPage)
    /// In Prometheus's text format.
    case metrics(text: String)
    case loginFailures(failures: LoginFailures)
    case lists(lines: [ListLine])
    /// Addresses that are on a list now and were not before.
    case membersAdded(addresses: [String])
    case listMembers(page: ListMemberPage)
    case signingKeys(lines: [SigningKeyLine])
    case certificateLines(lines: [CertificateLine])
    case signingRotated(rotation: SigningRotationLine)
    case signingSecret(pem: String)
    case appPasswords(lines: [AppPasswordLine])
    /// With the secret, which is told this once.
    case appPasswordMade(line: AppPasswordLine, secret: String)
    case secondFactor(line: SecondFactorLine)
    /// What an authenticator program is given: the secret in Base32, and all as an address.
    case enrollment(secret: String, address: String)
    case recoveryCodes(codes: [String])
    case roles(lines: [RoleLine])
    case roleGrants(lines: [RoleGrantLine])
    case bans(page: BanPage)
    case unlocked(line: UnlockLine)
    case refused(Refused)

    /// A lawful no, or a failure: one line, and the program's exit code.
    struct Refused: Codable, Sendable, Equatable {
        let code: Int32
        let text: String
    }
}

/// An account as `account list` shows it.
struct AccountLine: Codable, Sendable, Equatable {
    let name: String
    let enabled: Bool
    /// ISO 8601, UTC.
    let created: String
    let lastLogin: String?
    let secondFactor: Bool
    /// The password opens nothing before it is changed.
    let mustReset: Bool
}

/// A domain as `domain list` shows it.
struct DomainLine: Codable, Sendable, Equatable {
    let name: String
    /// The domain that it stands for; nil: it is one by itself.
    let aliasOf: String?
}

/// An alias as `alias list` shows it.
struct AliasLine: Codable, Sendable, Equatable {
    /// An address, or `@` and a domain: all that is nobody's there.
    let name: String
    let targets: [String]
    /// Of those, the ones that are nobody's here any more.
    let nobody: [String]
}

/// What an account wants done with its mail.
struct DeliveryLine: Codable, Sendable, Equatable {
    let forwardsTo: [String]
    let keepsCopy: Bool
    /// Mail for NAME+DETAIL is filed in the mailbox DETAIL.
    let filesByDetail: Bool
}

/// Who may send in an account's name.
struct DelegateLine: Codable, Sendable, Equatable {
    let account: String
    /// `on-behalf` or `as-owner`.
    let right: String
}

/// A resource of an account (RFC 9208 §5), in octets, messages or mailboxes.
struct QuotaLine: Codable, Sendable, Equatable {
    let resource: String
    var usage: Int64?
    /// Nil: none, or in an order: as configured.
    let limit: Int64?
}

/// What `store check` and `store compact` found or did.
struct HealthReport: Codable, Sendable, Equatable {
    /// Named numbers, in the order they are shown.
    var counts: [Count] = []
    /// One line each; none: all is well.
    var problems: [String] = []
    /// What should be known and is no problem; one line each.
    var notes: [String]?

    struct Count: Codable, Sendable, Equatable {
        let name: String
        let value: Int
    }
}
