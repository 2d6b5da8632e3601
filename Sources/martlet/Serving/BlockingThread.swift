import Glibc

/// A thread of its own for work that blocks: never an event loop, never the cooperative pool.
enum BlockingThread {
    /// Runs `body` on a new, detached thread.
    static func start(_ body: @escaping @Sendable () -> Void) throws(SystemFault) {
        let box = Unmanaged.passRetained(Body(run: body))
        var thread = pthread_t()
        let code = pthread_create(&thread, nil, runBody, box.toOpaque())
        guard code == 0 else {
            box.release()
            throw SystemFault("start", "a thread", code: code)
        }
        pthread_detach(thread)
    }
}

private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(run: @escaping @Sendable () -> Void) { self.run = run }
}

private func runBody(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
    return nil
}
