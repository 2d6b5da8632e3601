import Conversation
import MailModel
import NIOCore
import Synchronization
import WebAPI

/// Asks routes as the engine does, without a socket.
struct Asker {
    let table: HTTPRoutes

    init(_ routes: [HTTPRoute]) { table = HTTPRoutes(routes) }

    /// Nil: there is no such route.
    func ask(
        _ method: String, _ target: String, host: String = "mail.example.org", content: String = "", local: String = "192.0.2.25", peer: String = "203.0.113.7",
        isSecure: Bool = false
    ) async throws -> HTTPReply? {
        let target = try RequestTarget(target)
        guard case .found(let route, let captures) = table.find(method, target.segments), let client = IPAddress(peer) else { return nil }
        var request = HTTPRequest(
            method: method, target: target, authority: host, isSecure: isSecure, client: client,
            connection: ConnectionFacts(
                id: 1, peerAddress: peer, peerPort: 50_000, localAddress: local, localPort: 80, isLoopback: client.isLoopback))
        request.captures = captures
        switch route.answer {
        case .now(let answer): return answer(request)
        case .work(let work): return try await work(request, Content(content))
        case .socket: return nil
        }
    }

    private final class Content: RequestContent {
        private let rest: Mutex<ByteBuffer?>
        init(_ text: String) { rest = Mutex(text.isEmpty ? nil : ByteBuffer(string: text)) }
        func next() async throws -> ByteBuffer? { rest.withLock { rest in rest.take() } }
    }
}

extension HTTPReply {
    var text: String {
        guard case .octets(let octets) = content else { return "" }
        return String(buffer: octets)
    }
}

struct Unknown: Error {}

extension OwnNames {
    static func example(_ domains: Set<String> = ["example.org", "xn--bcher-kva.example"]) throws -> OwnNames {
        OwnNames(server: try named("mail.example.org")) { domains.contains($0.value) }
    }

    static func lost() throws -> OwnNames { OwnNames(server: try named("mail.example.org")) { _ in throw Unknown() } }
}

func named(_ text: String) throws -> Domain {
    guard let domain = Domain(text) else { throw Unknown() }
    return domain
}

extension MailServices {
    static func example() throws -> MailServices {
        MailServices(
            host: try named("mail.example.org"),
            [
                Service(.submission, port: 587, isImplicitTLS: false), Service(.submission, port: 465, isImplicitTLS: true),
                Service(.pop3, port: 995, isImplicitTLS: true), Service(.imap, port: 143, isImplicitTLS: false),
                Service(.imap, port: 993, isImplicitTLS: true),
            ])
    }
}

let noon = Timestamp(rawValue: 1_795_996_800 + 43_200)
