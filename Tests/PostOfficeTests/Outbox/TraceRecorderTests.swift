import Logging
import MailModel
import MemoryStore
import PostOffice
import Storage
import Synchronization
import Testing

@Suite("Traces are recorded in batches")
struct TraceRecorderTests {
    private let store = MemoryStore()
    private let recorder: TraceRecorder
    private let id: TransactionID

    init() throws {
        recorder = TraceRecorder(store: store, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        id = try #require(TransactionID("id-1"))
    }

    private func event(_ number: Int) -> TraceEvent { TraceEvent(.attempt, of: id, at: Timestamp(rawValue: Int64(number))) }

    /// Of the transaction, once there are as many. Asks in between, as others do who wait for nothing.
    private func events(_ count: Int) async throws -> [TraceEvent] {
        while true {
            let events = try await store.events(of: id)
            if events.count >= count { return events }
            await Task.yield()
        }
    }

    @Test("what is told waits for the alarm, and is made into events only then")
    func alarm() async throws {
        let made = Mutex(0)
        let (alarms, ring) = AsyncStream.makeStream(of: Void.self)
        let (asked, ask) = AsyncStream.makeStream(of: Void.self)
        let kept = Task { [recorder] in
            await recorder.keep {
                ask.yield()
                for await _ in alarms { return }
            }
        }
        for number in 0..<3 {
            recorder.record { [event = event(number)] in
                made.withLock { $0 += 1 }
                return [event]
            }
        }
        for await _ in asked { break }
        #expect(try await store.events(of: id).isEmpty && made.withLock { $0 } == 0)
        ring.yield()
        #expect(try await events(3).map(\.time.rawValue) == [0, 1, 2])
        kept.cancel()
        await kept.value
    }

    @Test("a batch waits for no alarm")
    func batch() async throws {
        let kept = Task { [recorder] in await recorder.keep { for await _ in AsyncStream<Void>.makeStream().stream { return } } }
        for number in 0..<TraceRecorder.batch { recorder.record(event(number)) }
        #expect(try await events(TraceRecorder.batch).count == TraceRecorder.batch)
        kept.cancel()
        await kept.value
    }

    @Test("what is too much is dropped, nobody waits, and it goes on afterwards")
    func bound() async throws {
        for number in 0..<(TraceRecorder.most + 50) { recorder.record(event(number)) }
        await recorder.flush()
        #expect(try await store.events(of: id).count == TraceRecorder.most)
        recorder.record(event(0))
        await recorder.flush()
        #expect(try await store.events(of: id).count == TraceRecorder.most + 1)
    }

    @Test("a store that fails loses a batch, and no more")
    func fault() async throws {
        store.fail([.trace], with: .full)
        recorder.record(event(0))
        await recorder.flush()
        store.fail([.trace], with: nil)
        recorder.record(event(1))
        await recorder.flush()
        #expect(try await store.events(of: id).map(\.time.rawValue) == [1])
    }
}
