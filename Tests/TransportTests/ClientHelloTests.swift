import NIOCore
import NIOEmbedded
import NIOSSL
import Testing

@testable import Transport

@Suite("ClientHello")
struct ClientHelloTests {
    /// What NIOSSL's client says first.
    private static func hello(_ name: String?, _ protocols: [String]) throws -> ByteBuffer {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.applicationProtocols = protocols
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: NIOSSLContext(configuration: tls), serverHostname: name))
        channel.connect(to: try SocketAddress(ipAddress: "192.0.2.1", port: 1), promise: nil)
        var bytes = ByteBuffer()
        while let piece = try channel.readOutbound(as: ByteBuffer.self) { bytes.writeImmutableBuffer(piece) }
        _ = try channel.finish(acceptAlreadyClosed: true)
        return bytes
    }

    @Test("names and protocols are read, and of what is cut anywhere more is awaited")
    func reads() throws {
        let bytes = try Self.hello("MX.Example.org", ["h2", "http/1.1"])
        #expect(ClientHello.read(bytes) == .hello(ClientHello(serverName: "mx.example.org", protocols: ["h2", "http/1.1"])))
        for count in 0..<bytes.readableBytes { #expect(ClientHello.read(bytes.getSlice(at: 0, length: count) ?? ByteBuffer()) == .incomplete) }
        #expect(ClientHello.read(try Self.hello(nil, [])) == .hello(ClientHello()))
        #expect(
            ClientHello.read(try Self.hello("mx.example.org", ["acme-tls/1"])) == .hello(ClientHello(serverName: "mx.example.org", protocols: ["acme-tls/1"])))
    }

    @Test("a hello in several records is put together, up to a bound")
    func records() throws {
        let bytes = try Self.hello("mx.example.org", ["h2"])
        let message = Array(bytes.readableBytesView.dropFirst(5))
        func cut(_ size: Int) -> ByteBuffer {
            var cut = ByteBuffer()
            for begin in stride(from: 0, to: message.count, by: size) {
                let piece = message[begin..<min(begin + size, message.count)]
                cut.writeBytes([22, 3, 1, UInt8(piece.count >> 8), UInt8(piece.count & 0xFF)])
                cut.writeBytes(piece)
            }
            return cut
        }
        let expected = ClientHello.Reading.hello(ClientHello(serverName: "mx.example.org", protocols: ["h2"]))
        #expect(ClientHello.read(cut(100)) == expected)
        #expect(ClientHello.read(cut(message.count / 60)) == expected)
        #expect(ClientHello.read(cut(1)) == .unreadable)
    }

    @Test("whatever comes is read to an end", arguments: 0..<40)
    func hostile(seed: UInt64) throws {
        var bytes = Array(try Self.hello("mx.example.org", ["h2", "http/1.1"]).readableBytesView)
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        for _ in 0..<200 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 20)
            _ = ClientHello.read(ByteBuffer(bytes: bytes))
        }
        #expect(ClientHello.read(ByteBuffer(string: "EHLO x\r\n")) == .unreadable)
        #expect(ClientHello.read(ByteBuffer(bytes: [22, 3, 1, 0, 0])) == .unreadable)
    }

    @Test(
        "a browser that was sent to a mail port is refused; so is a mail client at the web's (ALPACA)", arguments: [("h2", false), ("imap", true), (nil, true)])
    func protocols(offered: String?, isLet: Bool) async throws {
        try await Stage.with(security: .implicitTLS(Stage.shelf())) { stage in
            let client = try await Client.connect(stage.port)
            try await client.secure(trusting { $0.applicationProtocols = offered.map { [$0] } ?? [] }, name: "mx.example.org")
            #expect(await client.line() == (isLet ? "* HELLO 127.0.0.1 TLSv1.3 mx.example.org" : nil))
        }
    }
}
