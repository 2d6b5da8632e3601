import MailModel
import Synchronization

/// A clock that the test moves. Who waits for a moment goes on when it has come.
final class TestClock: Sendable {
    private struct State {
        var now: Timestamp
        var lastID = 0
        var waiting: [Int: (until: Timestamp, continuation: CheckedContinuation<Void, Never>)] = [:]
    }

    private let state: Mutex<State>

    init(_ now: Timestamp = Timestamp(rawValue: 1_795_307_700)) { state = Mutex(State(now: now)) }

    var now: Timestamp { state.withLock { $0.now } }

    /// The next moment that somebody waits for.
    var next: Timestamp? { state.withLock { $0.waiting.values.map(\.until).min() } }

    @Sendable func wait(until time: Timestamp) async {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.now < time, !Task.isCancelled else { return true }
                    state.waiting[id] = (time, continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.continuation.resume()
        }
    }

    func advance(to time: Timestamp) {
        let due = state.withLock { state in
            state.now = max(state.now, time)
            let due = state.waiting.filter { $0.value.until <= state.now }
            for id in due.keys { state.waiting[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    func advance(by seconds: Int64) { advance(to: Timestamp(rawValue: now.rawValue + seconds)) }
}
