import MailModel
import NIOCore
import Testing

@testable import Transport

@Suite("PROXY protocol")
struct ProxyHeaderTests {
    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    private static func binary(_ kind: UInt8, _ family: UInt8, _ content: [UInt8]) -> [UInt8] {
        signature + [kind, family, UInt8(content.count >> 8), UInt8(content.count & 0xFF)] + content
    }

    private static let addresses4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 7, 0x12, 0x34, 0x00, 0x19]
    private static let addresses6 = [UInt8](repeating: 0x20, count: 16) + [UInt8](repeating: 0x21, count: 16) + [0, 1, 0, 25]

    static let good: [([UInt8], String)] = [
        (Array("PROXY TCP4 192.0.2.1 198.51.100.7 4660 25\r\n".utf8), "192.0.2.1 4660 198.51.100.7 25"),
        (Array("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n".utf8), "2001:db8::1 1 2001:db8::2 65535"),
        (Array("PROXY UNKNOWN\r\n".utf8), "own"), (Array("PROXY UNKNOWN ffff::1 x y z\r\n".utf8), "own"),
        (binary(0x21, 0x11, addresses4), "192.0.2.1 4660 198.51.100.7 25"),
        // With fields behind the addresses (TLVs).
        (binary(0x21, 0x11, addresses4 + [0x03, 0, 4, 1, 2, 3, 4]), "192.0.2.1 4660 198.51.100.7 25"),
        (binary(0x21, 0x21, addresses6), "2020:2020:2020:2020:2020:2020:2020:2020 1 2121:2121:2121:2121:2121:2121:2121:2121 25"),
        (binary(0x20, 0x11, addresses4), "own"), (binary(0x20, 0x00, []), "own"), (binary(0x21, 0x00, []), "own"),
    ]

    @Test("both versions, and what follows is left", arguments: good)
    func reads(bytes: [UInt8], expected: String) throws {
        var buffer = ByteBuffer(bytes: bytes + Array("EHLO".utf8))
        let text: String
        switch try ProxyHeader.read(&buffer) {
        case .own: text = "own"
        case .passedOn(let client, let server): text = "\(client.address) \(client.port) \(server.address) \(server.port)"
        case nil: text = "incomplete"
        }
        #expect(text == expected)
        #expect(String(buffer: buffer) == "EHLO")
    }

    @Test("of what is cut anywhere, more is awaited", arguments: good.map(\.0))
    func cuts(bytes: [UInt8]) throws {
        for count in 0..<bytes.count {
            var buffer = ByteBuffer(bytes: bytes.prefix(count))
            let header = try ProxyHeader.read(&buffer)
            #expect(header == nil && buffer.readableBytes == count)
        }
    }

    @Test(
        "what is no header is refused",
        arguments: [
            Array("EHLO x\r\n".utf8), Array("PROXY TCP4 192.0.2.1 198.51.100.7 4660 25\n".utf8), Array("PROXY TCP5 1 2 3 4\r\n".utf8),
            Array("PROXY TCP4 192.0.2.1 198.51.100.7 4660\r\n".utf8), Array("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n".utf8),
            Array("PROXY TCP4 192.0.2.1 198.51.100.7 065 25\r\n".utf8), Array("PROXY TCP4 192.0.2.1 198.51.100.7 65536 25\r\n".utf8),
            Array("PROXY TCP4 192.0.2.1 198.51.100.7 -1 25\r\n".utf8), Array("PROXY TCP4 192.0.2.256 198.51.100.7 1 25\r\n".utf8),
            Array(("PROXY UNKNOWN " + String(repeating: "x", count: 200)).utf8), [0x0D, 0x0A, 0x0D, 0x0A, 0x01], binary(0x11, 0x11, addresses4),
            binary(0x22, 0x11, addresses4), binary(0x21, 0x12, addresses4), binary(0x21, 0x31, addresses4), binary(0x21, 0x21, addresses4),
            signature + [0x21, 0x11, 0xFF, 0xFF],
        ])
    func refuses(bytes: [UInt8]) {
        var buffer = ByteBuffer(bytes: bytes)
        #expect(throws: ProxyHeader.Fault.self) { try ProxyHeader.read(&buffer) }
    }

    // MARK: At the door

    private static func listening(
        _ security: Security = .plain, proxies: NetworkList = .loopback, door: Doorkeeper.Limits = Doorkeeper.Limits(), handshake: Duration = .seconds(30),
        _ body: (Stage) async throws -> Void
    ) async throws {
        var limits = LineLimits()
        limits.handshake = handshake
        try await Stage.with(security: security, limits: limits, door: door, farewell: "* TOO MANY\r\n", proxies: proxies, body)
    }

    @Test("the session hears of the client, not of the proxy")
    func passedOn() async throws {
        try await Self.listening { stage in
            let client = try await Client.connect(stage.port)
            try await client.send("PROXY TCP4 192.0.2.1 198.51.100.7 4660 25\r\nECHO at once\n")
            #expect(await client.lines(2) == ["* HELLO 192.0.2.1 plain -", "OK at once"])
            try await client.close()
        }
    }

    @Test("a health check of the proxy's own is greeted as the proxy; a peer that is no proxy must not begin with a header")
    func own() async throws {
        try await Self.listening { stage in
            let client = try await Client.connect(stage.port)
            try await client.send(ByteBuffer(bytes: Self.binary(0x20, 0, [])))
            #expect(await client.line() == "* HELLO 127.0.0.1 plain -")
            try await client.close()
        }
        try await Self.listening(proxies: NetworkList("192.0.2.0/24")) { stage in
            let client = try await Client.connect(stage.port)
            #expect(await client.line() == "* HELLO 127.0.0.1 plain -")
            try await client.send("PROXY TCP4 192.0.2.1 198.51.100.7 4660 25\n")
            #expect(await client.line() == "BAD PROXY TCP4 192.0.2.1 198.51.100.7 4660 25")
            try await client.close()
        }
    }

    @Test("a proxy that sends no header, or a bad one, is closed without a word; one that says nothing too", arguments: ["ECHO x\n", "PROXY TCP9\r\n", nil])
    func bad(text: String?) async throws {
        try await Self.listening(handshake: text == nil ? .milliseconds(50) : .seconds(30)) { stage in
            let client = try await Client.connect(stage.port)
            if let text { try await client.send(text) }
            #expect(await client.line() == nil)
        }
    }

    @Test("TLS begins behind the header")
    func secure() async throws {
        try await Self.listening(.implicitTLS(Stage.shelf())) { stage in
            let client = try await Client.connect(stage.port)
            try await client.send("PROXY TCP6 2001:db8::1 2001:db8::2 1 993\r\n")
            try await client.secure(trusting(), name: "mx.example.org")
            #expect(await client.line() == "* HELLO 2001:db8::1 TLSv1.3 mx.example.org")
            try await client.close()
        }
    }

    @Test("limits count the client: the one that is over them is told so, the proxy's others are not")
    func limits() async throws {
        var door = Doorkeeper.Limits()
        door.rate = 2
        try await Self.listening(door: door) { stage in
            func greeting(_ address: String) async throws -> String? {
                let client = try await Client.connect(stage.port)
                try await client.send("PROXY TCP4 \(address) 198.51.100.7 1 25\r\n")
                defer { client.channel.close(promise: nil) }
                return await client.line()
            }
            var heard: [String?] = []
            for address in ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"] { heard.append(try await greeting(address)) }
            #expect(heard == ["* HELLO 192.0.2.1 plain -", "* HELLO 192.0.2.1 plain -", "* TOO MANY", "* HELLO 192.0.2.2 plain -"])
        }
    }

    @Test("a stop does not wait for a header")
    func stops() async throws {
        // No machine is so busy that the header is given up before the connection was seen.
        try await Self.listening(handshake: .seconds(3_600)) { stage in
            let client = try await Client.connect(stage.port)
            try await client.send("PRO")
            while stage.listener.connections == 0 { await Task.yield() }
            await stage.listener.stop(grace: .seconds(600))
            #expect(await client.line() == nil)
        }
    }
}
