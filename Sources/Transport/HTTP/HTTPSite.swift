package import Conversation
package import MailModel

/// What a listener for HTTP serves, and how.
package struct HTTPSite: Sendable {
    package var routes: HTTPRoutes
    /// What every answer has that does not say otherwise.
    package var fields: HTTPFields
    /// Only in answers to clients whose way here is TLS (RFC 6797 §7.2).
    package var secureFields: HTTPFields
    package var forwarding: Forwarding
    package var limits: HTTPLimits
    package var observer: (any HTTPObserver)?

    package init(
        _ routes: HTTPRoutes, fields: HTTPFields = HTTPFields(), secureFields: HTTPFields = HTTPFields(), forwarding: Forwarding = Forwarding(),
        limits: HTTPLimits = HTTPLimits()
    ) {
        self.routes = routes
        self.fields = fields
        self.secureFields = secureFields
        self.forwarding = forwarding
        self.limits = limits
    }

    /// Which proxies are believed when they say for whom they ask (R26).
    package struct Forwarding: Hashable, Sendable {
        package enum Field: String, CaseIterable, Sendable {
            case xForwardedFor = "x-forwarded-for"
            case forwarded = "forwarded"
            case xRealIP = "x-real-ip"
        }

        package var proxies: NetworkList
        /// The one field that they set; another is a client's own and is not looked at.
        package var field: Field

        package init(proxies: NetworkList = .none, field: Field = .xForwardedFor) {
            self.proxies = proxies
            self.field = field
        }
    }
}

/// What the HTTP engine allows a peer.
package struct HTTPLimits: Sendable {
    /// From the connection to the end of the TLS handshake.
    package var handshake: Duration = .seconds(30)
    /// From a new connection (behind TLS, its handshake) to its first octet.
    package var opening: Duration = .seconds(20)
    /// From a request's first octet to the end of its header.
    package var header: Duration = .seconds(20)
    /// Between two requests.
    package var idle: Duration = .seconds(75)
    /// A peer must send, or take, at least `leastProgress` octets in this time while we wait for it.
    package var stall: Duration = .seconds(60)
    package var leastProgress = 4 * 1024
    /// Names and values of all header fields together, in octets (R70).
    package var headerOctets = 8192
    package var headerFields = 100
    /// Streams of an HTTP/2 connection at once.
    package var streams = 100
    /// A WebSocket's peer is asked so often whether it is there, and has as long to answer.
    package var ping: Duration = .seconds(60)

    package init() {}
}
