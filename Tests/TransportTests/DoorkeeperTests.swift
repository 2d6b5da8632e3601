import Logging
import MailModel
import NIOCore
import Synchronization
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(20)))
struct DoorkeeperTests {
    /// Collects log lines.
    private struct Lines: LogHandler {
        let lines: Collected
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { lines.add("\(event.level) \(event.message)") }
    }

    private final class Collected: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    private final class Clock: Sendable {
        private let moment = Mutex(ContinuousClock.now)
        var now: ContinuousClock.Instant { moment.withLock { $0 } }
        func advance(_ duration: Duration) { moment.withLock { $0 += duration } }
    }

    private let lines = Collected()
    private let clock = Clock()

    private func door(_ change: (inout Doorkeeper.Limits) -> Void = { _ in }) -> Doorkeeper {
        var limits = Doorkeeper.Limits()
        change(&limits)
        return Doorkeeper(limits, logger: Logger(label: "t") { _ in Lines(lines: lines) }, now: { [clock] in clock.now })
    }

    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test("S42 S83: 100 connections a minute from an address; the excess is told to the log once")
    func rate() throws {
        let door = door()
        let peer = try address("192.168.1.100")
        for _ in 0..<100 {
            #expect(door.enter(peer) == nil)
            door.leave(peer)
        }
        for _ in 0..<10 { #expect(door.enter(peer) == .tooFast) }
        #expect(door.enter(try address("192.168.1.101")) == nil)
        #expect(lines.all == ["warning Rate limit exceeded for IP: 192.168.1.100"])
        clock.advance(.seconds(60))
        #expect(door.enter(peer) == nil)
    }

    @Test("S41 S84: what is no longer counted is forgotten every 300 s")
    func sweep() throws {
        let door = door()
        for last in 0..<42 {
            let peer = try address("198.51.100.\(last)")
            #expect(door.enter(peer) == nil)
            door.leave(peer)
        }
        #expect(door.enter(try address("203.0.113.1")) == nil)
        clock.advance(.seconds(301))
        #expect(door.enter(try address("203.0.113.2")) == nil)
        #expect(lines.all == ["info Rate limit cleanup: removed 42 expired entries"])
    }

    @Test("connections at once are limited by address, by /64 of IPv6, and in all; who leaves makes room")
    func atOnce() throws {
        let door = door {
            $0.perAddress = 2
            $0.total = 5
        }
        let (a, b, c) = try (address("2001:db8::1"), address("2001:db8::2"), address("2001:db8:0:1::1"))
        #expect([door.enter(a), door.enter(b), door.enter(a), door.enter(b)] == [nil, nil, .tooManyFromAddress, .tooManyFromAddress])
        #expect(door.enter(c) == nil)
        door.leave(b)
        #expect(door.enter(a) == nil)
        let home = try address("127.0.0.1")
        #expect([door.enter(home), door.enter(home), door.enter(home)] == [nil, nil, .tooManyConnections])
        #expect(door.enter(try address("192.0.2.9")) == .tooManyConnections)
        #expect(door.connections == 5)
    }

    @Test("a connection that is not let in hears why, and is closed; loopback is exempt unless the list says otherwise")
    func farewell() async throws {
        var limits = Doorkeeper.Limits()
        limits.perAddress = 1
        limits.exempt = try NetworkList("127.0.0.1")
        try await Stage.with(door: limits, farewell: "421 4.7.0 too many\r\n") { stage in
            let first = try await Client.connect(stage.port, from: "127.0.0.2")
            #expect(await first.line() == "* HELLO 127.0.0.2 plain -")
            let second = try await Client.connect(stage.port, from: "127.0.0.2")
            #expect(await second.lines(2) == ["421 4.7.0 too many"])
            for _ in 0..<3 { #expect(try await Client.connect(stage.port).line() == "* HELLO 127.0.0.1 plain -") }
        }
    }

    @Test("it hears it under implicit TLS too, and one that begins no handshake keeps nobody out")
    func farewellUnderTLS() async throws {
        var limits = Doorkeeper.Limits()
        limits.perAddress = 1
        limits.exempt = try NetworkList("127.0.0.1")
        try await Stage.with(security: .implicitTLS(Stage.shelf()), door: limits, farewell: "* BYE too many\r\n") { stage in
            let first = try await Client.connect(stage.port, from: "127.0.0.2", tls: trusting())
            #expect(await first.line() == "* HELLO 127.0.0.2 TLSv1.3 -")
            for _ in 0..<3 {
                let next = try await Client.connect(stage.port, from: "127.0.0.2", tls: trusting())
                #expect(await next.lines(2) == ["* BYE too many"])
            }
            var silent: [Client] = []
            for _ in 0..<20 { silent.append(try await Client.connect(stage.port, from: "127.0.0.2")) }
            #expect(try await Client.connect(stage.port, tls: trusting()).line() == "* HELLO 127.0.0.1 TLSv1.3 -")
            for client in silent { try? await client.close() }
        }
    }
}
