import Conversation
import NIOCore
import Synchronization
import Testing

@testable import Transport

/// What a connection may do before others on its event loop have their turn, counted in commands of those who flood it.
@Suite("Neighbours of one event loop", .timeLimit(.minutes(10)))
struct NeighbourTests {
    private static let floods = ["plain", "compressed"]

    /// Four connections flood the loop; in the midst of it a fifth sends one command. How many commands of the four are done before that one.
    private func between(
        _ kind: String, _ flood: String = "FLOOD", count: Int, turn: TurnBudget, loop: LoopBudget = LoopBudget()
    ) async throws -> (between: Int?, counts: [String: Int]) {
        let worker = ToyWorker()
        var limits = LineLimits()
        limits.turn = turn
        try await Stage.with(worker, limits: limits, loop: loop) { stage in
            let neighbour = try PlainSocket(stage.port)
            defer { neighbour.close() }
            worker.tally.start(at: 100) { neighbour.deliver("MARK\n") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in ["a", "b", "c", "d"] {
                    group.addTask {
                        let client = try await Client.connect(stage.port)
                        _ = await client.line()
                        let lines = String(repeating: "\(flood) \(name)\n", count: count) + "SYNC\nQUIT\n"
                        if kind == "compressed" {
                            try await client.send("COMPRESS\n")
                            _ = await client.line()
                            try await client.send(try Deflater().deflate(ByteBuffer(string: lines)))
                        } else {
                            try await client.send(lines)
                        }
                        while await client.bytes() != nil {}
                    }
                }
                try await group.waitForAll()
            }
            #expect(neighbour.read() == "MARKED\r\n")
        }
        return (worker.tally.between, worker.tally.counts)
    }

    @Test("a flood of commands is done in turns of so many", arguments: floods)
    func commands(_ kind: String) async throws {
        var turn = TurnBudget()
        turn.steps = 10
        turn.clock = { .uptimeNanoseconds(1) }
        // What lies before the mark: the turn that it came in, a turn more of each of the four, and another at their sockets.
        let found = try await between(kind, count: 5_000, turn: turn, loop: LoopBudget(entries: 4, clock: turn.clock))
        #expect(found.counts == ["a": 5_000, "b": 5_000, "c": 5_000, "d": 5_000])
        #expect(try #require(found.between) <= 3 * 4 * 10)
    }

    @Test("a turn ends with its time, however few commands it had", arguments: floods)
    func time(_ kind: String) async throws {
        let now = Atomic(UInt64(1))
        var turn = TurnBudget()
        turn.steps = .max
        turn.time = .milliseconds(2)
        // A command takes a millisecond.
        turn.clock = { .uptimeNanoseconds(now.wrappingAdd(1_000_000, ordering: .relaxed).newValue) }
        let found = try await between(kind, count: 2_000, turn: turn, loop: LoopBudget(time: .milliseconds(4), clock: turn.clock))
        #expect(found.counts == ["a": 2_000, "b": 2_000, "c": 2_000, "d": 2_000])
        #expect(try #require(found.between) <= 3 * 4 * 2)
    }

    @Test("work that yields again and again leaves the loop to its sockets")
    func tasks() async throws {
        var loop = LoopBudget()
        loop.entries = 8
        loop.clock = { .uptimeNanoseconds(1) }
        let found = try await between("plain", "SPIN", count: 4, turn: TurnBudget(), loop: loop)
        #expect(try #require(found.between) <= 3 * 8 + 16)
    }

    @Test("a turn is compressed input of so many octets at most")
    func octets() async throws {
        var turn = TurnBudget()
        turn.steps = .max
        turn.inflated = 16 << 10
        turn.clock = { .uptimeNanoseconds(1) }
        let found = try await between("compressed", count: 20_000, turn: turn, loop: LoopBudget(entries: 4, clock: turn.clock))
        // A line has eight octets.
        #expect(try #require(found.between) <= 3 * 4 * (16 << 10) / 8)
    }

    @Test("of what waits for the loop no more is done in one tick than there is room for, and all in its order")
    func ticks() async throws {
        var budget = LoopBudget()
        budget.entries = 10
        budget.clock = { .uptimeNanoseconds(1) }
        let threads = Threads(count: 1, budget)
        let loop = threads.group.next()
        let executor = try #require(threads.executor(of: loop))
        let done = loop.makePromise(of: [(turn: Int, tick: UInt64)].self)
        loop.execute {
            let seen = NIOLoopBoundBox([(turn: Int, tick: UInt64)](), eventLoop: loop)
            for turn in 0..<100 {
                executor.enqueue(turn: {
                    seen.value.append((turn, executor.tick))
                    if turn == 99 { done.succeed(seen.value) }
                })
            }
        }
        let seen = try await done.futureResult.get()
        #expect(seen.map(\.turn) == Array(0..<100))
        let ticks = Dictionary(grouping: seen, by: \.tick)
        #expect(ticks.values.allSatisfy { $0.count <= 10 })
        try await threads.shutDown()
    }
}
