import Glibc

/// A POSIX semaphore: it holds a thread until somebody signals; signals are counted.
// @unchecked: sem_wait and sem_post are made to be called from any thread, and the pointer itself never changes.
package final class Semaphore: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    package init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    package func signal() { sem_post(semaphore) }
    package func wait() { while sem_wait(semaphore) != 0 && errno == EINTR {} }
}
