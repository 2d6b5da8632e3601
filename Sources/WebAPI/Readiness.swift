package import Logging
package import MailModel
import Synchronization

/// Whether the server can do its work, by checks that take time.
///
/// However often and by however many it is asked, there is one round of checks at a time and one a second, and a check that hangs is begun once.
package final class Readiness: Sendable {
    private struct Round {
        let second: Timestamp
        let outcomes: Task<[HealthCheck.Outcome], Never>
        var isOver = false
    }

    private struct State {
        var round: Round?
        /// Checks that have not ended, by their place.
        var running: Set<Int> = []
        /// As the log was told last.
        var told: [HealthCheck.Outcome]
    }

    private enum Event {
        case ended(Int, HealthCheck.Outcome, reason: String?)
        case time
    }

    package let checks: [HealthCheck]
    private let deadline: Duration
    private let clock: Timestamp.Clock
    private let pause: @Sendable (Duration) async -> Void
    private let log: Logger
    private let state: Mutex<State>

    /// - parameters:
    ///   - deadline: for all checks together.
    ///   - pause: returns after that time, or when its task is cancelled.
    package init(
        _ checks: [HealthCheck], deadline: Duration = .seconds(2), clock: @escaping Timestamp.Clock, pause: @escaping @Sendable (Duration) async -> Void,
        log: Logger
    ) {
        self.checks = checks
        self.deadline = deadline
        self.clock = clock
        self.pause = pause
        self.log = log
        state = Mutex(State(told: checks.map { _ in .ok }))
    }

    /// As of this second, in the order of the checks.
    package func outcomes() async -> [HealthCheck.Outcome] {
        let now = clock()
        let outcomes = state.withLock { state in
            if let round = state.round, !round.isOver || round.second == now { return round.outcomes }
            let round = Round(
                second: now,
                outcomes: Task {
                    let outcomes = await look()
                    self.state.withLock { $0.round?.isOver = true }
                    return outcomes
                })
            state.round = round
            return round.outcomes
        }
        return await outcomes.value
    }

    private func look() async -> [HealthCheck.Outcome] {
        let (events, sink) = AsyncStream.makeStream(of: Event.self)
        let begun = state.withLock { state in
            let idle = Set(checks.indices).subtracting(state.running)
            state.running.formUnion(idle)
            return idle
        }
        for place in begun {
            Task {
                let event = await ended(place)
                _ = self.state.withLock { $0.running.remove(place) }
                sink.yield(event)
            }
        }
        let timer = Task {
            await pause(deadline)
            sink.yield(.time)
        }
        defer { timer.cancel() }
        var outcomes = checks.map { _ in HealthCheck.Outcome.late }
        var reasons: [Int: String] = [:]
        var left = begun.count
        var arrivals = events.makeAsyncIterator()
        while left > 0, case .ended(let place, let outcome, let reason)? = await arrivals.next() {
            outcomes[place] = outcome
            reasons[place] = reason
            left -= 1
        }
        tell(outcomes, reasons)
        return outcomes
    }

    private func ended(_ place: Int) async -> Event {
        do {
            try await checks[place].look()
            return .ended(place, .ok, reason: nil)
        } catch { return .ended(place, .failing, reason: "\(error)") }
    }

    /// The log is told of changes.
    private func tell(_ outcomes: [HealthCheck.Outcome], _ reasons: [Int: String]) {
        let before = state.withLock { state in
            defer { state.told = outcomes }
            return state.told
        }
        for (place, outcome) in outcomes.enumerated() where outcome != before[place] {
            var metadata: Logger.Metadata = ["check": "\(checks[place].name)"]
            if let reason = reasons[place] { metadata["reason"] = "\(reason)" }
            switch outcome {
            case .ok: log.notice("The server is well again", metadata: metadata)
            case .failing: log.error("The server is not well", metadata: metadata)
            case .late: log.error("The server is not well: a check does not end", metadata: metadata)
            }
        }
    }
}
