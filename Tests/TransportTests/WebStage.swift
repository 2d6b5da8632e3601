import Conversation
import Logging
import MailModel
import NIOCore
import NIOSSL
import Synchronization
import Testing

@testable import Transport

/// A listener for HTTP on a free loopback port, with routes for tests behind it.
struct WebStage {
    let listener: Listener
    let routes: TestRoutes
    var port: Int { listener.port }

    /// A busy machine is no slow client.
    static let patient: HTTPLimits = {
        var limits = HTTPLimits()
        (limits.handshake, limits.opening, limits.header) = (.seconds(600), .seconds(600), .seconds(600))
        (limits.idle, limits.stall, limits.ping) = (.seconds(600), .seconds(600), .seconds(600))
        return limits
    }()

    static func with(
        _ security: Security = .plain, limits: HTTPLimits = WebStage.patient, forwarding: HTTPSite.Forwarding = HTTPSite.Forwarding(),
        proxies: NetworkList = .none, door: Doorkeeper.Limits = Doorkeeper.Limits(),
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, _ body: (WebStage) async throws -> Void
    ) async throws {
        let threads = Threads(count: 1, LoopBudget())
        let listeners = Listeners(threads: threads, doorkeeper: Doorkeeper(door, logger: logger), logger: logger)
        var endpoint = Endpoint(host: "127.0.0.1", port: 0, security: security)
        endpoint.proxies = proxies
        let routes = TestRoutes()
        let site = HTTPSite(
            HTTPRoutes(routes.all), fields: ["X-Content-Type-Options": "nosniff"], secureFields: ["Strict-Transport-Security": "max-age=1"],
            forwarding: forwarding, limits: limits)
        let listener = try await listeners.open(endpoint, site)
        do { try await body(WebStage(listener: listener, routes: routes)) } catch {
            await listeners.stop(grace: .milliseconds(100))
            try await threads.shutDown()
            throw error
        }
        await listeners.stop(grace: .milliseconds(500))
        try await threads.shutDown()
    }
}

/// What the tests ask for.
final class TestRoutes: Sendable {
    struct Ledger {
        var produced = 0
        var cancelled = 0
        var began = 0
        var requests: [HTTPRequest] = []
    }

    let ledger = Mutex(Ledger())
    let gate = Gate()
    /// One for each handler that has ended.
    let ended: AsyncStream<Void>
    private let ending: AsyncStream<Void>.Continuation

    init() { (ended, ending) = AsyncStream.makeStream() }

    var all: [HTTPRoute] {
        [
            HTTPRoute("GET", "/", .now { _ in HTTPReply(200, text: "root") }),
            HTTPRoute("GET", "/hello/{name}", .now { HTTPReply(200, text: "hello \($0.captures[0])") }),
            HTTPRoute(
                "GET", "/who",
                .now { [self] request in
                    ledger.withLock { $0.requests.append(request) }
                    return HTTPReply(200, text: "\(request.client) \(request.isSecure ? "https" : "http") \(request.host)")
                }),
            HTTPRoute("GET", "/local", admission: .networks(.loopback), .now { _ in HTTPReply(200, text: "local") }),
            HTTPRoute("GET", "/bad-field", .now { _ in HTTPReply(200, ["X-Split": "a\r\nSet-Cookie: b"]) }),
            HTTPRoute(
                "POST", "/echo", content: .init(limit: 100_000, types: ["text/plain"]),
                .work { _, content in
                    HTTPReply(200, ["Content-Type": "text/plain"], content: .octets(try await content.all()))
                }),
            HTTPRoute(
                "POST", "/count", content: .init(limit: 1 << 30),
                .work { _, content in
                    var count = 0
                    while let piece = try await content.next() { count += piece.readableBytes }
                    return HTTPReply(200, text: "\(count)")
                }),
            HTTPRoute("POST", "/coded", content: .unread, .work { _, _ in HTTPReply(200, text: "unread") }),
            HTTPRoute("POST", "/unread", content: .init(limit: 1 << 30), .work { _, _ in HTTPReply(200, text: "unread") }),
            HTTPRoute(
                "POST", "/wait", content: .init(limit: 1 << 30),
                .work { [self] _, _ in
                    ledger.withLock { $0.began += 1 }
                    await gate.wait()
                    return HTTPReply(200, text: "waited")
                }),
            HTTPRoute(
                "GET", "/stream/{octets}",
                .work { request, _ in
                    HTTPReply(200, content: .stream(length: nil) { writer in try await self.write(Int(request.captures[0]) ?? 0, writer) })
                }),
            HTTPRoute(
                "GET", "/known/{octets}",
                .work { request, _ in
                    let octets = Int(request.captures[0]) ?? 0
                    return HTTPReply(200, content: .stream(length: octets) { writer in try await self.write(octets, writer) })
                }),
            HTTPRoute(
                "GET", "/short",
                .work { _, _ in
                    HTTPReply(200, content: .stream(length: 10) { writer in try await self.write(5, writer) })
                }),
            HTTPRoute(
                "GET", "/broken",
                .work { _, _ in
                    HTTPReply(
                        200,
                        content: .stream(length: nil) { writer in
                            try await self.write(5, writer)
                            throw ContentFault.broken
                        })
                }),
            HTTPRoute("GET", "/fails", .work { _, _ in throw ContentFault.tooSlow }),
            HTTPRoute(
                "GET", "/wait",
                .work { [self] _, _ in
                    ledger.withLock { $0.began += 1 }
                    await gate.wait()
                    if Task.isCancelled { ledger.withLock { $0.cancelled += 1 } }
                    ending.yield()
                    return HTTPReply(200, text: "waited")
                }),
            HTTPRoute(
                "GET", "/socket",
                .socket(
                    .init(mostOctets: 1_000, refuse: { $0.target.query == "no" ? .refusal(403) : nil }) { [self] _, socket in
                        do {
                            while let message = try await socket.receive() {
                                if message == .text("bye") { break }
                                try await socket.send(message)
                            }
                        } catch {
                            ledger.withLock { $0.cancelled += 1 }
                        }
                        ending.yield()
                    })),
        ]
    }

    private func write(_ octets: Int, _ writer: any ContentWriter) async throws {
        defer { ending.yield() }
        var left = octets
        do {
            while left > 0 {
                let piece = ByteBuffer(repeating: 0x78, count: min(left, 16 * 1024))
                left -= piece.readableBytes
                try await writer.write(piece)
                ledger.withLock { $0.produced += piece.readableBytes }
            }
        } catch {
            ledger.withLock { $0.cancelled += 1 }
            throw error
        }
    }
}

/// What is logged, from a level on.
final class LogBook: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }

    func logger(from level: Logger.Level) -> Logger {
        var logger = Logger(label: "test") { _ in Handler(book: self) }
        logger.logLevel = level
        return logger
    }

    private struct Handler: LogHandler {
        let book: LogBook
        var metadata = Logger.Metadata()
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { book.lines.withLock { $0.append("\(event.level) \(event.message)") } }
    }
}

/// An answer as it came.
struct WireReply: Equatable {
    var status: String
    var fields: [String: String]
    var content: String
}

extension Client {
    /// The next answer; nil once the server has closed. A chunked one is put together; one that breaks off has `…` behind it.
    func reply(toHead: Bool = false) async -> WireReply? {
        guard let first = await text() else { return nil }
        var fields: [String: String] = [:]
        while let line = await text(), !line.isEmpty {
            let halves = line.split(separator: ":", maxSplits: 1)
            fields[halves[0].lowercased()] = halves.count == 2 ? String(halves[1].drop { $0 == " " }) : ""
        }
        var reply = WireReply(status: first.split(separator: " ").dropFirst().first.map(String.init) ?? first, fields: fields, content: "")
        guard !toHead, reply.status != "100", reply.status != "204", reply.status != "101" else { return reply }
        if fields["transfer-encoding"] == "chunked" {
            while true {
                guard let line = await text(), let count = Int(line, radix: 16) else {
                    reply.content += "…"
                    return reply
                }
                if count > 0 { reply.content += await exactly(count) ?? "…" }
                _ = await text()
                if count == 0 { return reply }
            }
        }
        guard let length = fields["content-length"].flatMap({ Int($0) }) else {
            while let octets = await bytes() { reply.content += String(buffer: octets) }
            return reply
        }
        if length > 0 { reply.content = await exactly(length) ?? "…" }
        return reply
    }

    private func text() async -> String? { await line().map { $0.hasSuffix("\r") ? String($0.dropLast()) : $0 } }
}
