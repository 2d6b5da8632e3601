// Mail to other servers, and the names that it needs.
extension Setting {
    static let outboundEnabled = Setting(
        "outbound.enabled", .toggle, standard: "true",
        help: "Mail to other servers leaves; off, it is queued and held. Off in the embedded default")
    static let retryFirst = Setting(
        "outbound.retry-first", .number(1...86_400), standard: "300",
        help: "Seconds between the first try and the second; each wait is longer than the one before")
    static let retryLongest = Setting(
        "outbound.retry-longest", .number(1...604_800), standard: "14400", help: "Seconds between two tries at most")
    static let lifetime = Setting(
        "outbound.lifetime", .number(1...2_592_000), standard: "432000", help: "Seconds after which mail that could not be delivered comes back to its sender")
    static let delayNotice = Setting(
        "outbound.delay-notice", .number(0...2_592_000), standard: "14400", help: "Seconds after which a sender is told that their mail still waits; 0: never")
    static let submissionHold = Setting(
        "outbound.hold", .number(0...86_400), standard: "0",
        help: "Seconds for which what a user submits waits, for local recipients too, so that they can take it back")
    static let outboundConnections = Setting(
        "outbound.connections", .number(1...100_000), standard: "200", help: "Connections to other servers at the same time")
    static let connectionsPerSite = Setting(
        "outbound.connections-per-site", .number(1...10_000), standard: "20",
        help: "The same to one site, which is all domains with the same exchangers; how many there are is found out by trying")
    static let outboundHostname = Setting(
        "outbound.hostname", .domain, standardNote: "`hostname`", help: "What we call ourselves at other servers (EHLO): the name that our address has in DNS")
    static let sourceAddresses = Setting(
        "outbound.source-addresses", .addresses, standardNote: "the system's choice",
        help: "Where connections to other servers come from: one address of each IP version at most")
    static let ipVersions = Setting(
        "outbound.ip-versions", .items(ipVersion), standard: "6,4", help: "The IP versions that other servers are reached by; the first comes first")
    static let identities = Setting(
        "outbound.identities", .items(IdentityItem.form), standardNote: "none",
        help: "Name and source address by the sender's domain: `DOMAIN [name=NAME] [ipv4=ADDRESS] [ipv6=ADDRESS]`")
    static let publicAddresses = Setting(
        "outbound.own-addresses", .addresses, standardNote: "this machine's",
        help: "Addresses beside this machine's at which mail from the world reaches us, such as a NAT's: no mail is sent there")
    static let routes = Setting(
        "outbound.routes", .items(RouteItem.form), standardNote: "none",
        help:
            "Servers that mail can go by instead of a domain's exchangers: `NAME HOST[:PORT]... [lmtp] [tls=opportunistic, required, implicit or never] [user=NAME password-file=PATH] [private]`; `private`: in private networks and on this machine too"
    )
    static let destinations = Setting(
        "outbound.destinations", .items(DestinationItem.form), standardNote: "what DNS says",
        help:
            "Whose mail goes by which route: `ROUTE PATTERN...`. A pattern is an address, a domain, `*.DOMAIN` for what is below it, or `*`; the closest decides. The route `mx`: what DNS says"
    )

    static let authorities = Setting(
        "outbound.authorities", .path, standardNote: "the system's",
        help:
            "A file of certificates in PEM, of authorities that are believed beside the system's, for other servers' certificates: where a route asks for TLS, and for MTA-STS"
    )

    static let relayDomains = Setting(
        "relay.domains", .items(DomainText.form), standardNote: "none", help: "Domains whose mail is taken from everybody and passed on, by a route or DNS")
    static let relayNetworks = Setting(
        "relay.networks", .networks, standardNote: "none",
        help: "Addresses and networks, such as a printer's, whose mail to anywhere is taken without a login")

    static let sendmailSocket = Setting(
        "sendmail.socket", .path, standardNote: "`sendmail.sock` in the data folder",
        help: "The UNIX socket of `martlet sendmail`. Whoever gets to its folder may send mail; `/run/martlet/sendmail.sock` is found by all users' programs")

    static let traceDays = Setting(
        "trace.keep-days", .number(1...3_650), standard: "30", help: "Days for which it is kept what became of each message")

    static let nameServers = Setting(
        "dns.servers", .items(NameServerItem.form), standardNote: "none: names are looked for from the root on",
        help: "Resolvers that are asked all names. They must pass DNSSEC's signatures on, or `dns.trust-anchor` be `none`")
    static let rootHints = Setting("dns.root-hints", .path, standardNote: "built in", help: "A file of the root's servers (root.hints)")
    static let trustAnchor = Setting(
        "dns.trust-anchor", .path, standard: "root",
        help: "What DNSSEC's proofs begin with: `root`, a file of DS or DNSKEY records, or `none`: then nothing is proved")
    static let stubZones = Setting(
        "dns.stubs", .items(StubZoneItem.form), standardNote: "none", help: "Zones that are asked of these servers alone, one or several: `ZONE=ADDRESS[@PORT]`"
    )
    static let openZones = Setting(
        "dns.open-zones", .items(DomainText.form), standardNote: "none",
        help: "Zones that are asked for like others, though they are reserved (RFC 6761, RFC 6303), such as `test`")
    static let localRecords = Setting(
        "dns.local-records", .items(RecordItem.form), standardNote: "none",
        help: "Records that are answered without asking anybody: `mail.example. IN A 192.0.2.1`")

    private static let ipVersion = ItemForm("an IP version", remedy: "give a list of 6 and 4") { text throws(ItemFault) in
        guard text == "4" || text == "6" else { throw ItemFault("it is neither 4 nor 6") }
    }

    /// In the order of the reference.
    static let outbound: [Setting] = [
        outboundEnabled, retryFirst, retryLongest, lifetime, delayNotice, submissionHold, outboundConnections, connectionsPerSite, outboundHostname,
        sourceAddresses, ipVersions, identities, publicAddresses, routes, destinations, authorities, relayDomains, relayNetworks, sendmailSocket, traceDays,
        nameServers,
        rootHints,
        trustAnchor, stubZones, openZones, localRecords,
    ]
}
