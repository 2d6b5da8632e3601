import Conversation
import Logging
import MailModel
import NIOCore
import Transport

/// The engine as the program has it, with routes that do nothing.
enum HouseServer {
    static func open(certificatePath: String, keyPath: String) async throws -> Ports {
        let logger = Logger(label: "web-bench") { _ in SwiftLogNoOpLogHandler() }
        let threads = Threads()
        let listeners = Listeners(threads: threads, doorkeeper: Doorkeeper(Doorkeeper.Limits(), logger: logger), logger: logger)
        let shelf = try CertificateShelf([CertificateShelf.Files(certificatePath: certificatePath, keyPath: keyPath)])
        var limits = HTTPLimits()
        // Nothing ends, and nobody is asked whether it is there, while memory is measured.
        (limits.opening, limits.idle, limits.ping) = (.seconds(3_600), .seconds(3_600), .seconds(3_600))
        let site = HTTPSite(HTTPRoutes(routes), limits: limits)
        let plain = try await listeners.open(Endpoint(host: "127.0.0.1", port: 0, security: .plain), site)
        let tls = try await listeners.open(Endpoint(host: "127.0.0.1", port: 0, security: .implicitTLS(shelf)), site)
        // Nobody else holds them, and they serve until the process ends.
        _ = Unmanaged.passRetained(listeners)
        return Ports(plain: plain.port, tls: tls.port)
    }

    private static let routes = [
        HTTPRoute("GET", "/empty", .now { _ in HTTPReply(200) }),
        // One event, and then silence until the client goes.
        HTTPRoute(
            "GET", "/events",
            .work { _, _ in
                HTTPReply(
                    200, ["Content-Type": "text/event-stream"],
                    content: .stream(length: nil) { writer in
                        try await writer.write(ByteBuffer(string: "data: here\n\n"))
                        let (events, _) = AsyncStream.makeStream(of: ByteBuffer.self)
                        for await event in events { try await writer.write(event) }
                    })
            }),
        HTTPRoute(
            "GET", "/socket",
            .socket(
                HTTPRoute.SocketRule { _, socket in
                    do { while let message = try await socket.receive() { try await socket.send(message) } } catch {
                        // catch: the client has gone.
                    }
                })),
    ]
}
