import Synchronization

/// Who waits for which comparison: a client that opens ten connections at once asks one question ten times.
final class SharedAnswers: Sendable {
    typealias Waiter = CheckedContinuation<Result<Bool, HashingFault>, Never>

    enum Place {
        /// Nobody has asked yet: the caller sees to the answer.
        case first
        case joined
        /// Too many wait.
        case refused
    }

    private struct State {
        var waiters: [[UInt8]: [Waiter]] = [:]
        var count = 0
    }

    private let state = Mutex(State())
    /// All who may wait, over all questions.
    static let capacity = 4_096

    func wait(for question: [UInt8], _ waiter: Waiter) -> Place {
        state.withLock { state in
            guard state.count < SharedAnswers.capacity else { return .refused }
            state.count += 1
            let isFirst = state.waiters[question] == nil
            state.waiters[question, default: []].append(waiter)
            return isFirst ? .first : .joined
        }
    }

    func answer(_ question: [UInt8], _ answer: Result<Bool, HashingFault>) {
        let waiters = state.withLock { state in
            let waiters = state.waiters.removeValue(forKey: question) ?? []
            state.count -= waiters.count
            return waiters
        }
        for waiter in waiters { waiter.resume(returning: answer) }
    }
}
