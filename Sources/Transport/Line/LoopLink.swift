import Conversation
import NIOCore
import Synchronization

/// The way from work, on any thread, to the driver on its loop.
final class LoopLink<Worker: LineWorker>: Link {
    private let loop: any EventLoop
    let executor: (any TaskExecutor)?
    /// Nil once the channel is gone.
    private let driver: NIOLoopBoundBox<LineDriver<Worker>?>
    private let current: Mutex<ConnectionFacts>
    private let isPokeUnderWay = Atomic(false)

    /// On the loop.
    init(_ driver: LineDriver<Worker>, _ facts: ConnectionFacts, _ loop: any EventLoop) {
        self.loop = loop
        executor = driver.executor
        self.driver = NIOLoopBoundBox(driver, eventLoop: loop)
        current = Mutex(facts)
    }

    var facts: ConnectionFacts { current.withLock { $0 } }

    /// On the loop.
    func secure(_ tls: TLSFacts) { current.withLock { $0.tls = tls } }

    /// On the loop: the channel is gone.
    func unhook() { driver.value = nil }

    func write(_ bytes: ByteBuffer) async throws {
        guard loop.inEventLoop else { return try await writeFromElsewhere(bytes) }
        switch driver.value?.accept(bytes) ?? .closed {
        case .taken: break
        case .takenForThisTurn: await Task.yield()
        case .full:
            try await withCheckedThrowingContinuation { continuation in
                if let driver = driver.value {
                    driver.wait(continuation)
                } else {
                    continuation.resume(throwing: CancellationError())
                }
            }
        case .closed: throw CancellationError()
        }
    }

    private func writeFromElsewhere(_ bytes: ByteBuffer) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            loop.execute {
                guard let driver = self.driver.value else {
                    return continuation.resume(throwing: CancellationError())
                }
                switch driver.accept(bytes) {
                case .taken, .takenForThisTurn: continuation.resume()
                case .full: driver.wait(continuation)
                case .closed: continuation.resume(throwing: CancellationError())
                }
            }
        }
    }

    func poke() {
        guard !isPokeUnderWay.exchange(true, ordering: .acquiringAndReleasing) else { return }
        loop.execute {
            self.isPokeUnderWay.store(false, ordering: .releasing)
            self.driver.value?.poked()
        }
    }

    func close() {
        loop.execute { self.driver.value?.close() }
    }
}
