import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import Transport

@Suite("How late event loops are")
struct LoopLatenessTests {
    /// `now` is what the loop's clock shows when the task has its turn.
    private final class Looks: Sendable {
        let now = Mutex(NIODeadline.uptimeNanoseconds(1_000))
        let recorded = Mutex<[Duration]>([])
    }

    @Test("a task that has its turn late says how late; one in time, that it was not; and it goes on")
    func lateness() {
        let loop = EmbeddedEventLoop()
        let looks = Looks()
        LoopLateness(loop, every: .milliseconds(500), clock: { looks.now.withLock { $0 } }) { time in looks.recorded.withLock { $0.append(time) } }.lookAgain()
        for late in [0, 30, 7_000, 0] {
            looks.now.withLock { $0 = $0 + .milliseconds(500) + .milliseconds(Int64(late)) }
            loop.advanceTime(by: .milliseconds(500))
        }
        #expect(looks.recorded.withLock { $0 } == [.zero, .milliseconds(30), .seconds(7), .zero])
    }

    @Test("all loops are looked at, and it ends with them")
    func loops() async throws {
        let threads = Threads(count: 2)
        let (seen, looks) = AsyncStream.makeStream(of: Duration.self)
        threads.watchLateness(every: .milliseconds(1)) { looks.yield($0) }
        var count = 0
        for await time in seen {
            #expect(time >= .zero)
            count += 1
            if count == 6 { break }
        }
        try await threads.shutDown()
    }
}
