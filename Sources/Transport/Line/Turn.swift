package import NIOCore

/// What a connection has done since the others on its event loop had their turn.
struct Turn {
    private(set) var steps = 0
    /// Octets that were inflated.
    var inflated = 0
    private let begin: NIODeadline

    init(_ now: NIODeadline) { begin = now }

    mutating func step() { steps += 1 }

    /// True when the connection has had its share: what is left to do waits. A turn in which nothing was done is never over.
    func isOver(_ budget: TurnBudget) -> Bool {
        guard steps > 0 else { return false }
        return steps >= budget.steps || inflated >= budget.inflated || budget.clock() - begin >= budget.time
    }
}

/// What a connection may do before others have their turn.
package struct TurnBudget: Sendable {
    /// Steps of the session: a command each, or a piece of a message.
    package var steps = 64
    /// Octets of input that may be inflated.
    package var inflated = 64 << 10
    /// Octets of output of work under way; what is deflated counts eight times.
    package var output = 1 << 20
    package var time = TimeAmount.microseconds(500)
    package var clock: @Sendable () -> NIODeadline = { .now() }

    package init() {}
}
