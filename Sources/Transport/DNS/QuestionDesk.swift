import Conversation
import Glibc
import Synchronization

/// Where questions are handed to the resolver's thread, and answers back. Whoever asks is woken exactly once: by the answer, its own cancellation or the end.
final class QuestionDesk: Sendable {
    typealias Answer = DNSAnswer<[UInt8]>
    typealias Waiter = CheckedContinuation<Answer, any Error>

    struct Question: Sendable {
        let id: UInt64
        /// As libunbound reads names.
        let name: String
        let type: RecordType
    }

    /// What the thread finds when it looks.
    struct Delivery {
        var questions: [Question]
        var isClosed: Bool
    }

    private struct State {
        var waiters: [UInt64: Waiter] = [:]
        var new: [Question] = []
        var closers: [CheckedContinuation<Void, Never>] = []
        var isClosed = false
        var hasEnded = false
    }

    private let state = Mutex(State())
    private let lastID = Atomic<UInt64>(0)
    /// The thread polls one end; an octet in it says that there is something new.
    let reading: Int32
    private let writing: Int32

    /// All who may wait.
    static let capacity = 20_000
    private static let closed = ResolverFault.unavailable("the resolver is closed")

    init() throws(UnboundContext.Fault) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw UnboundContext.Fault(description: "no pipe could be made: \(String(cString: strerror(errno)))") }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        _ = Glibc.close(reading)
        _ = Glibc.close(writing)
    }

    func ask(_ name: String, _ type: RecordType) async throws -> Answer {
        let question = Question(id: lastID.add(1, ordering: .relaxed).newValue, name: name, type: type)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                if let refusal = take(question, waiter) { waiter.resume(throwing: refusal) }
                // The handler may have run before there was anything to end.
                if Task.isCancelled { finish(question.id, .failure(CancellationError())) }
            }
        } onCancel: {
            finish(question.id, .failure(CancellationError()))
        }
    }

    private func take(_ question: Question, _ waiter: Waiter) -> ResolverFault? {
        state.withLock { state in
            guard !state.isClosed else { return QuestionDesk.closed }
            guard state.waiters.count < QuestionDesk.capacity else { return .unavailable("too many questions wait") }
            state.waiters[question.id] = waiter
            state.new.append(question)
            if state.new.count == 1 { wake() }
            return nil
        }
    }

    func finish(_ id: UInt64, _ result: Result<Answer, any Error>) {
        state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(with: result)
    }

    /// Whether anybody still waits for it.
    func isAwaited(_ id: UInt64) -> Bool { state.withLock { $0.waiters[id] != nil } }

    /// What came since the last time. The thread alone calls it.
    func collect() -> Delivery {
        var octets: (UInt64, UInt64) = (0, 0)
        while read(reading, &octets, 16) > 0 {}
        return state.withLock { state in
            defer { state.new = [] }
            return Delivery(questions: state.new, isClosed: state.isClosed)
        }
    }

    /// Ends what waits, and tells the thread.
    func close() {
        let waiters = state.withLock { state in
            defer { state.waiters = [:] }
            state.isClosed = true
            wake()
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume(throwing: QuestionDesk.closed) }
    }

    /// Returns when the thread has ended.
    func ended() async {
        await withCheckedContinuation { closer in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.closers.append(closer) }
                return state.hasEnded
            }
            if hasEnded { closer.resume() }
        }
    }

    /// The thread's last word.
    func end() {
        let closers = state.withLock { state in
            defer { state.closers = [] }
            state.hasEnded = true
            return state.closers
        }
        for closer in closers { closer.resume() }
    }

    /// A full pipe wakes as well.
    private func wake() {
        var octet: UInt8 = 1
        _ = write(writing, &octet, 1)
    }
}
