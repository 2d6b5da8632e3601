import Conversation
import MailModel
import PostOffice
import Testing

@testable import martlet

@Suite struct OutboundSettingsTests {
    private func domain(_ text: String) throws -> Domain { try #require(Domain(text)) }

    @Test("the embedded default sends nothing to the world, and can be told to; a file's default sends")
    func enabled() throws {
        #expect(try !configuration().outbound.enabled)
        #expect(try configuration(environment: ["MARTLET_OUTBOUND_ENABLED": "true"]).outbound.enabled)
        #expect(try configuration("data: /d\n").outbound.enabled)
        #expect(try !configuration("outbound: {enabled: false}\n").outbound.enabled)
    }

    @Test("the defaults are RFC 5321's patience: five days, and a note after four hours")
    func defaults() throws {
        let found = try configuration("hostname: mx.example.org\n")
        let outbound = found.outbound
        #expect(outbound.retryFirst == 300 && outbound.retryLongest == 14_400 && outbound.lifetime == 432_000 && outbound.delayNotice == 14_400)
        #expect(outbound.hold == 0 && outbound.connections == 200 && outbound.connectionsPerSite == 20 && outbound.families == [.ipv6, .ipv4])
        #expect(try outbound.identity == SendingIdentity(name: domain("mx.example.org")))
        #expect(outbound.routes.isEmpty && outbound.ways.isEmpty && outbound.identities.isEmpty && outbound.ownAddresses.isEmpty)
        #expect(found.relay.domains.isEmpty && found.relay.networks == .none && found.traceDays == 30)
        #expect(found.names.servers.isEmpty && found.names.anchor == .root && found.names.rootHints == nil)
    }

    @Test("routes, whose mail takes them, and as whom: from the file")
    func routes() throws {
        let found = try configuration(
            """
            hostname: mx.example.org
            outbound:
              ip-versions: [4]
              source-addresses: [192.0.2.1, "2001:db8::1"]
              identities: [news.example name=news.example ipv4=192.0.2.7, bücher.example ipv6=2001:db8::7]
              own-addresses: [198.51.100.1]
              routes:
                - smarthost relay.example.net:587 [2600::1]:26 backup.example.net user=me password-file=/p
                - files 127.0.0.1:2424 lmtp private
                - plain 10.1.2.3 tls=never private
                - wrapped relay.example.net tls=implicit
              destinations: [smarthost *, files a@b.example *.files.example, mx partner.example]
            relay: {domains: [customer.example], networks: [10.1.0.0/16]}
            """, files: ["/p": "sesam öffne dich\nnot this\n"])
        let outbound = found.outbound
        #expect(outbound.families == [.ipv4])
        let (v4, v6) = (try #require(IPAddress("192.0.2.1")), try #require(IPAddress("2001:db8::1")))
        #expect(try outbound.identity == SendingIdentity(name: domain("mx.example.org"), sources: [.ipv4: v4, .ipv6: v6]))
        #expect(
            try outbound.identities == [
                domain("news.example"): SendingIdentity(
                    name: domain("news.example"), sources: [.ipv4: #require(IPAddress("192.0.2.7")), .ipv6: v6]),
                domain("xn--bcher-kva.example"): SendingIdentity(
                    name: domain("mx.example.org"), sources: [.ipv4: v4, .ipv6: #require(IPAddress("2001:db8::7"))]),
            ])
        #expect(
            try outbound.routes == [
                OutgoingRoute(
                    name: "smarthost",
                    hosts: [
                        .init(domain("relay.example.net"), port: 587), .init(domain("[IPv6:2600::1]"), port: 26),
                        .init(domain("backup.example.net"), port: 25),
                    ], encryption: .required(implicit: false), login: .init(user: "me", password: "sesam öffne dich")),
                OutgoingRoute(name: "files", hosts: [.init(domain("[127.0.0.1]"), port: 2424)], dialect: .lmtp, allowsPrivate: true),
                OutgoingRoute(name: "plain", hosts: [.init(domain("[10.1.2.3]"), port: 25)], encryption: .never, allowsPrivate: true),
                OutgoingRoute(name: "wrapped", hosts: [.init(domain("relay.example.net"), port: 465)], encryption: .required(implicit: true)),
            ])
        let table = try outbound.table(ownDomains: [domain("own.example")])
        func hop(_ address: String) throws -> NextHop { table.nextHop(for: .mailbox(try #require(Address(address)))) }
        #expect(try hop("x@elsewhere.example") == .route("smarthost") && hop("A@b.example") == .route("files"))
        #expect(try hop("x@y.files.example") == .route("files") && hop("x@partner.example") == .exchangers(domain("partner.example")))
        #expect(try hop("x@own.example") == .local)
        #expect(try found.relay.domains == [domain("customer.example")])
        #expect(found.relay.networks.contains(try #require(IPAddress("10.1.2.3"))))
    }

    @Test("the same from the environment, in one line")
    func environment() throws {
        let found = try configuration(environment: [
            "MARTLET_OUTBOUND_ROUTES": "a 127.0.0.1:2525 private, b [::1]:2526 private tls=never", "MARTLET_OUTBOUND_DESTINATIONS": "a *, b b.example",
            "MARTLET_DNS_SERVERS": "127.0.0.1@5353,::1", "MARTLET_DNS_STUBS": "example.test=127.0.0.1@5354",
        ])
        #expect(found.outbound.routes.map(\.name) == ["a", "b"] && found.outbound.ways.count == 2)
        #expect(found.names.servers.map { "\($0.address) \($0.port)" } == ["127.0.0.1 5353", "::1 53"])
        #expect(found.names.stubs.map { "\($0.zone) \($0.server.port)" } == ["example.test 5354"])
    }

    @Test("names: an anchor is root, none or a file that is there")
    func names() throws {
        let found = try configuration(
            """
            dns:
              trust-anchor: /anchor
              root-hints: /hints
              open-zones: [test, 127.in-addr.arpa]
              local-records: [mail.example. IN A 192.0.2.1]
            """, files: ["/anchor": "", "/hints": ""])
        #expect(found.names.anchor == .file("/anchor") && found.names.rootHints == "/hints")
        #expect(found.names.openZones.map(\.value) == ["test", "127.in-addr.arpa"] && found.names.localRecords == ["mail.example. IN A 192.0.2.1"])
        #expect(try configuration("dns: {trust-anchor: none}\n").names.anchor == .none)
    }

    @Test("a password is in no message, no description and no list of values")
    func secret() throws {
        let yaml = "outbound: {routes: [s relay.example.net user=me password-file=/p]}\n"
        let found = try configuration(yaml, files: ["/p": "sesam"])
        #expect(found.outbound.routes.first?.login?.password == "sesam")
        #expect(!"\(found)".contains("sesam") && !String(reflecting: found).contains("sesam"))
    }

    @Test(
        "what is wrong is said in one line",
        arguments: [
            ("routes: [smarthost]", "outbound.routes: \"smarthost\" is not a route: name, hosts and options: it names no host; "),
            ("routes: [mx a.example]", "mx means what DNS says, and is no name of a route"),
            ("routes: [\"a/b relay.example\"]", "a/b is no name of letters, digits, - and _"),
            ("routes: [a relay.example:0]", "relay.example:0 has no port behind its last colon"),
            ("routes: [a relay.example:99999]", "relay.example:99999 has no port behind its last colon"),
            ("routes: [\"a 2600::1\"]", "2600: is no domain name"),
            ("routes: [\"a [relay.example]\"]", "[relay.example] is no IP address"),
            ("routes: [a -x-]", "-x- is no domain name"),
            ("routes: [a b.example b.example:26]", "it names a host twice"),
            ("routes: [a b.example tls=maybe]", "tls=maybe is none of opportunistic, required, implicit and never"),
            ("routes: [a b.example colour=red]", "colour is none of tls, user and password-file"),
            ("routes: [a b.example user=me]", "user and password-file go together"),
            ("routes: [a b.example user=me password-file=/p tls=opportunistic]", "a login needs tls=required or tls=implicit"),
            ("routes: [a b.example user=me password-file=/p tls=never private]", "a login needs tls=required or tls=implicit"),
            ("routes: [a 127.0.0.1:25]", "127.0.0.1 is a loopback address: add the word private"),
            ("routes: [a 192.168.1.1]", "192.168.1.1 is a private address: add the word private"),
            ("routes: [a b.example, a c.example]", "outbound.routes: has a twice; give one of the two another name"),
            (
                "routes: [a b.example user=me password-file=/none]",
                "outbound.routes: /none cannot be read: No such file or directory; name a file with the password that this user can read"
            ),
            (
                "authorities: /none",
                "outbound.authorities: /none cannot be read: No such file or directory; name a file of certificates in PEM that this user can read"
            ),
            ("routes: [a b.example user=me password-file=/empty]", "outbound.routes: /empty has no password in its first line"),
            ("destinations: [a]", "it has no pattern behind the route's name"),
            ("destinations: [a *]", "outbound.destinations: names the route a, which is not there; add it to outbound.routes"),
            ("destinations: [mx a.example, mx A.example]", "outbound.destinations: has a pattern twice, in \"mx A.example\"; delete one of the two"),
            ("destinations: [mx *.-x-]", "-x- is no domain name"),
            ("destinations: [mx a@]", "a@ is no address"),
            ("identities: [a.example]", "it says nothing of a.example"),
            ("identities: [a.example ipv4=::1]", "::1 is no IPv4 address"),
            ("identities: [a.example nam=x]", "nam=x is none of name=, ipv4= and ipv6="),
            ("identities: [a.example name=b.example, a.example name=c.example]", "outbound.identities: has a.example twice"),
            ("source-addresses: [192.0.2.1, 192.0.2.2]", "outbound.source-addresses: has two addresses of one IP version; give one of each"),
            ("ip-versions: [5]", "\"5\" is not an IP version: it is neither 4 nor 6; give a list of 6 and 4"),
            ("ip-versions: [4, 4]", "outbound.ip-versions: is no list of different IP versions"),
            ("ip-versions: []", "outbound.ip-versions: is no list of different IP versions"),
            ("{retry-first: 600, retry-longest: 60}", "outbound.retry-longest: is less than outbound.retry-first, 600; give a number from 600"),
        ])
    func faults(_ yaml: String, _ words: String) {
        let line = complaint("outbound:\n  \(yaml)\n", files: ["/p": "x", "/empty": "\n"])
        #expect(line.contains(words) && line.hasPrefix("martlet.yaml:2: "), "\(line)")
    }

    @Test(
        "what is wrong with names is said in one line",
        arguments: [
            ("servers: [localhost]", "\"localhost\" is not an IP address, with @ and a port where that is not 53: localhost is no IP address; "),
            ("servers: [127.0.0.1@0]", "0 is no port"), ("servers: [127.0.0.1@]", " is no port"),
            ("stubs: [example.test]", "it has no = between zone and server"), ("stubs: [example.test=x]", "x is no IP address"),
            ("open-zones: [\"[1.2.3.4]\"]", "[1.2.3.4] is no domain name"), ("local-records: [mail.example.]", "it has no name, type and data"),
            ("local-records: [mail.example. A ü]", "it is not ASCII"),
            ("trust-anchor: /none", "dns.trust-anchor: /none cannot be read: No such file or directory; write root, none or the name of a file"),
            ("root-hints: /none", "dns.root-hints: /none cannot be read: No such file or directory; name a file that this user can read"),
        ])
    func nameFaults(_ yaml: String, _ words: String) {
        let line = complaint("dns:\n  \(yaml)\n")
        #expect(line.contains(words) && line.hasPrefix("martlet.yaml:2: "), "\(line)")
    }

    @Test(
        "hostile items end in a fault, and quickly",
        arguments: ["a " + String(repeating: "[", count: 50_000), String(repeating: "a =", count: 20_000), "a ]:1", "a :", "a [", "=", "a =", " "])
    func hostile(_ text: String) {
        for read in [{ _ = try RouteItem($0) }, { _ = try DestinationItem($0) }, { _ = try IdentityItem($0) }, { _ = try StubZoneItem($0) }]
            as [(String) throws -> Void]
        {
            #expect(throws: ItemFault.self) { try read(text) }
        }
    }

    @Test("values are written as the file takes them")
    func written() throws {
        let reader = ConfigurationReader(
            environment: ["MARTLET_OUTBOUND_DESTINATIONS": "mx a.example \"b\"@c.example"], options: [("--data", "data", "/a \"b\"")],
            read: { path throws(SystemFault) in throw SystemFault("open", path, code: 2) })
        let values = try reader.values().0
        #expect(values.written(.data) == "\"/a \\\"b\\\"\"" && values.origin(of: .data).place == "--data")
        #expect(values.written(.destinations) == "[\"mx a.example \\\"b\\\"@c.example\"]")
        #expect(values.origin(of: .destinations).place == "MARTLET_OUTBOUND_DESTINATIONS")
        #expect(values.written(.outboundEnabled) == "false" && values.written(.lifetime) == "432000" && values.written(.routes) == nil)
    }
}
