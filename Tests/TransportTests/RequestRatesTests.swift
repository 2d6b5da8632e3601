import Conversation
import Logging
import MailModel
import Synchronization
import Testing

@testable import Transport

@Suite("How often a client asks by HTTP (S42)")
struct RequestRatesTests {
    private final class Clock: Sendable {
        private let moment = Mutex(ContinuousClock.now)
        var now: ContinuousClock.Instant { moment.withLock { $0 } }
        func advance(_ duration: Duration) { moment.withLock { $0 += duration } }
    }

    private let clock = Clock()
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func rates(_ change: (inout Doorkeeper.Limits) -> Void = { _ in }) throws -> RequestRates {
        var limits = Doorkeeper.Limits()
        change(&limits)
        let banned = try NetworkList("203.0.113.0/24")
        return Doorkeeper(limits, logger: logger, now: { [clock] in clock.now }, isBanned: { banned.contains($0) }).requests
    }

    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test("100 a minute of an address or a /64, ten times as many of what machines ask for; then it is told how long to wait")
    func rate() throws {
        let rates = try rates()
        let (a, b, c) = try (address("2001:db8::1"), address("2001:db8::2"), address("2001:db8:0:1::1"))
        for number in 0..<100 { #expect(rates.ask(number.isMultiple(of: 2) ? a : b, .usual) == nil) }
        clock.advance(.milliseconds(20_500))
        #expect(rates.ask(a, .usual) == 40 && rates.ask(c, .usual) == nil)
        for _ in 0..<1_000 { #expect(rates.ask(a, .generous) == nil) }
        #expect(rates.ask(a, .generous) == 40)
        clock.advance(.milliseconds(39_500))
        #expect(rates.ask(b, .usual) == nil && rates.ask(b, .generous) == nil)
        #expect(rates.sweep() == 0)
        clock.advance(.seconds(60))
        #expect(rates.sweep() == 2)
    }

    @Test("exempt addresses and proxies are not counted; who is banned is told to wait")
    func exempt() throws {
        let proxy = try NetworkList("192.0.2.80")
        let rates = try rates {
            $0.requests = 1
            $0.proxies = [proxy]
        }
        for _ in 0..<3 { #expect(try rates.ask(address("127.0.0.1"), .usual) == nil && rates.ask(address("192.0.2.80"), .usual) == nil) }
        #expect(try rates.ask(address("203.0.113.9"), .generous) == 60)
    }

    @Test("a banned address is let in at no port, unless it is exempt or a program of this machine")
    func banned() throws {
        var limits = Doorkeeper.Limits()
        limits.exempt = try NetworkList("127.0.0.1")
        let all = try NetworkList("0.0.0.0/0")
        let door = Doorkeeper(limits, logger: logger, isBanned: { all.contains($0) })
        #expect(try door.enter(address("192.0.2.1")) == .banned && door.enter(address("2001:db8::1")) == nil)
        #expect(try door.enter(address("127.0.0.1")) == nil && door.enter(address("127.0.0.2"), isLocal: true) == nil)
        #expect(door.connections == 3)
    }

    @Test("over a connection: 429 with Retry-After, and the connection goes on")
    func engine() async throws {
        var door = Doorkeeper.Limits()
        (door.requests, door.exempt) = (2, .none)
        try await WebStage.with(door: door) { stage in
            let client = try await Client.connect(stage.port)
            var heads: [String] = []
            for path in ["/", "/nothing", "/", "/"] {
                try await client.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                var length = 0
                var isFirst = true
                while let line = await client.line(), !line.isEmpty {
                    if isFirst { heads.append(line) }
                    isFirst = false
                    if line.lowercased().hasPrefix("content-length: ") { length = Int(line.dropFirst(16)) ?? 0 }
                    if line.lowercased().hasPrefix("retry-after: ") { heads.append("retry") }
                }
                _ = await client.exactly(length)
            }
            #expect(heads.map { $0.prefix(12) } == ["HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 429", "retry", "HTTP/1.1 429", "retry"].map { $0.prefix(12) })
        }
    }
}
