import Glibc
import Logging
import MailModel
import NIOCore
import Storage
import Synchronization

/// The one ordered way in. Two threads, each taking everything that waits as one batch: the body thread appends bodies and syncs them, the index thread runs
/// the operations in one transaction and commits it once the bodies are on disk; so bodies are synced while the index works on their rows, or on the batch before.
///
/// `@unchecked Sendable`: `index` belongs to the index thread and `segments` to the body thread; the rest is immutable or locked.
final class Writer: @unchecked Sendable {
    /// An operation with the bodies that must be durable before it.
    private struct Operation {
        let bodies: [StagedRecord]
        /// False: they are written below the free floor too, for it gives back more room than it takes.
        let needsRoom: Bool
        let perform: (Transaction, [BodyPlace]) throws -> Void
        let finish: (Result<Void, any Error>) -> Void
    }

    private struct Ready {
        let operation: Operation
        /// Of its bodies, in order.
        var places: [BodyPlace]
        /// When the bytes of its bodies are on disk; nil: they were before.
        var arrival: Arrival?
    }

    private let incoming = BlockingQueue<Operation>()
    private let ready = BlockingQueue<Ready>()
    private let segments: SegmentWriter
    private let index: IndexThread
    private let hasRoom: @Sendable () -> Bool
    private var threads: [BlockingThread] = []

    static let mostInBatch = 512

    init(segments: SegmentWriter, index: IndexThread, hasRoom: @escaping @Sendable () -> Bool) {
        self.segments = segments
        self.index = index
        self.hasRoom = hasRoom
        threads = [
            BlockingThread("martlet-bodies") { [self] in appendBodies() },
            BlockingThread("martlet-index") { [self] in commitBatches() },
        ]
    }

    var currentSegment: Int64 { segments.currentID.load(ordering: .relaxed) }

    /// Runs `operation` in the next batch; durable on return. Operations submitted in order on one thread run in that order.
    func submit<Value: Sendable>(
        bodies: [StagedRecord] = [], needsRoom: Bool = true, _ operation: @escaping @Sendable (Transaction, [BodyPlace]) throws -> Value
    ) async throws -> Value {
        try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Value, any Error>) in
            var value: Result<Value, any Error> = .failure(StorageFault.closed)
            let accepted = incoming.push(Operation(
                bodies: bodies, needsRoom: needsRoom,
                perform: { transaction, places in value = .success(try operation(transaction, places)) },
                finish: { outcome in
                    switch outcome {
                    case .success: continuation.resume(with: value)
                    case .failure(let error): continuation.resume(throwing: error)
                    }
                }))
            if !accepted { continuation.resume(throwing: StorageFault.closed) }
        }
    }

    /// Ends both threads after what was submitted; blocks.
    func close() {
        incoming.close()
        for thread in threads { thread.join() }
    }

    private func appendBodies() {
        while let batch = incoming.take(most: Writer.mostInBatch) {
            let hasRoom = hasRoom()
            var passing: [Ready] = []
            var records: [ByteBuffer] = []
            var waiting: [(slot: Int, body: Int)] = []
            passing.reserveCapacity(batch.count)
            var refused: [(Operation, any Error)] = []
            for operation in batch {
                guard operation.bodies.isEmpty || hasRoom || !operation.needsRoom else {
                    refused.append((operation, StorageFault.full))
                    continue
                }
                var places: [BodyPlace] = []
                for body in operation.bodies {
                    if case .record(let bytes) = body.content {
                        records.append(bytes)
                        waiting.append((passing.count, places.count))
                    }
                    places.append(body.place ?? BodyPlace(segment: 0, position: 0, length: 0))
                }
                passing.append(Ready(operation: operation, places: places))
            }
            let arrival = records.isEmpty ? nil : Arrival()
            do {
                let places = try segments.write(records)
                for (target, place) in zip(waiting, places) {
                    passing[target.slot].places[target.body] = place
                    passing[target.slot].arrival = arrival
                }
            } catch {
                let failed = Set(waiting.map(\.slot))
                for slot in failed.sorted() { refused.append((passing[slot].operation, error)) }
                passing = passing.enumerated().filter { !failed.contains($0.offset) }.map(\.element)
                arrival?.ended(.failure(error))
            }
            for (operation, error) in refused { operation.finish(.failure(error)) }
            _ = ready.push(contentsOf: passing)
            if let arrival { arrival.ended(Result { try segments.sync() }) }
        }
        ready.close()
    }

    private func commitBatches() {
        while let batch = ready.take(most: Writer.mostInBatch, milliseconds: index.patience) {
            let jobs = batch.map { item in
                IndexThread.Job(perform: { try item.operation.perform($0, item.places) }, finish: item.operation.finish)
            }
            index.run(jobs) { for item in batch { try item.arrival?.wait() } }
        }
        index.close()
    }
}

/// The sync of one batch of bodies, which the index thread waits for before it commits what points at them.
private final class Arrival: Sendable {
    private let outcome = BlockingQueue<Result<Void, any Error>>()
    private let known = Mutex<Result<Void, any Error>?>(nil)

    func ended(_ result: Result<Void, any Error>) { _ = outcome.push(result) }

    /// Returns once the bodies are on disk; throws when they are not. For one thread.
    func wait() throws {
        if let known = known.withLock({ $0 }) { return try known.get() }
        guard let result = outcome.take(most: 1)?.first else { throw StorageFault.closed }
        known.withLock { $0 = result }
        try result.get()
    }
}
