import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import NIOTLS

/// What NIO itself costs: its HTTP/1.1 and HTTP/2 with a handler that looks at nothing and answers what the house's empty route does, field by field.
enum RawServer {
    static func open(certificatePath: String, keyPath: String) async throws -> Ports {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificatePath).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: keyPath, format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["h2", "http/1.1"]
        let context = try NIOSSLContext(configuration: configuration)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4_096)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        let plain = try await bootstrap.childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture { try speakHTTP1(channel) }
        }.bind(host: "127.0.0.1", port: 0).get()
        let tls = try await bootstrap.childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandlers(
                    NIOSSLServerHandler(context: context),
                    ApplicationProtocolNegotiationHandler { result, channel in
                        channel.eventLoop.makeCompletedFuture {
                            if result == .negotiated("h2") { try speakHTTP2(channel) } else { try speakHTTP1(channel) }
                        }
                    })
            }
        }.bind(host: "127.0.0.1", port: 0).get()
        return Ports(plain: plain.localAddress?.port ?? 0, tls: tls.localAddress?.port ?? 0)
    }

    private static func speakHTTP1(_ channel: any Channel) throws {
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: false)
        try channel.pipeline.syncOperations.addHandler(Empty(isStream: false))
    }

    private static func speakHTTP2(_ channel: any Channel) throws {
        let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: .init(), streamConfiguration: .init()
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandlers(HTTP2FramePayloadToHTTP1ServerCodec(), Empty(isStream: true))
            }
        }
        try channel.pipeline.syncOperations.addHandler(handler)
    }
}

/// Answers 200 to whatever is asked, with no content.
private final class Empty: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let isStream: Bool
    private var keepsAlive = true
    /// Written once: what the time of day costs is part of what is compared.
    private static let headers: HTTPHeaders = ["Date": "Mon, 30 Nov 2026 12:00:00 GMT", "Content-Length": "0"]

    init(isStream: Bool) { self.isStream = isStream }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): keepsAlive = head.isKeepAlive
        case .body: break
        case .end:
            context.write(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: Empty.headers))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            if !isStream, !keepsAlive { context.close(promise: nil) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
