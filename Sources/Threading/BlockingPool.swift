/// Threads that carry out blocking calls for async callers, in no particular order.
package final class BlockingPool: Sendable {
    private let queue = BlockingQueue<@Sendable () -> Void>()
    private let threads: [BlockingThread]
    private let refusal: any Error

    /// - parameter name: at most 13 octets.
    /// - parameter refusal: what `run` throws once it is closed.
    package init(name: String, threads count: Int, refusal: any Error) {
        let queue = queue
        self.refusal = refusal
        threads = (0..<count).map { index in
            BlockingThread("\(name)-\(index)") {
                while let jobs = queue.take(most: 1) { for job in jobs { job() } }
            }
        }
    }

    /// What `body` returns or throws, on one of the threads.
    package func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withUnsafeThrowingContinuation { continuation in
            if !queue.push({ continuation.resume(with: Result { try body() }) }) { continuation.resume(throwing: refusal) }
        }
    }

    /// Waits for what was begun.
    package func close() {
        queue.close()
        for thread in threads { thread.join() }
    }
}
