import Dispatch
import PostOffice
import Testing

@Suite("What burns leaves the event loop")
struct OffLoopTests {
    /// Stands for the executor that a connection's tasks prefer.
    private final class Lane: TaskExecutor {
        static let key = DispatchSpecificKey<Bool>()
        private let queue = DispatchQueue(label: "lane")

        init() { queue.setSpecific(key: Lane.key, value: true) }

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }

        static var isHere: Bool { DispatchQueue.getSpecific(key: key) == true }
    }

    @Test("a task that prefers an executor leaves it for as long as it burns, and comes back")
    func leaves() async {
        let (before, within, after) = await Task(executorPreference: Lane()) {
            let before = Lane.isHere
            let within = await offLoop { Lane.isHere }
            return (before, within, Lane.isHere)
        }.value
        #expect(before)
        #expect(!within)
        #expect(after)
    }
}
