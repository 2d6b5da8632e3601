import Synchronization

/// A clock that stands still until it is moved.
final class HandClock: Sendable {
    private let instant: Mutex<ContinuousClock.Instant>

    init(_ start: ContinuousClock.Instant) { instant = Mutex(start) }

    var now: ContinuousClock.Instant { instant.withLock { $0 } }
    func move(_ time: Duration) { instant.withLock { $0 += time } }
}
