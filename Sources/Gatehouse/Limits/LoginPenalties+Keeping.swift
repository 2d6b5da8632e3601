import Logging
import MailModel
import Storage

/// What of the penalties lies under a key of `Keyspace.loginPenalties`.
enum PenaltyKey: Hashable, Sendable {
    case address(UInt64)
    case pair(PairKey)
    case order(Network)

    /// `a` and a site's number, `p` and an account's tag and a network's number, `o` and a network.
    var text: String {
        func digits(_ number: UInt64) -> String { String(number, radix: 16) }
        return switch self {
        case .address(let site): "a " + digits(site)
        case .pair(let key): "p \(digits(key.account)) \(digits(key.network))"
        case .order(let network): "o \(network)"
        }
    }

    init?(_ text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        let numbers = parts.dropFirst().compactMap { UInt64($0, radix: 16) }
        switch (parts.first ?? "", parts.count, numbers.count) {
        case ("a", 2, 1): self = .address(numbers[0])
        case ("p", 3, 2): self = .pair(PairKey(account: numbers[0], network: numbers[1]))
        case ("o", 2, _):
            guard let network = Network(parts[1]) else { return nil }
            self = .order(network)
        default: return nil
        }
    }
}

/// Keeping it over a start: values are numbers and words between blanks, moments in seconds since 1970.
extension LoginPenalties {
    /// Changes of one write.
    private static let batch = 2_000
    /// Changes that wait for it, of what is no ban and no lockout.
    private static let mostWaiting = 20_000

    /// Something under `key` has changed. `isGrave`: it is a ban or a lockout, or the end of one.
    func note(_ key: PenaltyKey, isGrave: Bool, _ state: inout State) {
        guard store != nil else { return }
        guard isGrave || state.kept.contains(key) || state.changed.count < LoginPenalties.mostWaiting && state.kept.count < settings.keptCapacity else {
            return
        }
        state.changed.insert(key)
    }

    /// Reads what was kept. What cannot be read is told and left out.
    package func load() {
        guard let store else { return }
        do {
            let values = try store.values(in: .loginPenalties)
            let (now, offset) = (now, wallOffset)
            let unread = state.withLock { state in
                values.count { text, value in
                    guard let key = PenaltyKey(text) else { return true }
                    state.kept.insert(key)
                    return !take(key, String(decoding: value, as: UTF8.self), &state, now, offset)
                }
            }
            if unread > 0 { log.error("Of \(values.count) kept bans and lockouts \(unread) cannot be read and do not hold") }
        } catch {
            log.error("Bans and lockouts from before this start cannot be read and do not hold: \(error)")
        }
    }

    /// Writes what has changed. What cannot be written now is tried again the next time.
    package func save() async {
        guard store != nil else { return }
        var waiting = state.withLock { Array($0.changed) }[...]
        while !waiting.isEmpty {
            let keys = waiting.prefix(LoginPenalties.batch)
            waiting = waiting.dropFirst(keys.count)
            do { try await write(Array(keys)) } catch {
                log.error("Bans and lockouts would not survive a start: \(error)")
                return
            }
        }
    }

    /// Writes one thing.
    func save(_ key: PenaltyKey) async throws {
        guard store != nil else { return }
        try await write([key])
    }

    private func write(_ keys: [PenaltyKey]) async throws {
        guard let store else { return }
        let offset = wallOffset
        let changes = state.withLock { state in
            keys.map { key in
                state.changed.remove(key)
                return KeyValueChange(.loginPenalties, key.text, value(of: key, state, offset).map { Array($0.utf8) })
            }
        }
        do {
            try await store.change(changes)
        } catch {
            state.withLock { $0.changed.formUnion(keys) }
            throw error
        }
        state.withLock { state in
            for (key, change) in zip(keys, changes) {
                if change.value == nil { state.kept.remove(key) } else { state.kept.insert(key) }
            }
        }
    }

    /// Saves and forgets what is over, until it is cancelled.
    package func keep(every interval: Duration = .seconds(5), cleanup: Duration, pause: @Sendable (Duration) async -> Void = realPause) async {
        var passed = Duration.zero
        while !Task.isCancelled {
            await pause(interval)
            passed += interval
            if passed >= cleanup {
                passed = .zero
                forgetOver()
            }
            await save()
        }
    }

    /// Forgets what no longer counts (S41).
    package func forgetOver() {
        let now = now
        let shares = state.withLock { ($0.addresses.shareCount, $0.pairs.shareCount) }
        for share in 0..<shares.0 {
            state.withLock { state in
                for (site, record) in state.addresses.entries(ofShare: share) where isOver(record, now) {
                    state.addresses.remove(site)
                    forget(.address(site), &state)
                }
            }
        }
        for share in 0..<shares.1 {
            state.withLock { state in
                for (key, pair) in state.pairs.entries(ofShare: share) where isOver(pair, now) {
                    state.pairs.remove(key)
                    forget(.pair(key), &state)
                }
            }
        }
        state.withLock { state in
            for (network, order) in state.orders.all where !order.holds(at: now) {
                state.orders[network] = nil
                forget(.order(network), &state)
            }
        }
    }

    func forget(_ key: PenaltyKey, _ state: inout State) {
        if state.kept.contains(key) { state.changed.insert(key) } else { state.changed.remove(key) }
    }

    // MARK: Forms

    private func value(of key: PenaltyKey, _ state: State, _ offset: Int64) -> String? {
        func moment(_ second: PenaltySecond) -> Int64 { second == 0 ? 0 : Int64(second) + offset }
        switch key {
        case .address(let site):
            guard let record = state.addresses[site] else { return nil }
            return "1 \(record.score.tenths) \(moment(record.score.began)) \(moment(record.until)) \(record.strikes)"
        case .pair(let key):
            guard let pair = state.pairs[key] else { return nil }
            let secrets = pair.secrets
            return "1 \(pair.score.tenths) \(moment(pair.score.began)) \(moment(pair.until)) \(pair.strikes) \(moment(pair.seen)) "
                + "\(secrets.0) \(secrets.1) \(secrets.2) \(secrets.3)"
        case .order(let network):
            guard let order = state.orders[network] else { return nil }
            return "1 \(order.until.map { moment($0) } ?? 0) \(moment(order.since)) \(order.origin.rawValue) \(order.reason)"
        }
    }

    private func take(_ key: PenaltyKey, _ text: String, _ state: inout State, _ now: PenaltySecond, _ offset: Int64) -> Bool {
        let parts = text.split(separator: " ", maxSplits: 9, omittingEmptySubsequences: false)
        let numbers = parts.map { Int64($0) }
        guard numbers.first == 1 else { return false }
        /// A clock that was wrong lengthens nothing beyond `longest`, and nothing has begun after now.
        func second(_ moment: Int64, most longest: Duration = .zero) -> PenaltySecond {
            guard moment > 0 else { return 0 }
            return PenaltySecond(clamping: max(1, min(moment - offset, Int64(now) + longest.components.seconds)))
        }
        func score(_ tenths: Int64, _ began: Int64) -> FailureScore { FailureScore(tenths: UInt16(clamping: tenths), began: second(began)) }
        switch key {
        case .address(let site):
            let known = numbers.compactMap(\.self)
            guard known.count == 5, parts.count == 5 else { return false }
            var record = AddressRecord()
            record.score = score(known[1], known[2])
            record.until = second(known[3], most: settings.longestBan)
            record.strikes = UInt8(clamping: known[4])
            return state.addresses.set(record, at: site, rank: { _ in .max }) != nil
        case .pair(let key):
            let known = numbers.compactMap(\.self)
            guard known.count == 10, parts.count == 10 else { return false }
            var pair = PairRecord()
            pair.score = score(known[1], known[2])
            pair.until = second(known[3], most: settings.longestLockout)
            pair.strikes = UInt8(clamping: known[4])
            pair.seen = second(known[5])
            pair.secrets = (UInt32(clamping: known[6]), UInt32(clamping: known[7]), UInt32(clamping: known[8]), UInt32(clamping: known[9]))
            return state.pairs.set(pair, at: key, rank: { _ in .max }) != nil
        case .order(let network):
            let words = text.split(separator: " ", maxSplits: 4, omittingEmptySubsequences: false)
            guard words.count == 5, let until = numbers[1], let since = numbers[2], let origin = OrderedBan.Origin(rawValue: String(words[3])) else {
                return false
            }
            let end = until == 0 ? nil : PenaltySecond(clamping: max(1, until - offset))
            state.orders[network] = OrderedBan(until: end, origin: origin, reason: String(words[4]), since: second(since))
            return true
        }
    }
}
