import NIOCore
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(20)))
struct TimeoutTests {
    @Test("a silent peer is told goodbye when the session's patience ends")
    func patience() async throws {
        try await Stage.with(ToyWorker(patience: .milliseconds(30))) { stage in
            let client = try await Client.connect(stage.port)
            #expect(await client.lines(2).last == "* EXPIRED")
            #expect(await client.line() == nil)
        }
    }

    @Test("half a line is silence too: nothing was said that the session could use")
    func drip() async throws {
        try await Stage.with(ToyWorker(patience: .milliseconds(60))) { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            async let goodbye = client.line()
            for _ in 0..<200 {
                guard (try? await client.send("E")) != nil else { break }
                try? await client.channel.eventLoop.scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
                if !client.channel.isActive { break }
            }
            #expect(await goodbye == "* EXPIRED")
        }
    }

    @Test("a trickle of what the session can use is silence too when it wants more at a time")
    func trickle() async throws {
        try await Stage.with { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("LEAST 100000\nPATIENCE 60\n")
            let sender = Task {
                while client.channel.isActive {
                    guard (try? await client.send("ECHO a\n")) != nil else { break }
                    try? await client.channel.eventLoop.scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
                }
            }
            var last: String?
            while let line = await client.line() { last = line }
            #expect(last == "* EXPIRED")
            await sender.value
        }
    }

    @Test("a session that goes on after its patience is asked again")
    func goesOn() async throws {
        try await Stage.with(ToyWorker(patience: .milliseconds(20), goesOn: true)) { stage in
            let client = try await Client.connect(stage.port)
            #expect(await client.lines(4).dropFirst() == ["* EXPIRED", "* EXPIRED", "* EXPIRED"])
        }
    }

    @Test("patience does not run while work is under way")
    func work() async throws {
        let worker = ToyWorker()
        let gate = worker.gate("slow")
        try await Stage.with(worker) { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("PATIENCE 20\nRECORD slow\n")
            try await client.channel.eventLoop.scheduleTask(in: .milliseconds(100)) {}.futureResult.get()
            gate.open()
            #expect(await client.lines(2) == ["DONE slow", "* EXPIRED"])
        }
    }

    @Test("who does not begin a TLS handshake in time is closed, without a session", arguments: ["", "\u{16}\u{3}\u{1}"])
    func handshake(start: String) async throws {
        var limits = LineLimits()
        limits.handshake = .milliseconds(50)
        try await Stage.with(security: .implicitTLS(Stage.shelf()), limits: limits) { stage in
            let client = try await Client.connect(stage.port)
            try await client.send(start)
            #expect(await client.line() == nil)
        }
    }

    @Test("a peer that does not read is closed after the stall time, and its work ends with an error")
    func stall() async throws {
        let worker = ToyWorker()
        var limits = LineLimits()
        limits.writeStall = .milliseconds(80)
        try await Stage.with(worker, limits: limits) { stage in
            let client = try await Client.connect(stage.port, autoRead: false)
            try await client.send("STREAM 200000000\n")
            var endings = worker.ended.makeAsyncIterator()
            _ = await endings.next()
            // Nobody's fault: it is not to be logged.
            #expect(worker.ledger.withLock { ($0.failedWrites, $0.cancelledWrites) } == (1, 1))
            try await client.close()
        }
    }
}
