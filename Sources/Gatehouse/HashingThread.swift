import Glibc
import Synchronization

/// The one thread that hashes passwords, niced, with a queue of bounded length: neither an event loop nor the cooperative pool ever does, and
/// at most one hash's memory is in use.
final class HashingThread: Sendable {
    typealias Job = @Sendable () -> Void

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

    /// What waits is still done; then the thread ends.
    deinit { queue.stop() }

    /// False, and not done, when the queue is full.
    func submit(_ job: @escaping Job) -> Bool { queue.push(job) }
}

private func runJobs(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let queue = Unmanaged<JobQueue>.fromOpaque(argument).takeRetainedValue()
    // On Linux 0 means this thread alone.
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 5)
    while let job = queue.pop() { job() }
    return nil
}

private final class JobQueue: Sendable {
    private struct State {
        var jobs: [HashingThread.Job] = []
        var isStopped = false
    }

    private let state = Mutex(State())
    private let ready = Semaphore()
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    func push(_ job: @escaping HashingThread.Job) -> Bool {
        let isPushed = state.withLock { state in
            guard !state.isStopped, state.jobs.count < capacity else { return false }
            state.jobs.append(job)
            return true
        }
        if isPushed { ready.signal() }
        return isPushed
    }

    /// Waits for the next job; nil once stopped and empty.
    func pop() -> HashingThread.Job? {
        while true {
            ready.wait()
            let (job, isOver) = state.withLock { state in
                state.jobs.isEmpty ? (nil, state.isStopped) : (state.jobs.removeFirst(), false)
            }
            if let job { return job }
            if isOver { return nil }
        }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        ready.signal()
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
