import Glibc
package import Logging
package import MailModel
import Synchronization

/// Lets connections in, or not: so many at once in all, so many at once and so many a minute from one address (S42, S83, S84).
/// One serves several listeners. IPv6 addresses count by their /64.
package final class Doorkeeper: Sendable {
    package struct Limits: Hashable, Sendable {
        /// Connections at once.
        package var total: Int = Limits.descriptors
        /// Connections at once from one address.
        package var perAddress: Int = 200
        /// New connections from one address in a `window`.
        package var rate: Int = 100
        package var window: Duration = .seconds(60)
        /// Requests by HTTP of one client in a `window`.
        package var requests: Int = 100
        /// How often what is no longer counted is forgotten.
        package var sweep: Duration = .seconds(300)
        /// Addresses that only `total` holds for.
        package var exempt: NetworkList = .loopback
        /// Proxies: for them too only `total` holds. Whom they pass on is counted by their own address.
        package var proxies: [NetworkList] = []

        /// Whether only `total` holds for it.
        package func isExempt(_ address: IPAddress) -> Bool { exempt.contains(address) || proxies.contains { $0.contains(address) } }

        package init() {}

        /// Three quarters of the file descriptors this process may have; the rest is for the store and the log.
        package static var descriptors: Int {
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 768 }
            return Int(clamping: min(limit.rlim_cur, 1 << 20) / 4 * 3)
        }
    }

    /// Why a connection is not let in.
    package enum Refusal: Hashable, Sendable {
        case tooManyConnections, tooManyFromAddress, tooFast
        /// The door is closed to it for a while.
        case banned
    }

    private struct Visitor {
        var connections = 0
        var windowBegan: ContinuousClock.Instant
        var arrivals = 0
    }

    private struct State {
        var total = 0
        var visitors: [IPAddress: Visitor] = [:]
        var swept: ContinuousClock.Instant
    }

    /// Addresses that are remembered; past it, new ones are let in uncounted until a sweep makes room.
    private static let memory = 200_000

    let limits: Limits
    private let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant
    private let isBanned: @Sendable (IPAddress) -> Bool
    /// Of all listeners for HTTP together.
    package let requests: RequestRates
    private let state: Mutex<State>
    private let numbers = Atomic<UInt64>(0)

    /// `isBanned` is asked of every connection but those of exempt addresses and of programs of this machine; it waits for nothing.
    package init(
        _ limits: Limits = Limits(), logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        isBanned: @escaping @Sendable (IPAddress) -> Bool = { _ in false }
    ) {
        self.limits = limits
        self.isBanned = isBanned
        requests = RequestRates(limits, logger, now: now, isBanned: isBanned)
        self.logger = logger
        self.now = now
        state = Mutex(State(swept: now()))
    }

    /// A number that no other connection through this door has.
    func number() -> UInt64 { numbers.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Connections inside.
    package var connections: Int { state.withLock { $0.total } }

    /// Counts a connection from `address`: nil when it may come in; each of those must `leave`.
    /// `isLocal`: a program of this machine, by a socket that has no address.
    package func enter(_ address: IPAddress, isLocal: Bool = false) -> Refusal? {
        let moment = now()
        if !isLocal, !limits.isExempt(address), isBanned(address) { return .banned }
        let (refusal, isFirst) = state.withLock { enter(address.site, isExempt: limits.isExempt(address), moment, &$0) }
        if isFirst { logger.warning("Rate limit exceeded for IP: \(address)") }
        sweepIfDue(moment)
        return refusal
    }

    /// The refusal, and whether it is the first for this rate in this window (a flood is one line in the log).
    private func enter(
        _ site: IPAddress, isExempt: Bool, _ moment: ContinuousClock.Instant, _ state: inout State
    ) -> (Refusal?, Bool) {
        if isExempt || (state.visitors.count >= Self.memory && state.visitors[site] == nil) {
            guard state.total < limits.total else { return (.tooManyConnections, false) }
            state.total += 1
            return (nil, false)
        }
        var visitor = state.visitors[site] ?? Visitor(windowBegan: moment)
        if moment - visitor.windowBegan >= limits.window {
            visitor.windowBegan = moment
            visitor.arrivals = 0
        }
        visitor.arrivals += 1
        defer { state.visitors[site] = visitor }
        if visitor.arrivals > limits.rate { return (.tooFast, visitor.arrivals == limits.rate + 1) }
        if visitor.connections >= limits.perAddress { return (.tooManyFromAddress, false) }
        guard state.total < limits.total else { return (.tooManyConnections, false) }
        visitor.connections += 1
        state.total += 1
        return (nil, false)
    }

    package func leave(_ address: IPAddress) {
        let isExempt = limits.isExempt(address)
        state.withLock { state in
            state.total = max(0, state.total - 1)
            guard !isExempt, var visitor = state.visitors[address.site] else { return }
            visitor.connections = max(0, visitor.connections - 1)
            state.visitors[address.site] = visitor
        }
    }

    private func sweepIfDue(_ moment: ContinuousClock.Instant) {
        let isDue = state.withLock { moment - $0.swept >= limits.sweep || $0.visitors.count >= Self.memory && moment - $0.swept >= limits.window }
        if isDue { sweep() }
    }

    /// Forgets addresses that are not connected and whose window is over. Runs by itself as connections come; `Listeners` sees to it in quiet times.
    package func sweep() {
        let moment = now()
        let removed = state.withLock { state in
            let before = state.visitors.count
            state.swept = moment
            state.visitors = state.visitors.filter { $0.value.connections > 0 || moment - $0.value.windowBegan < limits.window }
            return before - state.visitors.count
        }
        requests.sweep()
        if removed > 0 { logger.info("Rate limit cleanup: removed \(removed) expired entries") }
    }
}
