package import MailModel

/// A ban that is no single address's own.
struct OrderedBan: Hashable, Sendable {
    /// Nil: for ever.
    var until: PenaltySecond?
    var origin: Origin
    var reason: String
    var since: PenaltySecond

    enum Origin: String, Sendable {
        /// An administrator's.
        case order
        /// Parts of it are banned.
        case neighbours
    }

    var isEndless: Bool { until == nil }
    func holds(at now: PenaltySecond) -> Bool { until.map { $0 > now } ?? true }
}

/// They are found by the lengths of prefix that there are, few of which differ.
struct OrderedBans: Sendable {
    private(set) var all: [Network: OrderedBan] = [:]
    private var lengths: [Int: Int] = [:]

    var count: Int { all.count }

    subscript(network: Network) -> OrderedBan? {
        get { all[network] }
        set {
            let had = all[network] != nil
            all[network] = newValue
            guard had != (newValue != nil) else { return }
            let count = (lengths[network.bits] ?? 0) + (had ? -1 : 1)
            lengths[network.bits] = count > 0 ? count : nil
        }
    }

    /// Those that an address is in, the narrowest first.
    func around(_ address: IPAddress, at now: PenaltySecond) -> [Network] {
        lengths.keys.sorted(by: >).map { Network(address, bits: $0) }.filter { all[$0]?.holds(at: now) ?? false }
    }

    func holds(for address: IPAddress, at now: PenaltySecond) -> Bool {
        lengths.keys.contains { all[Network(address, bits: $0)]?.holds(at: now) ?? false }
    }
}

/// A ban as administrators see it.
package struct Ban: Hashable, Sendable {
    package enum Origin: String, Sendable { case failures, neighbours, order }

    package let network: Network
    package let origin: Origin
    /// Nil: for ever.
    package let until: Timestamp?
    package let reason: String
}

extension LoginPenalties {
    /// Orders that are kept at a time.
    package static let mostOrders = 10_000
    /// Octets of UTF-8.
    package static let longestReason = 200

    /// What an administrator is told no to.
    package enum OrderFault: Error, Equatable, CustomStringConvertible {
        case exempt(Network)
        case notBanned(Network, within: [Network])
        case tooMany

        package var description: String {
            switch self {
            case .exempt(let network): "\(network) is exempt or a proxy's (limits.exempt): it is never banned"
            case .notBanned(let network, []): "\(network) is not banned"
            case .notBanned(let network, let within): "\(network) is not banned by itself, but \(within.map(\.description).joined(separator: ", ")) is"
            case .tooMany: "\(LoginPenalties.mostOrders) bans are ordered already; remove some, or use the firewall"
            }
        }
    }

    /// Closes the door to a network at once, durable on return. `time` nil: for ever.
    package func ban(_ network: Network, for time: Duration?, reason: String) async throws {
        guard !isExempted(network.address) else { throw OrderFault.exempt(network) }
        let now = now
        try state.withLock { state in
            guard state.orders.count < LoginPenalties.mostOrders || state.orders[network] != nil else { throw OrderFault.tooMany }
            let until = time.map { now + min(LoginPenalties.seconds($0), .max / 4) }
            state.orders[network] = OrderedBan(until: until, origin: .order, reason: reason, since: now)
            note(.order(network), isGrave: true, &state)
        }
        metrics.bans.add()
        try await save(.order(network))
    }

    /// Opens the door again, durable on return; an address that had failed too often begins anew.
    package func unban(_ network: Network) async throws {
        let now = now
        let removed: [PenaltyKey] = try state.withLock { state in
            var removed: [PenaltyKey] = []
            if let order = state.orders[network], order.holds(at: now) {
                state.orders[network] = nil
                removed.append(.order(network))
            }
            let site = network.address.siteNumber
            if network.isSingleAddress || network == Network(number: site), let record = state.addresses[site], record.until > now {
                state.addresses.remove(site)
                removed.append(.address(site))
            }
            guard !removed.isEmpty else {
                throw OrderFault.notBanned(network, within: state.orders.around(network.address, at: now))
            }
            for key in removed { note(key, isGrave: true, &state) }
            return removed
        }
        for key in removed { try await save(key) }
    }

    /// Bans of now, those by order first, `most` at most; and how many there are.
    package func bans(most: Int) -> (bans: [Ban], count: Int) {
        let (now, offset) = (now, wallOffset)
        func moment(_ until: PenaltySecond) -> Timestamp { Timestamp(rawValue: Int64(until) + offset) }
        var found: [Ban] = state.withLock { $0.orders.all }.filter { $0.value.holds(at: now) }.map { network, order in
            Ban(network: network, origin: order.origin == .order ? .order : .neighbours, until: order.until.map(moment), reason: order.reason)
        }
        found.sort { $0.network.description < $1.network.description }
        var count = found.count
        for share in 0..<state.withLock({ $0.addresses.shareCount }) {
            for (site, record) in state.withLock({ $0.addresses.entries(ofShare: share) }) where record.until > now {
                count += 1
                guard found.count < most else { continue }
                found.append(Ban(network: Network(number: site), origin: .failures, until: moment(record.until), reason: "ban \(record.strikes) of it"))
            }
        }
        return (Array(found.prefix(most)), count)
    }

    package var banCount: Int { bans(most: 0).count }

    /// Pairs that are locked.
    package var lockoutCount: Int {
        let now = now
        return (0..<state.withLock { $0.pairs.shareCount }).reduce(0) { count, share in
            count + state.withLock { $0.pairs.entries(ofShare: share) }.values.count { $0.until > now }
        }
    }

    /// Forgets an account's failures, wherever they came from, durable on return. The networks in which it was locked.
    package func unlock(_ name: AccountName) async throws -> [Network] {
        let (now, tag) = (now, accountTag(name))
        var locked: [Network] = []
        for share in 0..<state.withLock({ $0.pairs.shareCount }) {
            let removed = state.withLock { state in
                let own = state.pairs.entries(ofShare: share).filter { $0.key.account == tag }
                for key in own.keys {
                    state.pairs.remove(key)
                    note(.pair(key), isGrave: true, &state)
                }
                return own
            }
            locked += removed.filter { $0.value.until > now }.map { Network(number: $0.key.network) }
            for key in removed.keys { try await save(.pair(key)) }
        }
        return locked.sorted { $0.description < $1.description }
    }
}
