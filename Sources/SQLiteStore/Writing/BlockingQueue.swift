import CLinux
import Glibc
import Storage

/// A queue between threads that block: many push, one takes everything that is there.
///
/// `@unchecked Sendable`: every access to `items` and `isClosed` is made holding `lock`.
final class BlockingQueue<Item>: @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var items: [Item] = []
    private var isClosed = false

    init() {
        pthread_mutex_init(lock, nil)
        pthread_cond_init(arrived, nil)
    }

    deinit {
        pthread_cond_destroy(arrived)
        pthread_mutex_destroy(lock)
        arrived.deallocate()
        lock.deallocate()
    }

    /// False, and the item is dropped, once closed.
    func push(_ item: Item) -> Bool { push(contentsOf: CollectionOfOne(item)) }

    func push(contentsOf new: some Collection<Item>) -> Bool {
        pthread_mutex_lock(lock)
        let isOpen = !isClosed
        if isOpen { items.append(contentsOf: new) }
        pthread_mutex_unlock(lock)
        // Not before: who is woken takes the lock first of all, and would wait once more.
        if isOpen { pthread_cond_signal(arrived) }
        return isOpen
    }

    /// The items so far, at most `most`, in order; waits for one. Empty after `milliseconds` without any. Nil when closed and empty.
    func take(most: Int, milliseconds: Int? = nil) -> [Item]? {
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

    func close() {
        pthread_mutex_lock(lock)
        isClosed = true
        pthread_cond_broadcast(arrived)
        pthread_mutex_unlock(lock)
    }
}

/// A thread of its own for work that blocks.
///
/// `@unchecked Sendable`: `id` is written once, before the initialiser returns.
final class BlockingThread: @unchecked Sendable {
    private var id = pthread_t()

    private final class Body {
        let name: String
        let run: @Sendable () -> Void
        init(_ name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// `name`: at most 15 octets, as the system shows it.
    init(_ name: String, _ run: @escaping @Sendable () -> Void) {
        let body = Unmanaged.passRetained(Body(name, run))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 1 << 20)
        let code = pthread_create(
            &id, &attributes,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                clinux_name_thread(body.name)
                body.run()
                return nil
            }, body.toOpaque())
        pthread_attr_destroy(&attributes)
        precondition(code == 0, "no thread could be made at start")
    }

    func join() { pthread_join(id, nil) }
}

/// Threads that carry out blocking calls for async callers, in no particular order.
final class BlockingPool: Sendable {
    private let queue = BlockingQueue<@Sendable () -> Void>()
    private let threads: [BlockingThread]

    init(name: String, threads count: Int) {
        let queue = queue
        threads = (0..<count).map { index in
            BlockingThread("\(name)-\(index)") {
                while let jobs = queue.take(most: 1) { for job in jobs { job() } }
            }
        }
    }

    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withUnsafeThrowingContinuation { continuation in
            if !queue.push({ continuation.resume(with: Result { try body() }) }) { continuation.resume(throwing: StorageFault.closed) }
        }
    }

    /// Waits for what was begun.
    func close() {
        queue.close()
        for thread in threads { thread.join() }
    }
}
