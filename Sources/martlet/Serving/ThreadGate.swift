import Dispatch

/// Holds a blocking thread until somebody opens it; once.
final class ThreadGate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func wait() { semaphore.wait() }
    func open() { semaphore.signal() }
}
