import Crypto
package import Logging
package import MailModel
package import Storage
import Synchronization

/// What failed logins lead to, beside being told late: lockouts of an account in one network, bans of addresses, alerts.
///
/// - Nobody is locked out by others' failures elsewhere: a lockout is of an account *and* a network (IPv4 /24, IPv6 /64). Where the account has logged in before, each
///   address counts by itself, and has three times as many failures.
/// - A ban is of an address (IPv6: a /64, and a /56 when `Settings.siblings` of its /64 are banned), whatever the accounts. The door refuses it at all ports.
/// - The same wrong secret again counts once; what can be nobody's login counts a tenth; a success forgives what failed for its account.
/// - Exempt addresses, and peers without an address, are never locked or banned; they can raise alerts.
///
/// It survives starts (`save`, `keep`), is bounded, and no call waits for a disk but those that are `async`. See `docs/decisions/0039-limits.md`.
package final class LoginPenalties: Sendable {
    package struct Settings: Sendable {
        /// Failures in a window that lock a pair; 0: none does.
        package var lockoutFailures = 10
        package var lockoutWindow = Duration.seconds(900)
        /// Of the first lockout; each further one takes twice as long.
        package var lockoutDuration = Duration.seconds(900)
        package var longestLockout = Duration.seconds(86_400)
        /// Failures in a window, over any accounts, that ban an address; 0: none does.
        package var banFailures = 50
        package var banWindow = Duration.seconds(3_600)
        package var banDuration = Duration.seconds(3_600)
        package var longestBan = Duration.seconds(7 * 86_400)
        /// /64 networks banned at once that ban their /56.
        package var siblings = 4
        /// More failures of an address in a minute are told as an alert (S91); 0: none is.
        package var alertFailures = 10
        /// Addresses and pairs that are told apart.
        package var addressCapacity = 1_000_000
        package var pairCapacity = 200_000
        /// Of those, kept over a start.
        package var keptCapacity = 50_000

        package init() {}

        var isOn: Bool { lockoutFailures > 0 || banFailures > 0 || alertFailures > 0 }

        /// Nothing is locked, banned or told.
        package static var off: Settings {
            var settings = Settings()
            (settings.lockoutFailures, settings.banFailures, settings.alertFailures) = (0, 0, 0)
            return settings
        }
    }

    struct State {
        var addresses: BoundedTable<UInt64, AddressRecord>
        var pairs: BoundedTable<PairKey, PairRecord>
        /// Bans by hand, and of networks whose parts are banned.
        var orders = OrderedBans()
        /// What is to be written.
        var changed: Set<PenaltyKey> = []
        /// What is on the disk.
        var kept: Set<PenaltyKey> = []
    }

    let settings: Settings
    let log: Logger
    let metrics: GatehouseMetrics
    let store: (any KeyValueStore)?
    let clock: Timestamp.Clock
    let state: Mutex<State>
    private let monotonic: @Sendable () -> ContinuousClock.Instant
    private let origin: ContinuousClock.Instant
    private let isExempt: @Sendable (IPAddress) -> Bool
    private let offset = Mutex<Int64?>(nil)
    private let accountKey: SymmetricKey
    private let secretKey: SymmetricKey

    /// Where a known account and address fail so many times more often before they are locked.
    private static let patience: UInt16 = 3
    /// Room for moments before the start.
    private static let start: PenaltySecond = 1 << 30

    /// - parameters:
    ///   - key: a secret of the server, the same after a start, by which names and secrets are made tags.
    ///   - store: where it is kept; nil: in memory alone.
    ///   - isExempt: who is never locked or banned.
    package init(
        _ settings: Settings = .off, key: [UInt8] = systemRandom(32), store: (any KeyValueStore)? = nil, log: Logger, clock: @escaping Timestamp.Clock,
        monotonic: @escaping @Sendable () -> ContinuousClock.Instant = { .now }, isExempt: @escaping @Sendable (IPAddress) -> Bool = { _ in false },
        metrics: GatehouseMetrics = GatehouseMetrics()
    ) {
        self.settings = settings
        self.store = store
        self.log = log
        self.clock = clock
        self.monotonic = monotonic
        self.isExempt = isExempt
        self.metrics = metrics
        origin = monotonic()
        func derived(_ purpose: String) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(inputKeyMaterial: SymmetricKey(data: key), info: Array(purpose.utf8), outputByteCount: 32)
        }
        accountKey = derived("account")
        secretKey = derived("secret")
        state = Mutex(State(addresses: BoundedTable(capacity: settings.addressCapacity), pairs: BoundedTable(capacity: settings.pairCapacity)))
    }

    var now: PenaltySecond {
        let passed = origin.duration(to: monotonic()).components.seconds
        return LoginPenalties.start + PenaltySecond(clamping: max(0, passed))
    }

    /// What a second of `now` is more, or less, in seconds since 1970. It stays what it was while the wall's clock does not jump, so that the end of a ban is
    /// always shown and kept alike.
    var wallOffset: Int64 {
        let fresh = clock().rawValue - Int64(now)
        return offset.withLock { offset in
            if let kept = offset, abs(fresh - kept) <= 1 { return kept }
            offset = fresh
            return fresh
        }
    }

    package func isExempted(_ address: IPAddress) -> Bool { isExempt(address) }

    // MARK: Trials

    /// What is to be known of somebody who tries to log in.
    ///
    /// - parameters:
    ///   - user: as it was typed.
    ///   - name: the account's name that it means, be there one or not; nil: it can be nobody's.
    ///   - secret: what is compared; nil where that is never seen, and each failure counts.
    package func trial(of user: String, name: AccountName?, secret: Password?, from peer: String) -> LoginTrial {
        let address = IPAddress(peer)
        var tags: (account: UInt64, secret: UInt32) = (0, 0)
        if let name {
            tags.account = accountTag(name)
            if let secret {
                var mac = HMAC<SHA256>(key: secretKey)
                withUnsafeBytes(of: tags.account) { mac.update(data: $0) }
                secret.withOctets { mac.update(data: $0) }
                tags.secret = UInt32(truncatingIfNeeded: LoginPenalties.number(mac.finalize())) | 1
            }
        }
        return LoginTrial(
            user: LoggedName.written(user), address: address, isExempt: address.map(isExempt) ?? true, account: name == nil ? nil : tags.account,
            secret: tags.secret)
    }

    func accountTag(_ name: AccountName) -> UInt64 {
        LoginPenalties.number(HMAC<SHA256>.authenticationCode(for: Array(name.folded.utf8), using: accountKey))
    }

    private static func number(_ code: HMAC<SHA256>.MAC) -> UInt64 { code.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }

    /// Whether nobody is to be asked: the pair is locked or the address banned. It is to be refused in the words and the time of a wrong password.
    package func bars(_ trial: LoginTrial) -> Bool {
        guard let address = trial.address, !trial.isExempt else { return false }
        let now = now
        return state.withLock { state in
            if let key = trial.pair, let pair = state.pairs[key], pair.until > now { return true }
            return isBanned(address, state, now)
        }
    }

    /// Call for each trial that was refused; never for one that was told to try later.
    package func failed(_ trial: LoginTrial) -> LoginSetback {
        guard let address = trial.address, settings.isOn else { return LoginSetback() }
        let now = now
        var setback = state.withLock { state -> LoginSetback in
            var setback = LoginSetback()
            var record = state.addresses[address.siteNumber] ?? AddressRecord()
            setback.isAlert = countMinute(&record, now)
            if !trial.isExempt { judge(trial, address, &record, &state, now, &setback) }
            set(record, at: address.siteNumber, &state, now)
            return setback
        }
        if setback.banned != nil, let wide = banSiblings(of: address, now) { setback.wider = wide }
        tell(setback, trial, address)
        return setback
    }

    /// Call for each trial that succeeded.
    package func succeeded(_ trial: LoginTrial) {
        guard let address = trial.address, !trial.isExempt, let account = trial.account else { return }
        let now = now
        state.withLock { state in
            var forgiven: UInt16 = 0
            for key in Set([address.networkNumber, address.siteNumber].map { PairKey(account: account, network: $0) }) {
                guard let pair = state.pairs[key], pair.until <= now else { continue }
                forgiven += min(pair.score.current(window: lockoutWindow, at: now), .max - forgiven)
                state.pairs.remove(key)
                note(.pair(key), isGrave: false, &state)
            }
            guard forgiven > 0, var record = state.addresses[address.siteNumber] else { return }
            record.score.forgive(forgiven)
            set(record, at: address.siteNumber, &state, now)
        }
    }

    private func judge(
        _ trial: LoginTrial, _ address: IPAddress, _ record: inout AddressRecord, _ state: inout State, _ now: PenaltySecond, _ setback: inout LoginSetback
    ) {
        var isRepeated = false
        if let key = trial.pair {
            var pair = state.pairs[key] ?? PairRecord()
            isRepeated = pair.knows(trial.secret)
            pair.seen = now
            if pair.until > now {
                setback.steps = LoginSetback.mostSteps
            } else {
                if !isRepeated { pair.score.add(FailureScore.whole, window: lockoutWindow, at: now) }
                let failures = pair.score.current(window: lockoutWindow, at: now) / FailureScore.whole
                setback.steps = max(0, Int(failures) - 1)
                let most = settings.lockoutFailures * Int(trial.isKnown ? LoginPenalties.patience : 1)
                if most > 0, failures >= most {
                    let time = lockoutTime.seconds(afterStrikes: pair.strikes)
                    pair.until = now + time
                    pair.strikes += pair.strikes < .max ? 1 : 0
                    pair.score.clear()
                    setback.locked = LoginSetback.Term(network: Network(number: key.network), seconds: time, failures: most)
                }
            }
            if !isRepeated { pair.note(trial.secret) }
            if let forgotten = state.pairs.set(pair, at: key, rank: { rank($0, now) }) {
                for old in forgotten { forget(.pair(old), &state) }
                note(.pair(key), isGrave: setback.locked != nil, &state)
            }
        }
        guard !isRepeated, settings.banFailures > 0, record.until <= now else { return }
        record.score.add(trial.account == nil ? FailureScore.little : FailureScore.whole, window: banWindow, at: now)
        guard record.score.tenths / FailureScore.whole >= settings.banFailures else { return }
        let time = banTime.seconds(afterStrikes: record.strikes)
        record.until = now + time
        record.strikes += record.strikes < .max ? 1 : 0
        record.score.clear()
        setback.banned = LoginSetback.Term(network: Network(number: address.siteNumber), seconds: time, failures: settings.banFailures)
    }

    /// True once in a minute that has more failures than are borne in silence.
    private func countMinute(_ record: inout AddressRecord, _ now: PenaltySecond) -> Bool {
        if record.inMinute == 0 || now - min(record.minuteBegan, now) >= 60 { (record.minuteBegan, record.inMinute) = (now, 0) }
        guard record.inMinute < .max else { return false }
        record.inMinute += 1
        return settings.alertFailures > 0 && Int(record.inMinute) == settings.alertFailures + 1
    }

    /// Bans the /56 of an IPv6 address where enough of its /64 are.
    private func banSiblings(of address: IPAddress, _ now: PenaltySecond) -> LoginSetback.Term? {
        guard !address.isIPv4, let wide = Network(address, prefix: 56) else { return nil }
        return state.withLock { state in
            let banned = address.siblingNumbers.compactMap { state.addresses[$0] }.filter { $0.until > now }
            guard banned.count >= settings.siblings, let until = banned.map(\.until).max(), (state.orders[wide]?.until ?? 0) <= now else { return nil }
            guard state.orders[wide]?.isEndless != true, state.orders.count < 2 * LoginPenalties.mostOrders else { return nil }
            state.orders[wide] = OrderedBan(until: until, origin: .neighbours, reason: "\(banned.count) networks of it are banned", since: now)
            note(.order(wide), isGrave: true, &state)
            return LoginSetback.Term(network: wide, seconds: until - now, failures: banned.count)
        }
    }

    // MARK: Bans

    /// Whether the door is closed to it. Costs some look-ups; waits for nothing.
    package func isBanned(_ address: IPAddress) -> Bool {
        guard !isExempt(address) else { return false }
        let now = now
        return state.withLock { isBanned(address, $0, now) }
    }

    private func isBanned(_ address: IPAddress, _ state: State, _ now: PenaltySecond) -> Bool {
        if let record = state.addresses[address.siteNumber], record.until > now { return true }
        return state.orders.holds(for: address, at: now)
    }

    private func tell(_ setback: LoginSetback, _ trial: LoginTrial, _ address: IPAddress) {
        let facts: Logger.Metadata = ["peer": "\(address)"]
        if setback.isAlert {
            metrics.alerts.add()
            log.error("ALERT: \(settings.alertFailures + 1) logins that failed within a minute from one address", metadata: facts)
        }
        if let term = setback.locked {
            metrics.lockouts.add()
            log.warning("Locked out: \(trial.user) in \(term.network) for \(term.seconds) s, after \(term.failures) wrong passwords", metadata: facts)
        }
        if let term = setback.banned {
            metrics.bans.add()
            log.warning("Banned: \(term.network) for \(term.seconds) s, after \(term.failures) failures", metadata: facts)
        }
        if let term = setback.wider {
            metrics.bans.add()
            log.warning("Banned: \(term.network) for \(term.seconds) s, as \(term.failures) networks of it are", metadata: facts)
        }
    }

    // MARK: What the tables forget

    private func set(_ record: AddressRecord, at site: UInt64, _ state: inout State, _ now: PenaltySecond) {
        guard let forgotten = state.addresses.set(record, at: site, rank: { rank($0, now) }) else { return }
        for old in forgotten { forget(.address(old), &state) }
        if record.score.tenths > 0 || record.strikes > 0 || state.kept.contains(.address(site)) {
            note(.address(site), isGrave: record.until > now, &state)
        }
    }

    /// A ban of now is never forgotten; then who was banned before, who has most failures, and the latest.
    private func rank(_ record: AddressRecord, _ now: PenaltySecond) -> Int {
        if record.until > now { return .max }
        let danger = Int(record.strikes) << 16 | Int(record.score.current(window: banWindow, at: now))
        return danger << 32 | Int(max(record.score.began, record.minuteBegan))
    }

    private func rank(_ pair: PairRecord, _ now: PenaltySecond) -> Int {
        if pair.until > now { return .max }
        return (Int(pair.strikes) << 16 | Int(pair.score.current(window: lockoutWindow, at: now))) << 32 | Int(pair.seen)
    }

    func isOver(_ record: AddressRecord, _ now: PenaltySecond) -> Bool {
        guard record.score.isOver(window: banWindow, at: now), now - min(record.minuteBegan, now) >= 60, record.until <= now else { return false }
        return record.strikes == 0 || now - record.until >= LoginPenalties.seconds(settings.longestBan)
    }

    func isOver(_ pair: PairRecord, _ now: PenaltySecond) -> Bool {
        guard pair.score.isOver(window: lockoutWindow, at: now), pair.until <= now else { return false }
        // So long a wrong secret is known again, and so long the next lockout takes longer.
        return now - min(max(pair.seen, pair.until), now) >= LoginPenalties.seconds(settings.longestLockout)
    }

    var lockoutWindow: PenaltySecond { LoginPenalties.seconds(settings.lockoutWindow) }
    var banWindow: PenaltySecond { LoginPenalties.seconds(settings.banWindow) }
    private var lockoutTime: GrowingTime { GrowingTime(first: settings.lockoutDuration, longest: settings.longestLockout) }
    private var banTime: GrowingTime { GrowingTime(first: settings.banDuration, longest: settings.longestBan) }

    static func seconds(_ time: Duration) -> PenaltySecond { PenaltySecond(clamping: max(0, time.components.seconds)) }
}

/// Somebody's try to log in, as the limits see it.
package struct LoginTrial: Sendable {
    /// As log lines write it.
    let user: String
    /// Nil: a peer without one, as by a UNIX socket.
    let address: IPAddress?
    let isExempt: Bool
    /// Nil: the name can be nobody's.
    let account: UInt64?
    /// 0: unknown.
    let secret: UInt32
    /// The account has logged in from this network lately.
    package var isKnown = false

    /// What is locked. Where the account is known each address counts by itself, so that no neighbour's failures are its own.
    var pair: PairKey? {
        guard let account, let address else { return nil }
        return PairKey(account: account, network: isKnown ? address.siteNumber : address.networkNumber)
    }
}

/// What a failure led to.
package struct LoginSetback: Sendable {
    package struct Term: Equatable, Sendable {
        package let network: Network
        package let seconds: UInt32
        package let failures: Int
    }

    static let mostSteps = 4

    /// Failures of the pair before this one that the delay of the answer grows by.
    package var steps = 0
    /// Just now.
    package var locked: Term?
    package var banned: Term?
    /// The network around it, too.
    package var wider: Term?
    package var isAlert = false

    package init() {}
}
