package import NIOCore
import NIOPosix

/// The event loops on which every connection lives, one thread each. Made once, at the roof; ended last, after listeners and work.
package final class Threads: Sendable {
    private let loops: MultiThreadedEventLoopGroup
    /// Kept for as long as the loops: tasks refer to their executor without holding it.
    private let executors: [ObjectIdentifier: LoopExecutor]

    /// - parameter count: at least 1; by default one a core.
    package init(count: Int = System.coreCount) {
        loops = MultiThreadedEventLoopGroup(numberOfThreads: max(1, count))
        var executors: [ObjectIdentifier: LoopExecutor] = [:]
        for loop in loops.makeIterator() { executors[ObjectIdentifier(loop)] = LoopExecutor(loop) }
        self.executors = executors
    }

    /// For what else of NIO runs on them.
    package var group: any EventLoopGroup { loops }

    /// A task executor that runs its jobs on `loop`; a new one when the loop is not of these threads (an embedded loop in a test).
    func executor(of loop: any EventLoop) -> LoopExecutor {
        executors[ObjectIdentifier(loop)] ?? LoopExecutor(loop)
    }

    /// Ends the threads. Nothing may use them any more.
    package func shutDown() async throws {
        try await loops.shutdownGracefully()
    }
}

/// Runs the jobs of tasks on an event loop.
final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
