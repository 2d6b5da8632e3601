package import MailModel

/// Whom an `UnboundResolver` asks, and what it believes.
package struct ResolverSetting: Sendable {
    /// Where a name server listens.
    package struct Server: Hashable, Sendable {
        package let address: IPAddress
        /// 1...65535.
        package let port: Int

        package init(_ address: IPAddress, port: Int = 53) {
            self.address = address
            self.port = port
        }
    }

    /// What DNSSEC's chains of trust begin with (RFC 4033 §2).
    package enum Anchor: Hashable, Sendable {
        /// The root's keys: from Debian's `/usr/share/dns/root.key` where it is, or as they were when this was built.
        case root
        /// A file of DS or DNSKEY records, a line each.
        case file(String)
        /// No answer is ever proved.
        case none
    }

    /// A zone that is asked of these servers alone.
    package struct Stub: Hashable, Sendable {
        package let zone: Domain
        package let servers: [Server]

        package init(zone: Domain, servers: [Server]) {
            self.zone = zone
            self.servers = servers
        }
    }

    /// Recursive resolvers that are asked everything; none: names are looked for from the root on.
    package var forwarders: [Server] = []
    /// A file of the root's servers (root.hints); nil: libunbound's own list.
    package var rootHints: String?
    package var anchor = Anchor.root
    package var stubs: [Stub] = []
    /// Zones that are asked for like others, though libunbound by itself says that they are empty: `test`, `127.in-addr.arpa`.
    package var openZones: [Domain] = []
    /// Records that are answered without asking anybody, one in a line's form each: `mail.example. IN A 192.0.2.1`. They are never proved.
    package var localRecords: [String] = []
    /// Whether servers on this machine may be asked: so they are where a forwarder is one, and otherwise not, as any zone can name 127.0.0.1 its server.
    package var asksLoopback = false
    /// Seconds for which libunbound keeps answers, whatever they say themselves.
    package var ttl = 0...86_400
    /// The same for denials.
    package var mostNegativeTTL = 900
    /// What an answer may take. Then the question ends in `timedOut`, whatever libunbound does.
    package var patience = Duration.seconds(30)

    package init() {}

    var isAskingLoopback: Bool { asksLoopback || forwarders.contains { $0.address.isLoopback } }

    /// The key signing keys 20326 and 38696 (https://data.iana.org/root-anchors/root-anchors.xml), as DS.
    static let rootKeys = [
        ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
        ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
    ]
    static let debianRootKeys = "/usr/share/dns/root.key"
}
