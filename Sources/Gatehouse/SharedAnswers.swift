import Synchronization

/// Who waits for which comparison: a client that opens ten connections at once asks one question ten times.
final class SharedAnswers: Sendable {
    typealias Waiter = CheckedContinuation<Result<Comparison, HashingFault>, Never>

    /// What came out, and how many others were served before.
    struct Comparison: Sendable {
        let isRight: Bool
        let waited: Int
    }

    enum Place {
        /// Nobody has asked yet: the caller sees to the answer.
        case first
        case joined
        /// Too many wait.
        case refused
    }

    private struct State {
        var waiters: [[UInt8]: [(waiter: Waiter, site: PeerPlace?)]] = [:]
        var count = 0
        var sites: [PeerPlace: Int] = [:]
    }

    private let state = Mutex(State())
    /// All who may wait, over all questions.
    static let capacity = 4_096
    /// Of one site.
    static let siteCapacity = 256

    func wait(for question: [UInt8], from site: PeerPlace?, _ waiter: Waiter) -> Place {
        state.withLock { state in
            let own = site.flatMap { state.sites[$0] } ?? 0
            guard state.count < SharedAnswers.capacity, own < SharedAnswers.siteCapacity else { return .refused }
            state.count += 1
            if let site { state.sites[site] = own + 1 }
            let isFirst = state.waiters[question] == nil
            state.waiters[question, default: []].append((waiter, site))
            return isFirst ? .first : .joined
        }
    }

    func answer(_ question: [UInt8], _ answer: Result<Comparison, HashingFault>) {
        let waiters = state.withLock { state in
            let waiters = state.waiters.removeValue(forKey: question) ?? []
            state.count -= waiters.count
            for case let site? in waiters.map(\.site) {
                let left = (state.sites[site] ?? 1) - 1
                state.sites[site] = left > 0 ? left : nil
            }
            return waiters
        }
        for (waiter, _) in waiters { waiter.resume(returning: answer) }
    }
}
