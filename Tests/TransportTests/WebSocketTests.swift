import Conversation
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import NIOWebSocket
import Testing

@testable import Transport

@Suite("WebSocket")
struct WebSocketTests {
    private static let opening =
        "GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

    private static func frame(_ opcode: UInt8, _ content: [UInt8], fin: Bool = true, masked: Bool = true) -> ByteBuffer {
        var bytes = ByteBuffer(bytes: [(fin ? 0x80 : 0) | opcode])
        let mask: UInt8 = masked ? 0x80 : 0
        switch content.count {
        case ..<126: bytes.writeInteger(mask | UInt8(content.count))
        case ..<65_536:
            bytes.writeInteger(mask | 126)
            bytes.writeInteger(UInt16(content.count))
        default:
            bytes.writeInteger(mask | 127)
            bytes.writeInteger(UInt64(content.count))
        }
        let key: [UInt8] = [1, 2, 3, 4]
        if masked { bytes.writeBytes(key) }
        bytes.writeBytes(masked ? content.enumerated().map { $1 ^ key[$0 % 4] } : content)
        return bytes
    }

    private func with(limits: HTTPLimits = WebStage.patient, _ body: (Client, WebStage) async throws -> Void) async throws {
        try await WebStage.with(limits: limits) { stage in
            let client = try await Client.connect(stage.port)
            try await client.send(Self.opening)
            let reply = await client.reply()
            #expect(reply?.status == "101" && reply?.fields["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            try await body(client, stage)
            client.channel.close(promise: nil)
        }
    }

    /// The code of the server's goodbye, as the last frame before the end.
    private func goodbye(_ client: Client) async -> UInt16? {
        var bytes = ByteBuffer()
        while let piece = await client.bytes() { bytes.writeImmutableBuffer(piece) }
        while let first: UInt8 = bytes.readInteger(), let length: UInt8 = bytes.readInteger() {
            if first == 0x88 { return bytes.readInteger() }
            bytes.moveReaderIndex(forwardBy: min(Int(length), bytes.readableBytes))
        }
        return nil
    }

    @Test("the answer of RFC 6455 §1.3; messages go and come, in pieces too, and what comes right behind the request")
    func messages() async throws {
        try await WebStage.with { stage in
            let client = try await Client.connect(stage.port)
            var both = ByteBuffer(string: Self.opening)
            both.writeImmutableBuffer(Self.frame(1, Array("first".utf8)))
            try await client.send(both)
            #expect(await client.reply()?.status == "101")
            func expect(_ first: Int, _ text: String) async throws {
                let bytes = try #require(await client.exactly(2 + text.utf8.count))
                #expect(bytes.hasSuffix(text))
            }
            try await expect(0x81, "first")
            try await client.send(Self.frame(1, Array("sec".utf8), fin: false))
            try await client.send(Self.frame(9, Array("are you there".utf8)))
            try await client.send(Self.frame(0, Array("ond".utf8)))
            try await expect(0x8A, "are you there")
            try await expect(0x81, "second")
            try await client.send(Self.frame(1, Array("bye".utf8)))
            #expect(await goodbye(client) == 1000)
            for await _ in stage.routes.ended { break }
        }
    }

    @Test(
        "what may not be is answered by a close with its code (S73: 1009)",
        arguments: [
            (frame(2, [UInt8](repeating: 1, count: 1_001)), 1009), (frame(1, Array("a".utf8), masked: false), 1002), (frame(1, [0xFF, 0xFE]), 1007),
            (frame(3, []), 1002),
            (frame(0x41, Array("a".utf8)), 1002), (frame(9, [UInt8](repeating: 1, count: 126)), 1002), (frame(0, [1]), 1002), (frame(8, [0x03, 0xE8]), 1000),
        ] as [(ByteBuffer, UInt16)])
    func refusals(frame: ByteBuffer, code: UInt16) async throws {
        try await with { client, stage in
            try await client.send(frame)
            #expect(await goodbye(client) == code)
            for await _ in stage.routes.ended { break }
        }
    }

    @Test("S72: a message in many pieces counts as a whole")
    func pieces() async throws {
        try await with { client, _ in
            for number in 0..<11 { client.channel.writeAndFlush(Self.frame(number == 0 ? 2 : 0, [UInt8](repeating: 1, count: 100), fin: false), promise: nil) }
            #expect(await goodbye(client) == 1009)
        }
    }

    @Test("who does not answer a ping is gone, and a stop says 1001")
    func pings() async throws {
        var limits = WebStage.patient
        limits.ping = .milliseconds(30)
        try await with(limits: limits) { client, stage in
            #expect(await client.exactly(2) != nil)
            for await _ in stage.routes.ended { break }
        }
        try await with { client, stage in
            async let stopped: Void = stage.listener.stop(grace: .seconds(600))
            #expect(await goodbye(client) == 1001)
            await stopped
        }
    }

    @Test(
        "a socket's path asked for otherwise", arguments: [("", "426"), ("Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 12\r\n", "426")])
    func plain(fields: String, status: String) async throws {
        try await WebStage.with { stage in
            let client = try await Client.connect(stage.port)
            try await client.send("GET /socket HTTP/1.1\r\nHost: x\r\n\(fields)\r\n")
            let reply = await client.reply()
            #expect(reply?.status == status && reply?.fields["sec-websocket-version"] == "13")
            client.channel.close(promise: nil)
        }
    }

    @Test("a handler may refuse")
    func refused() async throws {
        try await WebStage.with { stage in
            let client = try await Client.connect(stage.port)
            try await client.send(Self.opening.replacing("/socket", with: "/socket?no"))
            #expect(await client.reply()?.status == "403")
            client.channel.close(promise: nil)
        }
    }
}
