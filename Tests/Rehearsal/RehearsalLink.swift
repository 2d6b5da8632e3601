import Conversation
import NIOCore
import Synchronization

/// A link that keeps what is written to it.
final class RehearsalLink: Link {
    struct Closed: Error {}

    private struct State {
        var facts: ConnectionFacts
        var written = ByteBuffer()
        var isPoked = false
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(_ facts: ConnectionFacts) { state = Mutex(State(facts: facts)) }

    var facts: ConnectionFacts { state.withLock { $0.facts } }
    var isPoked: Bool { state.withLock { $0.isPoked } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func write(_ bytes: ByteBuffer) async throws {
        try state.withLock { state in
            guard !state.isClosed else { throw Closed() }
            state.written.writeImmutableBuffer(bytes)
        }
    }

    func poke() {
        let waiting = state.withLock { state in
            state.isPoked = !state.isClosed
            defer { state.waiting = [] }
            return state.waiting
        }
        waiting.forEach { $0.resume() }
    }

    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        waiting.forEach { $0.resume() }
    }

    func secure(_ tls: TLSFacts) { state.withLock { $0.facts.tls = tls } }

    /// The session's own output.
    func append(_ bytes: ByteBuffer) {
        state.withLock { _ = $0.written.writeImmutableBuffer(bytes) }
    }

    func take() -> ByteBuffer {
        state.withLock { state in
            defer { state.written = ByteBuffer() }
            return state.written
        }
    }

    func takePoke() -> Bool {
        state.withLock { state in
            defer { state.isPoked = false }
            return state.isPoked
        }
    }

    /// Returns once it is poked or closed.
    func untilPoked() async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                guard !state.isPoked, !state.isClosed else { return true }
                state.waiting.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
    }
}
