import Conversation
import NIOCore
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(10)))
struct LineDriverTests {
    @Test("pipelined commands are answered in order, whatever pieces they come in")
    func pipelining() async throws {
        try await Stage.with { stage in
            let client = try await Client.connect(stage.port)
            #expect(await client.line() == "* HELLO 127.0.0.1 plain -")
            let commands = (0..<5_000).map { "ECHO \($0)\n" }.joined()
            var rest = Substring(commands)
            while !rest.isEmpty {
                try await client.send(String(rest.prefix(7_001)))
                rest = rest.dropFirst(7_001)
            }
            #expect(await client.lines(5_000) == (0..<5_000).map { "OK \($0)" })
        }
    }

    @Test("work begins in order, several pieces are under way at once, and outcomes are absorbed in the order of begin")
    func worksInFlight() async throws {
        let worker = ToyWorker()
        let names = (0..<50).map { "w\($0)" }
        let gates = names.map { worker.gate($0) }
        try await Stage.with(worker) { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send(names.map { "RECORD \($0)\n" }.joined() + "ECHO all begun\n")
            #expect(await client.line() == "OK all begun")
            #expect(worker.ledger.withLock { $0.begun } == names)
            for gate in gates.reversed() { gate.open() }
            #expect(await client.lines(50) == names.map { "DONE \($0)" })
            let (before, after) = worker.ledger.withLock { ($0.threadsBefore, $0.threadsAfter) }
            #expect(before == after, "work goes on where it began: on the connection's loop")
            #expect(Set(before.values).count == 1)
        }
    }

    @Test("no more works than the limit are under way; the others come later")
    func workLimit() async throws {
        let worker = ToyWorker()
        var limits = LineLimits()
        limits.work = 4
        let gates = (0..<20).map { worker.gate("w\($0)") }
        try await Stage.with(worker, limits: limits) { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send((0..<20).map { "RECORD w\($0)\n" }.joined())
            for (index, gate) in gates.enumerated() {
                gate.open()
                #expect(await client.line() == "DONE w\(index)")
                #expect(worker.ledger.withLock { $0.begun.count } <= index + 1 + 4)
            }
        }
    }

    @Test("a session that waits holds no more input than its limit and a read; the rest stays with the peer and comes later")
    func inputLimit() async throws {
        let worker = ToyWorker()
        let gate = worker.gate("slow")
        try await Stage.with(worker) { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("RECORD slow\nSYNC\n")
            // 16 MiB: more than the kernel's buffers hold, so the promise of the last write is kept only once the server reads on.
            let bulk = String(repeating: "ECHO " + String(repeating: "x", count: 1_018) + "\n", count: 16 * 1_024)
            let sent = client.channel.eventLoop.makePromise(of: Void.self)
            client.channel.writeAndFlush(ByteBuffer(string: bulk), promise: sent)
            let other = try await Client.connect(stage.port)
            _ = await other.line()
            for _ in 0..<100 {
                try await other.send("ECHO\n")
                _ = await other.line()
            }
            #expect(client.channel.isWritable == false)
            gate.open()
            #expect(await client.lines(2) == ["DONE slow", "SYNCED"])
            #expect(await client.lines(16 * 1_024).count == 16 * 1_024)
            try await sent.futureResult.get()
        }
    }

    @Test("100 MB to a slow reader: what is produced runs ahead of it by no more than the buffers between")
    func slowReader() async throws {
        let worker = ToyWorker()
        try await Stage.with(worker) { stage in
            let client = try await Client.connect(stage.port, autoRead: false)
            let total = 100_000_000
            try await client.send("STREAM \(total)\n")
            var (consumed, furthest) = (0, 0)
            while consumed < total {
                client.read()
                guard let count = await client.octets() else { break }
                consumed += count
                furthest = max(furthest, worker.ledger.withLock { $0.produced } - consumed)
            }
            #expect(consumed >= total)
            // The kernel's own buffers on loopback are up to 4 + 6 MB, and more where it is set so.
            #expect(furthest < 32_000_000)
        }
    }

    @Test("what work writes and what the session writes leave in the order written")
    func order() async throws {
        try await Stage.with { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("ECHO before\nSTREAM 10\nSYNC\nECHO after\n")
            #expect(await client.lines(4) == ["OK before", "xxxxxxxxxxDONE streamed", "SYNCED", "OK after"])
        }
    }

    @Test("pokes reach the session, many in a row as few")
    func poke() async throws {
        try await Stage.with { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("POKEME\nSYNC\n")
            #expect(await client.lines(3).sorted() == ["* POKED", "DONE poked", "SYNCED"])
            try await client.send("ECHO end\n")
            #expect(await client.line() == "OK end")
        }
    }

    @Test("a closed connection cancels its work, and the session's end is told once, after the work's", arguments: [false, true])
    func cancellation(reset: Bool) async throws {
        let worker = ToyWorker()
        _ = worker.gate("never")
        try await Stage.with(worker) { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("RECORD never\nECHO begun\n")
            #expect(await client.line() == "OK begun")
            if reset {
                try await client.reset()
            } else {
                try await client.send("QUIT\n")
                #expect(await client.line() == "BYE")
                try await client.close()
            }
            var endings = worker.ended.makeAsyncIterator()
            let last = await endings.next()
            #expect(last?.lines == (reset ? 2 : 3))
            #expect(worker.ledger.withLock { $0.cancelled } == ["never"])
            #expect(stage.listener.connections == 0)
            #expect(stage.listeners.doorkeeper.connections == 0)
        }
    }

    @Test("a peer that closes its half gets all its answers, then the other half is closed")
    func halfClose() async throws {
        let worker = ToyWorker()
        let gate = worker.gate("slow")
        try await Stage.with(worker) { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("RECORD slow\nECHO x\n")
            try await client.finish()
            #expect(await client.line() == "OK x")
            gate.open()
            #expect(await client.line() == "DONE slow")
            #expect(await client.line() == nil)
        }
    }

    @Test("the last word reaches a peer that went on sending")
    func lastWord() async throws {
        try await Stage.with { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("QUIT\n" + String(repeating: "ECHO more\n", count: 20_000))
            #expect(await client.line() == "BYE")
            #expect(await client.line() == nil)
        }
    }

    @Test("shutdown: every session says goodbye once its work has ended; then no one is let in")
    func shutdown() async throws {
        let worker = ToyWorker()
        let gate = worker.gate("slow")
        try await Stage.with(worker) { stage in
            let (idle, busy) = (try await Client.connect(stage.port), try await Client.connect(stage.port))
            _ = (await idle.line(), await busy.line())
            try await busy.send("RECORD slow\nECHO begun\n")
            #expect(await busy.line() == "OK begun")
            async let stopped: Void = stage.listeners.stop(grace: .seconds(30))
            #expect(await idle.line() == "* SHUTDOWN")
            #expect(await idle.line() == nil)
            try await idle.close()
            gate.open()
            #expect(await busy.lines(2) == ["DONE slow", "* SHUTDOWN"])
            try await busy.close()
            await stopped
            await #expect(throws: (any Error).self) { try await Client.connect(stage.port) }
        }
    }

    @Test("shutdown does not wait for work that does not end, nor for a peer that does not close")
    func impatientShutdown() async throws {
        let worker = ToyWorker()
        _ = worker.gate("never")
        try await Stage.with(worker) { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("RECORD never\nECHO begun\n")
            #expect(await client.line() == "OK begun")
            await stage.listeners.stop(grace: .milliseconds(20))
            #expect(worker.ledger.withLock { $0.cancelled } == ["never"])
        }
    }
}
