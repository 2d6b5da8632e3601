import Glibc
import Synchronization

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
        let unmanaged = Unmanaged.passRetained(queue)
        var thread = pthread_t()
        let code = pthread_create(&thread, nil, runJobs, unmanaged.toOpaque())
        if code == 0 {
            pthread_detach(thread)
        } else {
            unmanaged.release()
            queue.stop()
        }
    }

    deinit { queue.stop() }

    /// Ends the thread behind the hash under way; what waits has lost its place.
    func stop() { queue.stop() }

    /// False, and not called, when there is no place for it; else it is called once.
    func submit(from origin: Origin, _ job: @escaping Job) -> Bool { queue.push(job, from: origin) }
}

private func runJobs(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let queue = Unmanaged<JobQueue>.fromOpaque(argument).takeRetainedValue()
    // On Linux 0 means this thread alone.
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 5)
    while let (job, waited) = queue.pop() { job(.turn(waited: waited)) }
    return nil
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

/// A POSIX semaphore.
// @unchecked: sem_wait and sem_post are made to be called from any thread, and the pointer itself never changes.
private final class Semaphore: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }
    func wait() { while sem_wait(semaphore) != 0 && errno == EINTR {} }
}
