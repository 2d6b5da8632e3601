import Conversation
import NIOCore

/// What came of a request's content and was not yet asked for. On the connection's loop; its reader may be elsewhere.
final class ContentPipe: RequestContent {
    private struct State {
        var waiting = CircularBuffer<ByteBuffer>()
        var octets = 0
        var end: Result<Void, ContentFault>?
        var isGone = false
        var reader: CheckedContinuation<ByteBuffer?, any Error>?
        /// Has the exchange read on.
        var wanted: () -> Void

        mutating func wait(_ piece: ByteBuffer, _ isSmall: Bool) {
            guard isSmall else { return waiting.append(piece) }
            if let last = waiting.indices.last, waiting[last].readableBytes < ContentPipe.small {
                _ = waiting.modify(last) { $0.writeImmutableBuffer(piece) }
            } else {
                var own = ByteBuffer()
                own.writeImmutableBuffer(piece)
                waiting.append(own)
            }
        }
    }

    private let loop: any EventLoop
    private let state: NIOLoopBoundBox<State>

    /// Octets that wait, past which the peer is held back.
    private static let full = 64 * 1024
    /// Octets; smaller pieces that wait are put together in memory of their own, as each may be one of a large buffer's and keep all of it.
    private static let small = 8 * 1024

    /// On the loop. `wanted`: called there when there is room, and somebody waits.
    init(_ loop: any EventLoop, wanted: @escaping () -> Void) {
        self.loop = loop
        state = NIOLoopBoundBox(State(wanted: wanted), eventLoop: loop)
    }

    func next() async throws -> ByteBuffer? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if loop.inEventLoop { ask(continuation) } else { loop.execute { self.ask(continuation) } }
            }
        } onCancel: {
            loop.execute { self.fail() }
        }
    }

    private func ask(_ reader: CheckedContinuation<ByteBuffer?, any Error>) {
        let answer: Result<ByteBuffer?, any Error>? = state.withValue { state in
            if state.isGone { return .failure(CancellationError()) }
            if let piece = state.waiting.popFirst() {
                state.octets -= piece.readableBytes
                return .success(piece)
            }
            switch state.end {
            case .success: return .success(nil)
            case .failure(let fault): return .failure(fault)
            case nil:
                state.reader = reader
                return nil
            }
        }
        if let answer { reader.resume(with: answer) }
        state.value.wanted()
    }

    var isFull: Bool { state.value.octets >= ContentPipe.full }
    var isWaitedFor: Bool { state.value.reader != nil }

    func add(_ piece: ByteBuffer) {
        guard piece.readableBytes > 0 else { return }
        let reader = state.withValue { state -> CheckedContinuation<ByteBuffer?, any Error>? in
            guard state.end == nil, !state.isGone else { return nil }
            defer { state.reader = nil }
            if state.reader == nil {
                state.wait(piece, piece.readableBytes < ContentPipe.small)
                state.octets += piece.readableBytes
            }
            return state.reader
        }
        reader?.resume(returning: piece)
    }

    /// All has come, or nothing more will. A fault goes before what waits.
    func end(_ end: Result<Void, ContentFault>) {
        let reader = state.withValue { state -> CheckedContinuation<ByteBuffer?, any Error>? in
            guard state.end == nil else { return nil }
            state.end = end
            if case .failure = end {
                state.waiting = CircularBuffer()
                state.octets = 0
            }
            defer { state.reader = nil }
            return state.reader
        }
        switch end {
        case .success: reader?.resume(returning: nil)
        case .failure(let fault): reader?.resume(throwing: fault)
        }
    }

    /// The connection is gone, or the reader is cancelled.
    func fail() {
        let reader = state.withValue { state in
            defer {
                state.reader = nil
                state.isGone = true
                state.wanted = {}
                state.waiting = CircularBuffer()
                state.octets = 0
            }
            return state.reader
        }
        reader?.resume(throwing: CancellationError())
    }
}
