import Synchronization
import Threading

/// What becomes of a job of the hashing thread.
enum JobFate: Sendable {
    /// It is its turn; so many others were served while it waited.
    case turn(waited: Int)
    /// It has lost its place to somebody who holds fewer, or the thread stops.
    case displaced
}

/// The one thread that hashes passwords, niced, with a fair queue of bounded length: neither an event loop nor the cooperative pool ever does, and
/// at most one hash's memory is in use.
final class HashingThread: Sendable {
    typealias Job = @Sendable (JobFate) -> Void
    typealias Origin = FairQueue<Job>.Origin

    private let queue: JobQueue

    /// `capacity`: jobs that may wait, beside the one under way.
    init(capacity: Int) {
        queue = JobQueue(capacity: capacity)
        do {
            try BlockingThread.start("martlet-hash", nice: 5) { [queue] in
                while let (job, waited) = queue.pop() { job(.turn(waited: waited)) }
            }
        } catch {
            // Who asks is told `busy`.
            queue.stop()
        }
    }

    deinit { queue.stop() }

    /// Ends the thread behind the hash under way; what waits has lost its place.
    func stop() { queue.stop() }

    /// False, and not called, when there is no place for it; else it is called once.
    func submit(from origin: Origin, _ job: @escaping Job) -> Bool { queue.push(job, from: origin) }
}

private final class JobQueue: Sendable {
    private struct State {
        var jobs: FairQueue<HashingThread.Job>
        var isStopped = false
    }

    private let state: Mutex<State>
    private let ready = Semaphore()

    init(capacity: Int) { state = Mutex(State(jobs: FairQueue(limits: .init(all: capacity)))) }

    func push(_ job: @escaping HashingThread.Job, from origin: HashingThread.Origin) -> Bool {
        let displaced = state.withLock { state in state.isStopped ? nil : state.jobs.push(job, from: origin) }
        guard let displaced else { return false }
        ready.signal()
        for job in displaced { job(.displaced) }
        return true
    }

    /// Waits for the next job; nil once stopped and empty.
    func pop() -> (job: HashingThread.Job, waited: Int)? {
        while true {
            ready.wait()
            // A job that lost its place leaves its signal behind: then there is nothing, and no end.
            let (next, isOver) = state.withLock { state in
                let next = state.jobs.pop()
                return (next, next == nil && state.isStopped)
            }
            if let next { return next }
            if isOver { return nil }
        }
    }

    func stop() {
        let waiting = state.withLock { state in
            state.isStopped = true
            var waiting: [HashingThread.Job] = []
            while let (job, _) = state.jobs.pop() { waiting.append(job) }
            return waiting
        }
        ready.signal()
        for job in waiting { job(.displaced) }
    }
}
