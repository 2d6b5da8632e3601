import NIOCore

extension Threads {
    /// Has `record` told, again and again while the loops run, how late each of them was with a task: so long its connections wait for a turn. It is called on the
    /// loops.
    /// - parameter interval: between two looks at one loop.
    package func watchLateness(every interval: Duration = .milliseconds(500), _ record: @escaping @Sendable (Duration) -> Void) {
        for loop in group.makeIterator() { LoopLateness(loop, every: TimeAmount(interval), record).lookAgain() }
    }
}

/// Asks a loop for a task at a certain time, and looks when it came.
final class LoopLateness: Sendable {
    private let loop: any EventLoop
    private let interval: TimeAmount
    private let clock: @Sendable () -> NIODeadline
    private let record: @Sendable (Duration) -> Void

    init(
        _ loop: any EventLoop, every interval: TimeAmount, clock: @escaping @Sendable () -> NIODeadline = { .now() },
        _ record: @escaping @Sendable (Duration) -> Void
    ) {
        self.loop = loop
        self.interval = interval
        self.clock = clock
        self.record = record
    }

    /// Until the loop ends.
    func lookAgain() {
        let due = clock() + interval
        loop.scheduleTask(in: interval) { [self] in
            record(.nanoseconds(max(0, (clock() - due).nanoseconds)))
            lookAgain()
        }
    }
}
