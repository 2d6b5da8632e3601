package import Glibc

/// A queue between threads that block: many push, one takes everything that is there.
///
/// Inlinable, as a generic that is called from other modules costs several times as much.
///
/// `@unchecked Sendable`: every access to `items` and `isClosed` is made holding `lock`.
package final class BlockingQueue<Item>: @unchecked Sendable {
    @usableFromInline let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    @usableFromInline let arrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    @usableFromInline var items: [Item] = []
    @usableFromInline var isClosed = false

    @inlinable package init() {
        pthread_mutex_init(lock, nil)
        pthread_cond_init(arrived, nil)
    }

    @inlinable deinit {
        pthread_cond_destroy(arrived)
        pthread_mutex_destroy(lock)
        arrived.deallocate()
        lock.deallocate()
    }

    /// False, and the item is dropped, once closed.
    @inlinable package func push(_ item: Item) -> Bool { push(contentsOf: CollectionOfOne(item)) }

    @inlinable package func push(contentsOf new: some Collection<Item>) -> Bool {
        pthread_mutex_lock(lock)
        let isOpen = !isClosed
        if isOpen { items.append(contentsOf: new) }
        pthread_mutex_unlock(lock)
        // Not before: who is woken takes the lock first of all, and would wait once more.
        if isOpen { pthread_cond_signal(arrived) }
        return isOpen
    }

    /// The items so far, at most `most`, in order; waits for one. Empty after `milliseconds` without any. Nil when closed and empty.
    @inlinable package func take(most: Int, milliseconds: Int? = nil) -> [Item]? {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        if items.isEmpty, !isClosed, let milliseconds {
            var until = timespec()
            clock_gettime(CLOCK_REALTIME, &until)
            until.tv_nsec += milliseconds % 1_000 * 1_000_000
            until.tv_sec += milliseconds / 1_000 + until.tv_nsec / 1_000_000_000
            until.tv_nsec %= 1_000_000_000
            while items.isEmpty, !isClosed, pthread_cond_timedwait(arrived, lock, &until) == 0 {}
        } else {
            while items.isEmpty, !isClosed { pthread_cond_wait(arrived, lock) }
        }
        if items.isEmpty { return isClosed ? nil : [] }
        guard items.count > most else {
            let all = items
            items = []
            return all
        }
        let batch = Array(items.prefix(most))
        items.removeFirst(most)
        return batch
    }

    @inlinable package func close() {
        pthread_mutex_lock(lock)
        isClosed = true
        pthread_cond_broadcast(arrived)
        pthread_mutex_unlock(lock)
    }
}
