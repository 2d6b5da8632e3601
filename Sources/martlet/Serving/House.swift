import ACME
import Gatehouse
import Glibc
import Logging
import MailModel
import PostOffice
import SMTP
import SQLiteStore
import Storage
import Transport

/// A data folder, open: the store in it and the rules around it. The server has one while it runs, a command for a moment.
struct House: Sendable {
    let folder: DataFolder
    let store: SQLiteStore
    let gatekeeper: Gatekeeper
    let directory: Directory
    /// The same that the directory knows.
    let lists: ListRegister
    let signingKeys: SigningKeys
    let metrics: ServerMetrics
    /// Where a bare login name belongs: as configured, or else the first account's domain at the start.
    let defaultDomain: Domain?

    private let reporting: DeliveryReporting
    private let log: Logger
    /// Nil: nothing is asked of the world.
    private let names: Configuration.Names?
    private let hostname: Domain
    private let issuing: Configuration.Issuing?
    private let certificateFiles: [CertificateShelf.Files]

    /// - parameters:
    ///   - changed: hears of entries of the queue that an administrator changed or added.
    ///   - finishTraces: returns when what has happened so far is recorded.
    ///   - certificates: those that the running server shows.
    ///   - keeper: that of the running server.
    ///   - expel: ends the connections of a network that is banned.
    ///   - isRunning: this is the server, and what it counts is worth telling.
    ///   - domainAdded: hears of domains that are new, whose signing keys are to be made.
    func administration(
        changed: @escaping @Sendable ([QueueID]) async -> Void = { _ in }, finishTraces: @escaping @Sendable () async -> Void = {},
        certificates: CertificateShelf? = nil, keeper: CertificateKeeper? = nil, domainAdded: @escaping @Sendable () -> Void = {},
        expel: @escaping @Sendable (Network) -> Void = { _ in }, isRunning: Bool = false
    ) -> Administration {
        let reporting = reporting
        let desk = QueueDesk(
            store: store, traces: store, clock: SystemClock.now, log: log, notices: { try await reporting.notices(on: $0, $1) }, changed: changed)
        return Administration(
            directory: directory, store: store, desk: desk, finishTraces: finishTraces, certificates: certificates,
            certificateDesk: CertificateDesk(
                keeper: keeper ?? issuing.map { CertificateService.idle($0, store: store, log: log) }, isRunning: keeper != nil, files: certificateFiles),
            signingKeys: signingKeys, names: names,
            serverName: hostname.asciiForm ?? hostname, metrics: isRunning ? metrics : nil, gatekeeper: gatekeeper,
            roles: RoleBook(store: store), log: log, domainAdded: domainAdded, expel: expel)
    }

    /// Of mail as it leaves.
    func signing(_ log: Logger) -> MessageSigning {
        let directory = directory
        return MessageSigning(
            SigningDesk(keys: signingKeys, serverName: hostname.asciiForm ?? hostname, clock: SystemClock.now, log: log) { try await directory.isServed($0) })
    }

    /// Opens it for `body`, and closes it behind that. Throws as `open`, and what `body` throws.
    static func with<Value>(
        _ configuration: Configuration, creating: Bool, acceptsOlderIndex: Bool = false, log: Logger, _ body: (House) async throws -> Value
    ) async throws -> Value {
        let house = try await open(configuration, creating: creating, acceptsOlderIndex: acceptsOlderIndex, log: log)
        return try await withCleanup(house.close) { try await body(house) }
    }

    /// Becomes who the server shall be, locks the folder and opens what is in it. `creating`: makes folder, key and store where they are not there yet.
    /// Throws `DataFolderFault`, `CommandFault`.
    /// `acceptsOlderIndex`: an index of an earlier schema than the folder had before is taken, on an administrator's order.
    private static func open(_ configuration: Configuration, creating: Bool, acceptsOlderIndex: Bool = false, log: Logger) async throws -> House {
        try configuration.settle()
        let folder = try DataFolder.open(configuration.data, key: configuration.machine.masterKey, creating: creating)
        let masterKey = try folder.openMasterKey(random: systemRandom)
        if folder.holdsItsKey {
            log.warning("The master key lies with the data, in \(folder.keyPath): who copies the folder has both; move it elsewhere and set master-key")
        }
        let metrics = ServerMetrics()
        var options = configuration.storeOptions
        options.metrics = metrics.store
        options.generation = try folder.generation()
        options.acceptsOlderIndex = acceptsOlderIndex
        let store: SQLiteStore
        do {
            store = try SQLiteStore.open(
                folder.path, masterKey: masterKey, options: options, clock: SystemClock.now, log: log)
        } catch {
            let isDamage = if case .corrupt? = error as? StorageFault { true } else { false }
            throw CommandFault(
                code: isDamage ? Sysexit.dataError : Sysexit.unavailable,
                text: "the store in \(folder.path) cannot be opened: \(House.reason(error))")
        }
        do {
            try folder.record(generation: SQLiteStore.generation)
        } catch {
            log.warning("An older index in this one's place would not be noticed: \(error)")
        }
        let first = try store.readableAccounts().first?.name.domain
        let defaultDomain = configuration.domain ?? first
        let limits = try configuration.doorkeeperLimits()
        let penalties = LoginPenalties(
            configuration.penalties, key: masterKey.secret(for: "martlet login penalties"), store: store, log: log, clock: SystemClock.now,
            isExempt: { limits.isExempt($0) }, metrics: metrics.gatehouse)
        penalties.load()
        var rates = UserRates.Settings()
        (rates.most, rates.window) = (configuration.limits.ratePerUser, .seconds(configuration.limits.rateWindow))
        var logins = Gatekeeper.Settings(defaultDomain: defaultDomain)
        logins.acceptsCertificates = configuration.acceptsCertificateLogins
        let gatekeeper = Gatekeeper(
            accounts: store,
            credentials: CredentialBook(store: store, secret: masterKey.secret(for: "martlet credentials"), clock: SystemClock.now),
            settings: logins, log: log, clock: SystemClock.now, metrics: metrics.gatehouse,
            scram: SCRAMKeyring(store: store, secret: masterKey.secret(for: "martlet scram"), offer: configuration.scram), penalties: penalties,
            rates: UserRates(rates, log: log, isExempt: { limits.isExempt($0) }))
        let lists = ListRegister(store: store, tokens: ListTokens(secret: masterKey.secret(for: "martlet lists")), clock: SystemClock.now)
        let directory = Directory(
            store: store, gatekeeper: gatekeeper, defaultDomain: defaultDomain, serverNames: configuration.serverNames,
            rewriting: SenderRewriting(secret: masterKey.secret(for: "martlet sender rewriting"), clock: SystemClock.now), lists: lists,
            reports: configuration.reportAddresses(defaultDomain))
        let reporting = DeliveryReporting(
            store: store, directory: directory, intake: Intake(store: store, clock: SystemClock.now, log: log), host: configuration.hostname,
            clock: SystemClock.now, makeID: { TransactionID(bits: UInt128.random(in: .min ... .max)) })
        return House(
            folder: folder, store: store, gatekeeper: gatekeeper, directory: directory, lists: lists,
            signingKeys: SigningKeys(store: store, clock: SystemClock.now, make: SigningKeyMaking.make), metrics: metrics, defaultDomain: defaultDomain,
            reporting: reporting,
            log: log, names: configuration.outbound.enabled ? configuration.names : nil, hostname: configuration.hostname, issuing: configuration.issuing,
            certificateFiles: configuration.configuredFiles.isEmpty ? configuration.certificateFiles.map { [$0] } ?? [] : configuration.configuredFiles)
    }

    /// Waits for what is under way; the folder is free when the value is gone.
    private func close() async { await store.close() }

    private static func reason(_ error: any Error) -> String {
        switch error as? StorageFault {
        case .unavailable(let reason)?, .corrupt(let reason)?, .notAllowed(let reason)?: reason
        default: "\(error)"
        }
    }
}

extension Configuration {
    /// What this server and its machine are called, whole and without their domains.
    fileprivate var serverNames: [String] {
        var facts = utsname()
        var machine = ""
        if uname(&facts) == 0 {
            machine = withUnsafeBytes(of: facts.nodename) { octets in String(decoding: octets.prefix { $0 != 0 }, as: UTF8.self) }
        }
        let whole = [hostname.value, machine].filter { !$0.isEmpty }
        let short: [String] = whole.compactMap { name in name.split(separator: ".").first.map { String($0) } }
        return whole + short
    }

    fileprivate var storeOptions: SQLiteStore.Options {
        var options = SQLiteStore.Options(freeFloor: Int64(limits.freeFloor))
        options.quota = Quota([
            .storage: Int64(limits.quotaStorage), .message: Int64(limits.quotaMessages), .mailbox: Int64(Mailroom.mostMailboxes),
        ])
        options.changes = ChangesKept(days: changes.days, rows: changes.rows)
        return options
    }
}
