package import NIOCore
import NIOPosix

/// The event loops on which every connection lives, one thread each. Made once, at the roof; ended last, after listeners and work.
package final class Threads: Sendable {
    private let loops: MultiThreadedEventLoopGroup
    /// Kept for as long as the loops: tasks refer to their executor without holding it.
    private let executors: [ObjectIdentifier: LoopExecutor]

    /// - parameter count: at least 1; by default one a core.
    package convenience init(count: Int = System.coreCount) { self.init(count: count, LoopBudget()) }

    init(count: Int, _ budget: LoopBudget) {
        let ticks = LoopTicks()
        loops = MultiThreadedEventLoopGroup(numberOfThreads: max(1, count), metricsDelegate: ticks)
        var executors: [ObjectIdentifier: LoopExecutor] = [:]
        for loop in loops.makeIterator() { executors[ObjectIdentifier(loop)] = LoopExecutor(loop, budget) }
        self.executors = executors
        ticks.tell(executors)
    }

    /// For what else of NIO runs on them.
    package var group: any EventLoopGroup { loops }

    /// Returns when each of them has had a turn.
    package func answer() async {
        // try?: a loop that has ended owes no answer.
        for loop in loops.makeIterator() { try? await loop.submit {}.get() }
    }

    /// The one that does the work of the connections on `loop`, which is of these threads.
    func executor(of loop: any EventLoop) -> LoopExecutor? { executors[ObjectIdentifier(loop)] }

    /// Ends the threads. Nothing may use them any more.
    package func shutDown() async throws {
        try await loops.shutdownGracefully()
    }
}
