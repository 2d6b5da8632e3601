package import Conversation
import MailModel

/// Sends whatever is asked for without TLS to the same place with it (R9, R15).
package struct RedirectPage: Sendable {
    private let names: OwnNames
    private let port: Int

    /// - parameter port: at which the world reaches us over TLS.
    package init(_ names: OwnNames, port: Int) {
        self.names = names
        self.port = port
    }

    /// For everything, but that those whose way is TLS as far as a proxy that is believed find `pages`: sent on, they would come back here for ever.
    package func routes(besides pages: [HTTPRoute] = []) -> [HTTPRoute] {
        pages.map(page)
            + HTTPMethods.ofPaths.map { method in
                HTTPRoute(
                    method, "/{rest...}", content: .unread, .work { request, _ in request.isSecure ? .refusal(404) : try await reply(request) })
            }
    }

    private func page(_ route: HTTPRoute) -> HTTPRoute {
        var route = route
        switch route.answer {
        case .now(let answer): route.answer = .work { request, _ in request.isSecure ? answer(request) : try await reply(request) }
        case .work(let work): route.answer = .work { request, content in request.isSecure ? try await work(request, content) : try await reply(request) }
        case .socket(var rule):
            let refuse = rule.refuse
            rule.refuse = { request in request.isSecure ? refuse(request) : .refusal(403) }
            route.answer = .socket(rule)
        }
        return route
    }

    private func reply(_ request: HTTPRequest) async throws -> HTTPReply {
        let place = SecureURL.text(try await host(request), port: port, request.target.path + (request.target.query.map { "?" + $0 } ?? ""))
        // RFC 9110 §15.4.2, §15.4.9: with 301 some clients make a GET of whatever it was.
        return HTTPReply(["GET", "HEAD"].contains(request.method) ? 301 : 308, ["Location": place])
    }

    /// The one that was asked for where it is ours, and else the server's own: a stranger's name must not lead anybody to the stranger.
    private func host(_ request: HTTPRequest) async throws -> String {
        if let name = try await names.ownHost(request.host) { return name.value }
        if request.host == "localhost", request.connection.isLoopback { return request.host }
        let text = request.host.hasPrefix("[") && request.host.hasSuffix("]") ? request.host.dropFirst().dropLast() : request.host[...]
        // The address that the client has found us at.
        guard let address = IPAddress(text), address == IPAddress(request.connection.localAddress) else { return names.server.value }
        return address.isIPv4 ? address.description : "[\(address)]"
    }
}
