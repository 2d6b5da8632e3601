package import Logging
package import Storage
import Synchronization

/// Collects what happens to messages and records it in batches, off the way of mail.
///
/// - Whoever tells it something never waits. What is told is made into events only when it is recorded.
/// - It holds `most` pieces; what does not fit is dropped, and counted in the log.
/// - A piece is recorded after the next alarm, or as soon as `batch` of them are there; at a stop, by a last `flush`. What a crash takes is lost: a trace is no
///   promise to anybody.
package final class TraceRecorder: Sendable {
    package typealias Piece = @Sendable () -> [TraceEvent]

    package static let batch = 500
    package static let most = 8_192

    private struct State {
        var pieces: [Piece] = []
        var dropped = 0
        /// The last call of `flush`.
        var last: Task<Void, Never>?
    }

    private enum Signal {
        /// The first piece after a while.
        case begun
        case due
    }

    private let state = Mutex(State())
    private let store: any TraceStore
    private let log: Logger
    private let signals: AsyncStream<Signal>
    private let signal: AsyncStream<Signal>.Continuation

    package init(store: any TraceStore, log: Logger) {
        self.store = store
        self.log = log
        (signals, signal) = AsyncStream.makeStream()
    }

    package func record(_ event: TraceEvent) { record { return [event] } }

    package func record(_ piece: @escaping Piece) {
        let count = state.withLock { state in
            guard state.pieces.count < TraceRecorder.most else {
                state.dropped += 1
                return 0
            }
            state.pieces.append(piece)
            return state.pieces.count
        }
        // A signal or two a batch: the stream stays short.
        if count == 1 { signal.yield(.begun) }
        if count > 0, count.isMultiple(of: TraceRecorder.batch) { signal.yield(.due) }
    }

    /// Records until its task is cancelled; once in a recorder's life.
    /// - parameter alarm: returns after the time for which a piece may wait, a second say; sooner when its task is cancelled.
    package func keep(alarm: @escaping @Sendable () async -> Void) async {
        await withDiscardingTaskGroup { group in
            for await next in signals {
                switch next {
                case .begun:
                    group.addTask { [signal] in
                        await alarm()
                        signal.yield(.due)
                    }
                case .due: await flush()
                }
            }
            group.cancelAll()
        }
    }

    /// Records what there is, behind what another call is recording. What the store does not take is dropped.
    package func flush() async {
        let turn = state.withLock { state in
            let turn = Task { [last = state.last] in
                await last?.value
                await drain()
            }
            state.last = turn
            return turn
        }
        await turn.value
    }

    private func drain() async {
        while true {
            let (pieces, dropped) = state.withLock { state in
                let pieces = Array(state.pieces.prefix(TraceRecorder.batch))
                state.pieces.removeFirst(pieces.count)
                defer { state.dropped = 0 }
                return (pieces, state.dropped)
            }
            if dropped > 0 { log.warning("Traces were left out: more came than could be recorded", metadata: ["pieces": "\(dropped)"]) }
            guard !pieces.isEmpty else { return }
            do { try await store.record(pieces.flatMap { $0() }) } catch {
                log.warning("Traces were not recorded: \(error)", metadata: ["pieces": "\(pieces.count)"])
            }
        }
    }
}
