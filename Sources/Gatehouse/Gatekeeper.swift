import Crypto
package import Logging
package import MailModel
import Metrics
package import Storage
import Synchronization

/// The answer to "who are you".
package enum Verdict: Equatable, Sendable {
    case admitted(Principal)
    /// No such user, a wrong password or a disabled account: alike in this answer and in the time it takes.
    case refused
    /// Too many wait for an answer, the store cannot be asked, or the user, whose password was right, has logged in too often of late; try later.
    case busy
}

/// Every face's one place for credentials (S15).
///
/// - A password is compared by one Argon2id hash, for users that do not exist too, on a thread of its own; or by the proof of a success at most
///   `Settings.proofLifetime` ago.
/// - What changes an account calls `accountChanged` after the change is durable; running sessions of the account end then.
/// - Every answer is logged and counted here and nowhere else; passwords never are.
/// - Nobody can keep the others out: the hashing thread is shared out fairly (`FairQueue`), every answer but a success is delayed here, whatever the face,
///   the log lines of one address are bounded, and who fails too often is not listened to for a while (`LoginPenalties`).
package final class Gatekeeper: Sendable {
    package struct Settings: Sendable {
        /// Where a bare NAME logs in; nil: nowhere.
        package var defaultDomain: Domain?
        /// Logins that may wait for the hashing thread: at 0.15 s each the last waits 15 s. A site may have two thirds of it, an account an eighth.
        package var queueCapacity = 96
        /// What the first answer of a connection that is no success is delayed by; each further one takes twice as long, up to 16 times.
        package var failureDelay = Duration.seconds(1)
        /// Accounts whose networks are known.
        package var networkCapacity = 10_000
        package var proofLifetime = Duration.seconds(300)
        /// Accounts with a proof, about 200 octets each.
        package var proofCapacity = 10_000
        /// Who has proved by a certificate that an account's address is theirs may log in as that account (SASL EXTERNAL).
        package var acceptsCertificates = false

        package init(defaultDomain: Domain? = nil) { self.defaultDomain = defaultDomain }
    }

    let accounts: any AccountStore
    /// What opens accounts beside their passwords; nil: nothing does.
    let credentials: CredentialBook?
    let settings: Settings
    private let clock: Timestamp.Clock
    private let monotonic: @Sendable () -> ContinuousClock.Instant
    let pause: @Sendable (Duration) async -> Void
    let log: LoginLog
    private let metrics: GatehouseMetrics
    let hasher: PasswordHasher
    let random: RandomOctets
    /// Nil: SCRAM is not served.
    let scram: SCRAMKeyring?
    let makingKeys = KeyMaking()
    private let networks: KnownNetworks
    private let proofs: RecentProofs
    let sessions = ActiveSessions()
    package let penalties: LoginPenalties
    package let rates: UserRates
    /// What a wrong password takes of late, without its delay: so long it takes too where nothing is compared.
    private let usualTime = Mutex(Duration.zero)
    private let ledgerBox = Mutex(LoginLedger())
    /// What unknown users are compared with: nobody's hash at the standard cost.
    private let decoy: PasswordHash
    private let decoyText: String

    package init(
        accounts: any AccountStore, credentials: CredentialBook? = nil, settings: Settings, log: Logger, clock: @escaping Timestamp.Clock,
        monotonic: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        pause: @escaping @Sendable (Duration) async -> Void = realPause, random: @escaping RandomOctets = systemRandom,
        metrics: GatehouseMetrics = GatehouseMetrics(), scram: SCRAMKeyring? = nil, penalties: LoginPenalties? = nil,
        rates: UserRates? = nil
    ) {
        self.rates = rates ?? UserRates(.off, log: log)
        self.penalties = penalties ?? LoginPenalties(log: log, clock: clock, monotonic: monotonic)
        self.accounts = accounts
        self.credentials = credentials
        self.settings = settings
        self.clock = clock
        self.monotonic = monotonic
        self.pause = pause
        self.log = LoginLog(log)
        self.random = random
        self.scram = scram
        self.metrics = metrics
        networks = KnownNetworks(capacity: settings.networkCapacity)
        hasher = PasswordHasher(queueCapacity: settings.queueCapacity, random: random, hashing: metrics.hashing)
        proofs = RecentProofs(lifetime: settings.proofLifetime, capacity: settings.proofCapacity, random: random)
        decoy = PasswordHash(salt: random(PasswordHash.saltLength), hash: random(PasswordHash.hashLength))
        decoyText = decoy.phc
    }

    /// Whether the user, NAME@DOMAIN or a bare NAME of the default domain, knows the account's password.
    ///
    /// Usually 0.2 ms after a recent success, else a hash's 0.15 s and what waits before it; what is no success is answered after a delay. Not ended by
    /// cancellation.
    /// - parameter peer: the address.
    /// - parameter setbacks: answers other than `admitted` that this connection has had.
    package func verify(
        user: String, password: Password, over protocolName: ProtocolName, from peer: String, setbacks: Int = 0
    ) async -> Verdict {
        await judge(user: user, secret: password, over: protocolName, from: peer, setbacks: setbacks) { attempt, waited, trial in
            await self.find(user: user, password: password, attempt, &waited, &trial)
        }
    }

    /// The one way from what is found out about an attempt to its verdict: into the log, the counts and the limits, and the delay of what is no success.
    /// - parameter secret: what is compared; nil where it is never seen.
    func judge(
        user: String, secret: Password? = nil, over protocolName: ProtocolName, from peer: String, setbacks: Int,
        _ find: (LoginLog.Attempt, inout Int, inout LoginTrial) async -> Finding
    ) async -> Verdict {
        let start = monotonic()
        let attempt = LoginLog.Attempt(user: LoggedName.written(user), protocolName: protocolName, peer: peer, place: PeerPlace(peer))
        var waited = 0
        // try?: what is no name is nobody's.
        var trial = penalties.trial(of: user, name: try? AccountName(user, defaultDomain: settings.defaultDomain), secret: secret, from: peer)
        let finding = await find(attempt, &waited, &trial)
        let end = monotonic()
        let verdict = conclude(finding, of: attempt, at: end)
        let time = start.duration(to: end)
        let steps = max(setbacks, weigh(verdict, trial))
        if secret != nil, case .wrong = finding { usualTime.withLock { $0 = $0 == .zero ? time : ($0 * 7 + time) / 8 } }
        if time > .seconds(1) { log.slow(attempt, time, at: end) }
        metrics.time.record(time)
        ledgerBox.withLock { $0.enter(verdict, user: attempt.user, peer: peer, over: protocolName, time: time, waited: waited, at: end) }
        if case .admitted = verdict { return verdict }
        // Who guesses on one connection waits longer each time, and so does who is told to try later.
        let delay = settings.failureDelay * (1 << min(max(0, steps), LoginSetback.mostSteps))
        if delay > .zero {
            metrics.delays.add()
            await pause(delay)
        }
        return verdict
    }

    /// Tells the log, now and then, what it was not told line by line; until it is cancelled.
    package func keepLog(every interval: Duration = .seconds(30)) async {
        while !Task.isCancelled {
            await pause(interval)
            log.tellRest(at: monotonic(), ofAll: false)
        }
    }

    /// Tells the log at once what it was not told line by line.
    package func finishLog() { log.tellRest(at: monotonic(), ofAll: true) }

    /// The server stops: who waits for a hash is told `busy` at once, and so is whoever comes now.
    package func stop() { hasher.stop() }

    /// Registers a session of somebody whom `verify` has admitted. `onRevoked` is called once, from any thread, when the account's password
    /// changes or the account is disabled or removed while what is returned is held (at once, when that has happened since): the session must end.
    package func admit(_ principal: Principal, onRevoked: @escaping @Sendable () -> Void) -> ActiveSession {
        sessions.admit(principal, onRevoked: onRevoked)
    }

    /// Call after every durable change of an account.
    package func accountChanged(_ id: AccountID) {
        proofs.forget(id)
        sessions.revoke(id)
    }

    /// A PHC string for `AccountStore` (S10-S14).
    package func hashPassword(_ password: Password) async throws(HashingFault) -> String {
        try await hasher.hash(password)
    }

    /// Against a PHC string of any bearable Argon2 cost; false for one that cannot be read.
    package func verifyPassword(_ password: Password, _ phc: String) async throws(HashingFault) -> Bool {
        guard let reference = PasswordHash(phc) else { return false }
        let mark = proofs.mark(account: nil, reference: phc, user: "", password: password)
        return try await hasher.matches(password, reference, question: mark, from: .administrator).isRight
    }

    package var ledger: LoginLedger { ledgerBox.withLock { $0 } }

    /// Whose logins fail most of late (S86), the worst first.
    package var worstFailures: WorstFailures {
        let (ledger, now) = (ledger, monotonic())
        return WorstFailures(
            users: ledger.failuresByUser.ranked(at: now), peers: ledger.failuresByPeer.ranked(at: now), busyPeers: ledger.busyByPeer.ranked(at: now),
            mostInMinute: ledger.failuresThisMinute.ranked(at: now).first?.count ?? 0)
    }

    /// Passwords hashed since the start, for logins and for accounts.
    package var hashCount: Int { hasher.count }

    /// What they cost: KiB filled, pass by pass.
    package var hashWork: Int { hasher.work }

    /// Accounts with a proof; some may have run out.
    package var proofCount: Int { proofs.count }

    /// Sessions that are logged in.
    package func sessionCount(of account: AccountID) -> Int { sessions.count(of: account) }
}

extension Gatekeeper {
    /// What is found out about an attempt; the peer is told less.
    enum Finding {
        case right(Principal)
        case wrong
        /// It is right, and not good for this: why, in a word for the operator.
        case withheld(String)
        /// Nobody was asked.
        case barred
        case disabled(Principal)
        case busy
        case failed(String)
    }

    /// `waited`: how many others were served before.
    private func find(
        user: String, password: Password, _ attempt: LoginLog.Attempt, _ waited: inout Int, _ trial: inout LoginTrial
    ) async -> Finding {
        let place = attempt.place
        do {
            let name = try? AccountName(user, defaultDomain: settings.defaultDomain)
            if name == nil { metrics.security.note(refused: user) }
            let record = if let name { try await accounts.account(named: name) } else { AccountRecord?.none }
            let app = try record.flatMap { try credentials?.appPassword(password, of: $0.id) }
            let objection = app.flatMap { self.objection(to: $0, attempt) }
            if let record, let app, record.enabled, objection == nil {
                credentials?.note(useOf: password, of: record.id, over: attempt.protocolName, from: attempt.peer)
                return try await settle(record, .appPassword(app.id, password), place)
            }
            let stored = record.flatMap { PasswordHash($0.passwordHash) }
            trial.isKnown = isKnown(record, place)
            guard !penalties.bars(trial) else { return await bar() }
            let text = stored == nil ? decoyText : record?.passwordHash ?? decoyText
            let mark = proofs.mark(account: record?.id, reference: text, user: user, password: password)
            if let record, record.enabled, stored != nil, proofs.holds(mark, of: record.id, at: monotonic()) {
                return try await settle(record, .password(password, mark: nil), place)
            }
            // One hash in any case. A password that is too long is cut down, so that it costs the same, and is wrong.
            let compared = password.isTooLong ? Password("") : password
            let origin = HashingThread.Origin(
                site: place, account: name?.folded ?? String(user.prefix(128)), rank: trial.isKnown ? .known : .stranger)
            let comparison = try await hasher.matches(compared, stored ?? decoy, question: mark, from: origin)
            waited = comparison.waited
            // Others of its kind may have failed meanwhile: not even so much is told then.
            guard !penalties.bars(trial) else { return .barred }
            if let objection { return .withheld(objection) }
            guard let record, stored != nil, comparison.isRight, !password.isTooLong else { return .wrong }
            return try await settle(record, .password(password, mark: mark), place)
        } catch HashingFault.busy {
            return .busy
        } catch {
            return .failed("\(error)")
        }
    }

    /// As long as a wrong password takes.
    private func bar() async -> Finding {
        await pause(usualTime.withLock { $0 })
        return .barred
    }

    /// Tells the limits what came of it; how often the answer's delay is to be doubled.
    private func weigh(_ verdict: Verdict, _ trial: LoginTrial) -> Int {
        switch verdict {
        case .admitted: penalties.succeeded(trial)
        case .refused: return penalties.failed(trial).steps
        case .busy: break
        }
        return 0
    }

    func isKnown(_ record: AccountRecord?, _ place: PeerPlace) -> Bool {
        record.map { networks.knows(place.network, of: $0.id, at: monotonic()) } ?? false
    }

    /// Why an app password that was found opens nothing; nil: it does.
    private func objection(to app: AppPassword, _ attempt: LoginLog.Attempt) -> String? {
        if app.isOver(at: clock()) { return "AppPasswordExpired" }
        return app.scope.allows(attempt.protocolName, from: attempt.peer) ? nil : "AppPasswordNotForThis"
    }

    /// What was right.
    enum Proof {
        /// The password, where it was sent and not only proved. `mark`: to be remembered; nil: it was.
        case password(Password?, mark: [UInt8]?)
        case appPassword(String, Password)
        case certificate
    }

    /// Why an account's own password, which is right, opens nothing; nil: it does.
    func objection(toPasswordOf account: AccountID) throws -> String? {
        if try credentials?.mustReset(account) == true { return "PasswordMustBeChanged" }
        return try credentials?.hasSecondFactor(account) == true ? "AppPasswordNeeded" : nil
    }

    /// It is right; is the account still what it was when that was looked at, and is it enough?
    func settle(_ record: AccountRecord, _ proof: Proof, _ place: PeerPlace) async throws -> Finding {
        let changes = sessions.changes(of: record.id)
        guard let now = try await accounts.account(record.id) else { return .wrong }
        let principal: Principal
        switch proof {
        case .password:
            guard now.passwordHash == record.passwordHash else { return .wrong }
            principal = Principal(account: now.id, name: now.name)
        case .certificate: principal = Principal(account: now.id, name: now.name, credential: .certificate)
        case .appPassword(let id, let password):
            guard try credentials?.appPassword(password, of: now.id) != nil else { return .wrong }
            principal = Principal(account: now.id, name: now.name, credential: .appPassword(id))
        }
        guard now.enabled else { return .disabled(principal) }
        if case .password(_, let mark) = proof {
            if let objection = try objection(toPasswordOf: now.id) { return .withheld(objection) }
            if let mark { proofs.keep(mark, of: now.id, at: monotonic()) }
        }
        networks.saw(place.network, of: now.id, at: monotonic())
        sessions.saw(changes, of: now.id)
        if case .password(let password?, _) = proof { adopt(password, now) }
        return .right(principal)
    }

    private func conclude(_ finding: Finding, of attempt: LoginLog.Attempt, at now: ContinuousClock.Instant) -> Verdict {
        switch finding {
        case .right(let principal) where !rates.takes(principal, from: attempt.peer):
            log.busy(attempt, at: now)
            metrics.note(.busy, over: attempt.protocolName)
            return .busy
        case .right(let principal):
            accounts.note(login: clock(), of: principal.account)
            metrics.successes[attempt.protocolName].add()
            log.successful(attempt, principal.account, at: now)
            return .admitted(principal)
        case .wrong:
            log.failed(attempt, "InvalidCredentials", at: now)
            metrics.note(.credentials, over: attempt.protocolName)
            return .refused
        case .withheld(let cause):
            log.failed(attempt, cause, at: now)
            metrics.note(.credentials, over: attempt.protocolName)
            return .refused
        case .barred:
            log.failed(attempt, "LockedOut", at: now)
            metrics.note(.locked, over: attempt.protocolName)
            return .refused
        case .disabled:
            log.failed(attempt, "AccountDisabled", at: now)
            metrics.note(.disabled, over: attempt.protocolName)
            return .refused
        case .busy:
            log.busy(attempt, at: now)
            metrics.note(.busy, over: attempt.protocolName)
            return .busy
        case .failed(let cause):
            log.broken(attempt, cause, at: now)
            metrics.note(.fault, over: attempt.protocolName)
            return .busy
        }
    }
}

/// The operating system's source of chance.
package let systemRandom: RandomOctets = { count in
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}

/// A real delay, which cancellation ends.
package let realPause: @Sendable (Duration) async -> Void = { duration in
    // try?: cancelled, it has waited long enough.
    try? await Task.sleep(for: duration)
}
