package import Conversation
import Logging
package import MailModel
import Synchronization

/// How often one client asks by HTTP, whatever the connections and the listener (S42). IPv6 addresses count by their /64; behind a proxy that is believed it is
/// the client that is counted.
package final class RequestRates: Sendable {
    private struct Visitor {
        let began: ContinuousClock.Instant
        var usual = 0
        var generous = 0
    }

    private struct State {
        var visitors: [IPAddress: Visitor] = [:]
        var swept: ContinuousClock.Instant
    }

    /// Clients that are remembered; past it, new ones are not counted until a sweep makes room.
    private static let memory = 200_000
    /// What is asked for again and again by machines may be asked for so many times as often.
    private static let generosity = 10

    private let limits: Doorkeeper.Limits
    private let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant
    private let isBanned: @Sendable (IPAddress) -> Bool
    private let state: Mutex<State>

    init(
        _ limits: Doorkeeper.Limits, _ logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant, isBanned: @escaping @Sendable (IPAddress) -> Bool
    ) {
        self.limits = limits
        self.logger = logger
        self.now = now
        self.isBanned = isBanned
        state = Mutex(State(swept: now()))
    }

    /// Counts a request: nil when it is to be answered; else the seconds after which the client may ask again.
    package func ask(_ client: IPAddress, _ rate: HTTPRoute.Rate) -> Int? {
        guard !limits.isExempt(client) else { return nil }
        // Behind a proxy, whose connections are let in.
        if isBanned(client) { return Int(limits.window.components.seconds) }
        let moment = now()
        let (wait, isFirst) = state.withLock { count(client.site, rate, moment, &$0) }
        if isFirst { logger.warning("Rate limit exceeded for IP: \(client)") }
        return wait
    }

    private func count(_ site: IPAddress, _ rate: HTTPRoute.Rate, _ moment: ContinuousClock.Instant, _ state: inout State) -> (Int?, Bool) {
        let isFull = state.visitors.count >= Self.memory && state.visitors[site] == nil
        if moment - state.swept >= limits.sweep || isFull && moment - state.swept >= limits.window { sweep(moment, &state) }
        if state.visitors.count >= Self.memory, state.visitors[site] == nil { return (nil, false) }
        var visitor = state.visitors[site] ?? Visitor(began: moment)
        if moment - visitor.began >= limits.window { visitor = Visitor(began: moment) }
        defer { state.visitors[site] = visitor }
        let (asked, most): (Int, Int)
        switch rate {
        case .usual:
            visitor.usual += 1
            (asked, most) = (visitor.usual, limits.requests)
        case .generous:
            visitor.generous += 1
            (asked, most) = (visitor.generous, limits.requests * Self.generosity)
        }
        guard asked > most else { return (nil, false) }
        let left = limits.window - (moment - visitor.began)
        return (max(1, Int(left.components.seconds) + (left.components.attoseconds > 0 ? 1 : 0)), asked == most + 1)
    }

    /// Forgets clients whose window is over. How many there were.
    @discardableResult
    func sweep() -> Int {
        let moment = now()
        return state.withLock { sweep(moment, &$0) }
    }

    @discardableResult
    private func sweep(_ moment: ContinuousClock.Instant, _ state: inout State) -> Int {
        let before = state.visitors.count
        state.swept = moment
        state.visitors = state.visitors.filter { moment - $0.value.began < limits.window }
        return before - state.visitors.count
    }
}
