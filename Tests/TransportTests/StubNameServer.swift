import NIOCore
import NIOPosix
import Synchronization

/// A name server on a free loopback port, over UDP and TCP, that answers as a test says: rightly, wrongly or not at all.
final class StubNameServer: Sendable {
    struct Query: Hashable, Sendable {
        let id: UInt16
        /// In lower case, with a final dot only where it is the root.
        let name: String
        let type: UInt16
        let isTCP: Bool
        /// The name as it was asked.
        let octets: [UInt8]
    }

    /// The packets that answer; none: silence.
    typealias Behaviour = @Sendable (Query) -> [[UInt8]]

    private let behaviour: Behaviour
    private let queries = Mutex<[Query]>([])

    private init(_ behaviour: @escaping Behaviour) { self.behaviour = behaviour }

    var asked: [Query] { queries.withLock { $0 } }

    /// Runs `body` against one, and takes it down.
    static func with(_ behaviour: @escaping Behaviour, _ body: (StubNameServer, Int) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = StubNameServer(behaviour)
        do {
            let (udp, tcp) = try await server.bind(group)
            try await body(server, udp.localAddress?.port ?? 0)
            try await udp.close()
            try await tcp.close()
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    /// The same port of both kinds.
    private func bind(_ group: any EventLoopGroup) async throws -> (any Channel, any Channel) {
        var tries = 0
        while true {
            let udp = try await DatagramBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Datagrams(self)) }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            do {
                let tcp = try await ServerBootstrap(group: group)
                    .childChannelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Frames(self)) }
                    }
                    .bind(host: "127.0.0.1", port: udp.localAddress?.port ?? 0).get()
                return (udp, tcp)
            } catch {
                try await udp.close()
                tries += 1
                if tries == 20 { throw error }
            }
        }
    }

    fileprivate func answer(_ packet: [UInt8], isTCP: Bool) -> [[UInt8]] {
        guard let query = Query(packet, isTCP: isTCP) else { return [] }
        queries.withLock { $0.append(query) }
        return behaviour(query)
    }
}

extension StubNameServer.Query {
    fileprivate init?(_ packet: [UInt8], isTCP: Bool) {
        var index = 12
        var labels: [String] = []
        while index < packet.count, packet[index] > 0, index + Int(packet[index]) + 5 < packet.count {
            labels.append(String(decoding: packet[(index + 1)...(index + Int(packet[index]))], as: UTF8.self).lowercased())
            index += Int(packet[index]) + 1
        }
        guard index + 4 < packet.count, packet[index] == 0 else { return nil }
        self.init(
            id: UInt16(packet[0]) << 8 | UInt16(packet[1]), name: labels.isEmpty ? "." : labels.joined(separator: "."),
            type: UInt16(packet[index + 1]) << 8 | UInt16(packet[index + 2]), isTCP: isTCP, octets: Array(packet[12...index]))
    }

    /// A packet that answers it (RFC 1035 §4.1).
    func reply(
        _ answers: [[UInt8]] = [], authority: [[UInt8]] = [], code: UInt8 = 0, id: UInt16? = nil, isTruncated: Bool = false, question: [UInt8]? = nil
    ) -> [UInt8] {
        let id = id ?? self.id
        var packet: [UInt8] = [UInt8(id >> 8), UInt8(id & 0xFF), 0x85 | (isTruncated ? 2 : 0), 0x80 | code, 0, 1]
        for count in [answers.count, authority.count, 0] { packet += [UInt8(count >> 8), UInt8(count & 0xFF)] }
        packet += (question ?? octets) + [UInt8(type >> 8), UInt8(type & 0xFF), 0, 1]
        return packet + answers.flatMap(\.self) + authority.flatMap(\.self)
    }

    /// NXDOMAIN or NODATA, with the SOA that says for how long.
    func denial(code: UInt8, ttl: UInt32 = 60) -> [UInt8] {
        let numbers: [UInt8] = [0, 0, 0, 1, 0, 0, 14, 16, 0, 0, 2, 88, 0, 1, 81, 128, 0, 0, 0, 60]
        return reply(authority: [StubNameServer.record([0xC0, 0x0C], 6, [0, 0] + numbers, ttl: ttl)], code: code)
    }
}

extension StubNameServer {
    /// Of the name that was asked for.
    static func record(_ type: UInt16, _ data: [UInt8], ttl: UInt32 = 300) -> [UInt8] { record([0xC0, 0x0C], type, data, ttl: ttl) }

    /// A resource record (RFC 1035 §4.1.3).
    static func record(_ name: [UInt8], _ type: UInt16, _ data: [UInt8], ttl: UInt32 = 300) -> [UInt8] {
        name + [UInt8(type >> 8), UInt8(type & 0xFF), 0, 1] + (0..<4).map { UInt8(truncatingIfNeeded: ttl >> (24 - 8 * UInt32($0))) }
            + [UInt8(data.count >> 8), UInt8(data.count & 0xFF)] + data
    }
}

private final class Datagrams: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>
    private let server: StubNameServer

    init(_ server: StubNameServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        for packet in server.answer(Array(envelope.data.readableBytesView), isTCP: false) {
            context.writeAndFlush(wrapOutboundOut(AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: packet))), promise: nil)
        }
    }
}

/// Packets behind their lengths (RFC 1035 §4.2.2).
private final class Frames: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let server: StubNameServer
    private var received = ByteBuffer()

    init(_ server: StubNameServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.writeImmutableBuffer(unwrapInboundIn(data))
        while let frame = received.readLengthPrefixedSlice(as: UInt16.self) {
            for packet in server.answer(Array(frame.readableBytesView), isTCP: true) {
                var out = ByteBuffer(integer: UInt16(clamping: packet.count))
                out.writeBytes(packet)
                context.writeAndFlush(wrapOutboundOut(out), promise: nil)
            }
        }
    }
}
