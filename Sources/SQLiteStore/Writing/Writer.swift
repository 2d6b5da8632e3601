import Glibc
import Logging
import MailModel
import NIOCore
import Storage
import Threading

/// The one ordered way in. The index thread takes everything that waits as one batch: it appends the batch's bodies, has the body thread sync them, runs the
/// operations in one transaction meanwhile, and commits it once the bodies are on disk. What comes during that waits for the next batch, so that each batch,
/// however large, costs one sync of bodies and one of the index.
///
/// `@unchecked Sendable`: `index` and `segments` belong to the index thread, but that the body thread syncs a segment while the index thread waits for it
/// before it touches the segments again; the rest is immutable or locked.
final class Writer: @unchecked Sendable {
    /// An operation with the bodies that must be durable before it.
    private struct Operation {
        let bodies: [OutgoingBody]
        /// False: they are written below the free floor too, for it gives back more room than it takes.
        let needsRoom: Bool
        let perform: (Transaction, [BodyPlace]) throws -> Void
        let finish: (Result<Void, any Error>) -> Void
    }

    private let incoming = BlockingQueue<Operation>()
    private let syncs = BlockingQueue<Arrival>()
    private let segments: SegmentWriter
    private let index: IndexThread
    private let hasRoom: @Sendable () -> Bool
    private let metrics: StoreMetrics
    private var threads: [BlockingThread] = []

    static let mostInBatch = 512

    init(segments: SegmentWriter, index: IndexThread, hasRoom: @escaping @Sendable () -> Bool, metrics: StoreMetrics) {
        self.metrics = metrics
        self.segments = segments
        self.index = index
        self.hasRoom = hasRoom
        index.segments = segments
        threads = [
            BlockingThread("martlet-bodies") { [self] in syncBodies() },
            BlockingThread("martlet-index") { [self] in commitBatches() },
        ]
    }

    var currentSegment: Int64 { segments.currentID.load(ordering: .relaxed) }

    /// Runs `operation` in the next batch; durable on return. `queued` is called at once when it stands in line. Operations submitted in order on one thread run in that order.
    func submit<Value: Sendable>(
        bodies: [OutgoingBody] = [], needsRoom: Bool = true, queued: @Sendable () -> Void = {},
        _ operation: @escaping @Sendable (Transaction, [BodyPlace]) throws -> Value
    ) async throws -> Value {
        try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Value, any Error>) in
            var value: Result<Value, any Error> = .failure(StorageFault.closed)
            let accepted = incoming.push(
                Operation(
                    bodies: bodies, needsRoom: needsRoom,
                    perform: { transaction, places in value = .success(try operation(transaction, places)) },
                    finish: { outcome in
                        switch outcome {
                        case .success: continuation.resume(with: value)
                        case .failure(let error): continuation.resume(throwing: error)
                        }
                    }))
            if accepted { queued() } else { continuation.resume(throwing: StorageFault.closed) }
        }
    }

    /// Ends both threads after what was submitted; blocks.
    func close() {
        incoming.close()
        for thread in threads { thread.join() }
    }

    private func syncBodies() {
        while let waiting = syncs.take(most: 1) {
            for arrival in waiting {
                let begin = metrics.sync.begin()
                arrival.ended(Result { try segments.sync() })
                metrics.sync.end(begin)
            }
        }
    }

    private func commitBatches() {
        while let batch = incoming.take(most: Writer.mostInBatch, milliseconds: index.patience) {
            metrics.operations.add(batch.count)
            let (jobs, arrival) = append(batch)
            // `take` gives an empty batch when nothing came for a while: then the index does its upkeep. A batch whose operations were all refused is no
            // such moment.
            guard batch.isEmpty || !jobs.isEmpty else { continue }
            index.run(jobs) { try arrival?.wait() }
        }
        syncs.close()
        segments.close()
        index.close()
    }

    /// Appends the bodies of a batch and has them synced. An operation whose bodies find no room, or cannot be written, is refused, and the others go on.
    private func append(_ batch: [Operation]) -> (jobs: [IndexThread.Job], arrival: Arrival?) {
        var accepted: [Operation] = []
        accepted.reserveCapacity(batch.count)
        var records: [BodyRecord] = []
        let hasRoom = batch.contains { !$0.bodies.isEmpty } ? hasRoom() : true
        for operation in batch {
            guard operation.bodies.isEmpty || hasRoom || !operation.needsRoom else {
                operation.finish(.failure(StorageFault.full))
                continue
            }
            for case .record(let record) in operation.bodies.lazy.map(\.content) { records.append(record) }
            accepted.append(operation)
        }
        var places: ArraySlice<BodyPlace> = []
        var arrival: Arrival?
        do {
            places = try segments.write(records)[...]
            if !records.isEmpty {
                let begun = Arrival()
                arrival = begun
                _ = syncs.push(begun)
            }
        } catch {
            accepted.removeAll { operation in
                guard operation.bodies.contains(where: \.isRecord) else { return false }
                operation.finish(.failure(error))
                return true
            }
        }
        let jobs = accepted.map { operation in
            let found = operation.bodies.map { body in
                switch body.content {
                case .record: places.removeFirst()
                case .file(let place): place
                }
            }
            return IndexThread.Job(perform: { try operation.perform($0, found) }, finish: operation.finish)
        }
        return (jobs, arrival)
    }
}

/// The sync of one batch of bodies, which the index thread waits for before it commits what points at them.
private final class Arrival: Sendable {
    private let outcome = BlockingQueue<Result<Void, any Error>>()

    func ended(_ result: Result<Void, any Error>) { _ = outcome.push(result) }

    /// Returns once the bodies are on disk; throws when they are not. Called once.
    func wait() throws {
        guard let result = outcome.take(most: 1)?.first else { throw StorageFault.closed }
        try result.get()
    }
}
