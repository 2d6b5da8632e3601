import Conversation
import MailModel
import Rehearsal
import Testing

@testable import PostOffice

@Suite("What DANE says of a domain's servers: RFC 7672 §2, §3")
struct DANETests {
    private let names = NameTable()
    static let digest = [UInt8](repeating: 7, count: 32)
    static let own: [UInt8] = [3, 1, 1] + digest
    static let anchor: [UInt8] = [2, 0, 1] + digest

    private func domain(_ text: String) throws -> Domain { try #require(Domain(text)) }

    /// `a.example`, whose mail server is `mx.example`.
    private func domain(isSecure: Bool = true, isHostSecure: Bool = true) throws {
        try names.setExchangers(of: "a.example", [(10, "mx.example")], isSecure: isSecure)
        try names.setAddresses(of: "mx.example", ["9.0.0.1"], isSecure: isHostSecure)
    }

    private func tlsa(_ records: [[UInt8]], of host: String = "mx.example", isSecure: Bool = true, port: Int = 25) throws {
        try names.set(.tlsa, of: "_\(port)._tcp.\(host)", records, isSecure: isSecure, ttl: 77)
    }

    private func route(_ name: String = "a.example", families: [AddressFamily] = [.ipv4], routes: [OutgoingRoute] = []) async throws -> DeliveryRoute {
        var setting = MailRouter.Setting()
        setting.families = families
        let identity = SendingIdentity(name: try domain("mail.example.test"))
        let table = try RouteTable(routes: routes, identity: identity)
        let routing = DeliveryRouting({ table }, MailRouter(names, setting, asciiForm: { $0 }, random: { 1 }), DeliveryPolicies(names))
        let next = routes.isEmpty ? NextHop.exchangers(try domain(name)) : .route(name)
        return try await routing.route(to: DeliverySchedule.HopName(next: next, identity: identity))
    }

    /// What a server has to prove; nil: nothing.
    private func terms(_ server: MailServer?) -> TLSTerms? {
        guard case .published(let requirement) = server?.encryption else { return nil }
        #expect(requirement.policy == .tlsa && requirement.isEnforced)
        return requirement.terms
    }

    private func hasAsked(_ type: RecordType) -> Bool { names.asked.contains { $0.type == type } }

    @Test("a server with records has to have what they say, whatever its names are; they hold as long as DNS says")
    func required() async throws {
        try domain()
        try tlsa([Self.own])
        let route = try await route()
        let record = TLSARecord(usage: 3, selector: 1, matching: 1, data: Self.digest)
        #expect(terms(route.servers.first) == TLSTerms(serverName: "mx.example", verification: .dane(records: [record], names: [])))
        #expect(route.servers.count == 1 && route.passedOver.isEmpty && route.ttl == 77)
    }

    @Test("an authority's record goes with names: the host's and the recipients' domain, RFC 7672 §3.2.2")
    func names() async throws {
        try domain()
        try tlsa([Self.anchor])
        guard case .dane(_, let names) = terms(try await route().servers.first)?.verification else { throw Unexpected() }
        #expect(names == ["mx.example", "a.example"])
    }

    private struct Unexpected: Error {}

    @Test("nothing is asked where the exchangers, or the host's address, are not proved: TRAPS §1.4", arguments: [(false, true), (true, false)])
    func insecure(isSecure: Bool, isHostSecure: Bool) async throws {
        try domain(isSecure: isSecure, isHostSecure: isHostSecure)
        try names.setFault(.tlsa, of: "_25._tcp.mx.example", .failed(code: 4))
        let route = try await route()
        #expect(route.servers.map(\.encryption) == [.opportunistic] && route.passedOver.isEmpty && !hasAsked(.tlsa) && !hasAsked(.cname))
    }

    @Test("no MX, proved: the domain's own address is what is asked for; its name stands in for both")
    func implicit() async throws {
        try names.setDenial(.mx, of: "a.example", .noRecords, isSecure: true)
        try names.setAddresses(of: "a.example", ["9.0.0.1"], isSecure: true)
        try tlsa([Self.anchor], of: "a.example")
        guard case .dane(_, let found) = terms(try await route().servers.first)?.verification else { throw Unexpected() }
        #expect(found == ["a.example"])
        try names.setDenial(.mx, of: "a.example", .noRecords, isSecure: false)
        #expect(try await route().servers.map(\.encryption) == [.opportunistic])
    }

    @Test("a denial, and an answer that is not proved, are none", arguments: [DNSDenial.noRecords, .noSuchName, nil], [true, false])
    func none(denial: DNSDenial?, isSecure: Bool) async throws {
        try domain()
        if let denial {
            try names.setDenial(.tlsa, of: "_25._tcp.mx.example", denial, isSecure: isSecure)
        } else {
            guard !isSecure else { return }
            try tlsa([Self.own], isSecure: false)
        }
        #expect(try await route().servers.map(\.encryption) == [.opportunistic])
    }

    @Test(
        "what nobody could say is never none: the server is passed over, and without others the mail waits (TRAPS §1.3)",
        arguments: [
            .failed(code: 2), .failed(code: 4), .failed(code: 5), .timedOut, .bogus("no signature"), .malformed, .unavailable("closed"),
        ] as [ResolverFault])
    func unknown(fault: ResolverFault) async throws {
        try domain()
        try names.setFault(.tlsa, of: "_25._tcp.mx.example", fault)
        let alone = try await route()
        #expect(alone.servers.isEmpty && alone.passedOver.map(\.host) == ["mx.example"] && !alone.isLocal)
        #expect(alone.passedOver.first?.failure.kind == (fault == .malformed ? .tlsaInvalid : .dnssecInvalid))
        let told = MailRouteFault(alone.passedOver)
        #expect(!told.isPermanent && told.status.description == "4.7.5" && told.description.contains(fault.words))

        // Two addresses of one host are one that is passed over; the other host is asked as it is.
        try names.setExchangers(of: "a.example", [(10, "mx.example"), (20, "mx2.example"), (30, "mx3.example")], isSecure: true)
        try names.setAddresses(of: "mx.example", ["9.0.0.1", "9.0.0.2"], isSecure: true)
        try names.setAddresses(of: "mx2.example", ["9.0.0.3"], isSecure: true)
        try names.setAddresses(of: "mx3.example", ["9.0.0.4"])
        try tlsa([Self.own], of: "mx2.example")
        let others = try await route()
        #expect(others.servers.map(\.host) == ["mx2.example", "mx3.example"] && others.passedOver == alone.passedOver)
        #expect(terms(others.servers[0]) != nil && others.servers[1].encryption == .opportunistic)
    }

    @Test("records that nobody can use: TLS, and whoever it is; among others they are left out (RFC 7672 §2.2)")
    func unusable() async throws {
        try domain()
        try tlsa([[1, 1, 1] + Self.digest, [3, 1, 1, 9], [3, 1]])
        #expect(terms(try await route().servers.first) == TLSTerms(serverName: "mx.example", verification: .dane(records: [], names: [])))
        try tlsa([[1, 1, 1] + Self.digest, Self.own])
        guard case .dane(let records, _) = terms(try await route().servers.first)?.verification else { throw Unexpected() }
        #expect(records.map(\.usage) == [3])
    }

    // MARK: Aliases: RFC 7672 §2.2.2, TRAPS §1.25

    @Test("behind an alias that is proved all the way, the last name counts, and the first where that has none")
    func alias() async throws {
        try names.setExchangers(of: "a.example", [(10, "mx.example")], isSecure: true)
        try names.setAlias("mx.example", of: "real.example")
        try names.setAddresses(of: "real.example", ["9.0.0.1"], isSecure: true)
        try tlsa([Self.anchor], of: "real.example")
        try tlsa([Self.own])
        let last = try #require(terms(try await route().servers.first))
        #expect(last.serverName == "real.example")
        guard case .dane(_, let found) = last.verification else { throw Unexpected() }
        #expect(found == ["real.example", "mx.example", "a.example"])
        try names.setDenial(.tlsa, of: "_25._tcp.real.example", .noSuchName, isSecure: true)
        #expect(terms(try await route().servers.first)?.serverName == "mx.example")
        try names.setFault(.tlsa, of: "_25._tcp.real.example", .timedOut)
        #expect(try await route().servers.isEmpty)
    }

    @Test("behind an alias into a zone that is not signed, the first name counts where it is itself in a signed one")
    func aliasOutside() async throws {
        try names.setExchangers(of: "a.example", [(10, "mx.example")], isSecure: true)
        try names.setAlias("mx.example", of: "plain.example")
        try names.setAddresses(of: "plain.example", ["9.0.0.1"])
        try tlsa([Self.own])
        try names.set(.cname, of: "mx.example", [NameTable.octets(ofName: "plain.example")], isSecure: false)
        #expect(try await route().servers.map(\.encryption) == [.opportunistic] && !hasAsked(.tlsa))
        try names.set(.cname, of: "mx.example", [NameTable.octets(ofName: "plain.example")], isSecure: true)
        #expect(terms(try await route().servers.first)?.serverName == "mx.example")
        try names.setFault(.cname, of: "mx.example", .timedOut)
        #expect(try await route().servers.isEmpty)
    }

    @Test("each family is judged alone: a broken denial of one costs the other nothing")
    func families() async throws {
        try domain()
        try names.setFault(.aaaa, of: "mx.example", .bogus("no proof"))
        try tlsa([Self.own])
        let route = try await route(families: [.ipv6, .ipv4])
        #expect(route.servers.count == 1 && terms(route.servers.first) != nil)
        try names.set(.aaaa, of: "mx.example", [try #require(IPAddress("2600::1")).octets], isSecure: false)
        let both = try await self.route(families: [.ipv6, .ipv4])
        #expect(both.servers.map { terms($0) != nil } == [false, true])
    }

    // MARK: Routes of the configuration: TRAPS §1.22

    @Test("a route's hosts may have records too, at their ports, where the configuration says nothing of TLS; where it does, that holds")
    func routes() async throws {
        try names.setAddresses(of: "relay.example", ["9.0.0.1"], isSecure: true)
        try tlsa([Self.anchor], of: "relay.example", port: 587)
        func servers(_ encryption: MailServer.Encryption) async throws -> [MailServer] {
            try await route(
                "smart", routes: [OutgoingRoute(name: "smart", hosts: [.init(domain("relay.example"), port: 587)], encryption: encryption)]
            ).servers
        }
        guard case .dane(_, let found) = terms(try await servers(.opportunistic).first)?.verification else { throw Unexpected() }
        #expect(found == ["relay.example"])
        for encryption in [MailServer.Encryption.never, .required(implicit: false), .required(implicit: true)] {
            #expect(try await servers(encryption).map(\.encryption) == [encryption])
        }
    }

    @Test("an address literal has no records")
    func literal() async throws {
        let route = try await route("[9.0.0.1]")
        #expect(route.servers.map(\.encryption) == [.opportunistic] && names.asked.isEmpty)
    }

    // MARK: Who shares connections

    @Test("domains with the same servers share connections where the same is required of those, and only there")
    func sites() async throws {
        for name in ["a.example", "b.example"] { try names.setExchangers(of: name, [(10, "mx.example")], isSecure: true) }
        try names.setExchangers(of: "c.example", [(10, "mx.example")])
        try names.setAddresses(of: "mx.example", ["9.0.0.1"], isSecure: true)
        try tlsa([Self.own])
        let first = try await route("a.example").site
        #expect(try await route("b.example").site == first)
        #expect(try await route("c.example").site != first)
        try tlsa([Self.anchor])
        let other = try await route("a.example").site
        // A certificate for a.example is none for b.example.
        #expect(try await route("b.example").site != other && other != first)
    }
}
