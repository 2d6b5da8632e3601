import NIOCore
import NIOPosix
import Synchronization

/// Shares an event loop between its sockets and the work of its connections: their tasks, and the turns that a busy connection still has to come.
///
/// NIO's loop runs what it is given with `execute` until nothing is left, and only then asks for its sockets (`SelectableEventLoop.runOneLoopTick`): what
/// puts itself at the end of that queue again and again yields to nobody. So work waits here, first come, first served. In one tick of the loop as much of it is
/// done as its budget has room for; the rest is done in a later one, and between two ticks the loop asks for its sockets.
final class LoopExecutor: TaskExecutor {
    private enum Entry {
        case job(UnownedJob)
        case turn(() -> Void)
    }

    /// On the loop only.
    private struct State {
        var waiting = CircularBuffer<Entry>()
        /// The loop will come by.
        var isCalled = false
        var tick: UInt64 = 0
        /// What was done in `lastTick`.
        var lastTick: UInt64 = .max
        var done = 0
        var spent = TimeAmount.zero
    }

    private let loop: any EventLoop
    private let budget: LoopBudget
    private let state: NIOLoopBoundBox<State>

    init(_ loop: any EventLoop, _ budget: LoopBudget) {
        self.loop = loop
        self.budget = budget
        state = .makeBoxSendingValue(State(), eventLoop: loop)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if loop.inEventLoop { return add(.job(job)) }
        loop.execute { self.arrived(.job(job)) }
    }

    /// On the loop. Does `turn` behind what waits already.
    func enqueue(turn: @escaping () -> Void) { add(.turn(turn)) }

    /// On the loop: it has done all that it was given and asks for its sockets next.
    func tickEnded() { state.value.tick &+= 1 }

    /// On the loop: how often it has asked for its sockets, about.
    var tick: UInt64 { state.value.tick }

    private func add(_ entry: Entry) {
        if isFirst(entry) { call() }
    }

    /// From another thread, as a task of the loop's own, which need not be called once more.
    private func arrived(_ entry: Entry) {
        guard isFirst(entry) else { return }
        if hasRoom { work() } else { callLater(LoopExecutor.shortest) }
    }

    /// Has it wait. False: the loop will come by anyway.
    private func isFirst(_ entry: Entry) -> Bool {
        state.withValue { state in
            state.waiting.append(entry)
            defer { state.isCalled = true }
            return !state.isCalled
        }
    }

    private func call() {
        if hasRoom { loop.execute { self.work() } } else { callLater(LoopExecutor.shortest) }
    }

    private var hasRoom: Bool {
        state.withValue { state in state.lastTick != state.tick || (state.done < budget.entries && state.spent < budget.time) }
    }

    /// As much as there is room for, at least one.
    private func work() {
        let spent = state.withValue { state in
            if state.lastTick != state.tick {
                state.lastTick = state.tick
                state.done = 0
                state.spent = .zero
            }
            return state.spent
        }
        let begin = budget.clock()
        while let entry = next() {
            run(entry)
            state.value.spent = spent + (budget.clock() - begin)
            guard hasRoom else { break }
        }
        let isLeft = state.withValue { state in
            state.isCalled = !state.waiting.isEmpty
            return state.isCalled
        }
        if isLeft { call() }
    }

    private func next() -> Entry? {
        state.withValue { state in
            guard let entry = state.waiting.popFirst() else { return nil }
            state.done += 1
            return entry
        }
    }

    private func run(_ entry: Entry) {
        switch entry {
        case .job(let job): job.runSynchronously(on: asUnownedTaskExecutor())
        case .turn(let turn): turn()
        }
    }

    /// A task with a deadline is in the same tick if that lasts until then. So the ticks are counted, and it waits longer each time.
    private func callLater(_ delay: TimeAmount) {
        let tick = state.value.tick
        let call = loop.scheduleTask(in: delay) {
            if self.state.value.tick == tick { self.callLater(delay * 2) } else { self.work() }
        }
        // A loop that ends does what it was given.
        call.futureResult.whenFailure { _ in self.drain() }
    }

    private static let shortest = TimeAmount.microseconds(20)

    private func drain() {
        while let entry = state.value.waiting.popFirst() { run(entry) }
        state.value.isCalled = false
    }
}

/// What an event loop does of its connections' work before it asks for its sockets again.
struct LoopBudget: Sendable {
    /// Jobs of tasks and turns of connections.
    var entries = 256
    var time = TimeAmount.milliseconds(1)
    var clock: @Sendable () -> NIODeadline = { .now() }
}

/// Tells the executors of loops when a tick of theirs has ended.
final class LoopTicks: NIOEventLoopMetricsDelegate {
    private let executors = Mutex<[ObjectIdentifier: LoopExecutor]>([:])

    func tell(_ executors: [ObjectIdentifier: LoopExecutor]) { self.executors.withLock { $0 = executors } }

    func processedTick(info: NIOEventLoopTickInfo) {
        executors.withLock { $0[info.eventLoopID] }?.tickEnded()
    }
}
