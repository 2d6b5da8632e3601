import Conversation
import MailModel
import Storage
import Testing

@testable import PostOffice

@Suite("Which way a recipient's mail goes, and as whom it is brought")
struct RouteTableTests {
    private func domain(_ text: String) throws -> Domain { try #require(Domain(text)) }
    private func address(_ text: String) throws -> Address { try #require(Address(text)) }

    private func table(_ ways: [RouteTable.Pattern: RouteTable.Way] = [:], own: [String] = ["own.example"]) throws -> RouteTable {
        let names = Set(ways.values.compactMap { if case .route(let name) = $0 { name } else { nil } })
        let routes = try names.map { OutgoingRoute(name: $0, hosts: [.init(try domain("relay.example"), port: 25)]) }
        return try RouteTable(
            ownDomains: Set(try own.map { try domain($0) }), routes: routes, ways: ways, identity: SendingIdentity(name: try domain("mx.own.example")))
    }

    private func hop(_ table: RouteTable, _ recipient: String) throws -> NextHop { table.nextHop(for: .mailbox(try address(recipient))) }

    @Test("without entries: our own domains are delivered here, others go to their exchangers")
    func bare() throws {
        let table = try table()
        #expect(table.nextHop(for: .postmaster) == .local)
        #expect(try hop(table, "a@own.example") == .local)
        #expect(try hop(table, "a@sub.own.example") == .exchangers(domain("sub.own.example")))
        #expect(try hop(table, "a@remote.example") == .exchangers(domain("remote.example")))
        #expect(try hop(table, "a@[192.0.2.1]") == .exchangers(domain("[192.0.2.1]")))
    }

    @Test("the closest pattern decides: address, domain, nearest parent, everybody")
    func closest() throws {
        let table = try table([
            .address(address("boss@a.example")): .route("address"), .domain(domain("a.example")): .route("domain"),
            .below(domain("a.example")): .route("below"), .below(domain("deep.a.example")): .route("deep"),
            .domain(domain("x.deep.a.example")): .exchangers, .below(domain("example")): .route("wide"), .everybody: .route("all"),
        ])
        #expect(try hop(table, "boss@a.example") == .route("address"))
        #expect(try hop(table, "else@a.example") == .route("domain"))
        #expect(try hop(table, "boss@b.a.example") == .route("below"))
        #expect(try hop(table, "boss@c.b.a.example") == .route("below"))
        #expect(try hop(table, "a@deep.a.example") == .route("below"))
        #expect(try hop(table, "a@y.deep.a.example") == .route("deep"))
        #expect(try hop(table, "a@x.deep.a.example") == .exchangers(domain("x.deep.a.example")))
        #expect(try hop(table, "a@other.example") == .route("wide"))
        #expect(try hop(table, "a@ba.example") == .route("wide"))
        #expect(try hop(table, "a@example") == .route("all"))
        #expect(try hop(table, "a@elsewhere.test") == .route("all"))
        #expect(try hop(table, "a@own.example") == .local)
    }

    @Test("letters' case makes no difference, nor do A-labels and U-labels")
    func forms() throws {
        let table = try table(
            [.address(address("Jörg@BÜCHER.example")): .route("address"), .domain(domain("xn--bcher-kva.example")): .route("domain")],
            own: ["münchen.example"])
        #expect(try hop(table, "jÖRG@xn--bcher-kva.example") == .route("address"))
        #expect(try hop(table, "x@bücher.example") == .route("domain"))
        #expect(try hop(table, "x@xn--mnchen-3ya.example") == .local)
        #expect(try hop(table, "x@straße.example") == .exchangers(domain("xn--strae-oqa.example")))
    }

    @Test("a domain that DNS cannot have stays as it is, and an address literal has no parents")
    func strange() throws {
        let odd = try domain("ab--ü.example")
        #expect(odd.asciiForm == nil)
        #expect(try hop(table(), "a@ab--ü.example") == .exchangers(odd))
        let table = try table([.domain(domain("[192.0.2.9]")): .route("literal"), .everybody: .route("all")])
        #expect(try hop(table, "a@[192.0.2.9]") == .route("literal"))
        #expect(try hop(table, "a@[192.0.2.1]") == .route("all"))
    }

    @Test("our own domains may change; a route must be there")
    func changes() throws {
        let table = try table([.everybody: .route("all")])
        let later = table.with(ownDomains: [try domain("new.example")])
        #expect(try hop(later, "a@new.example") == .local && hop(later, "a@own.example") == .route("all"))
        #expect(throws: RouteTable.Fault(route: "gone")) {
            try RouteTable(ways: [.everybody: .route("gone")], identity: SendingIdentity(name: try domain("mx.example")))
        }
    }

    @Test("whoever sends has the identity of their domain, or everybody's")
    func identities() throws {
        let everybody = SendingIdentity(name: try domain("mx.example"), sources: [.ipv4: try #require(IPAddress("192.0.2.1"))])
        let news = SendingIdentity(name: try domain("news.example"))
        let table = try RouteTable(identity: everybody, identities: [try domain("bücher.example"): news])
        #expect(try table.identity(for: .mailbox(address("a@xn--bcher-kva.example"))) == news)
        #expect(try table.identity(for: .mailbox(address("a@sub.bücher.example"))) == everybody)
        #expect(table.identity(for: .null) == everybody)
    }

    @Test("a route's host is found with its port, its login and our own address of its family")
    func servers() throws {
        let v4 = try #require(IPAddress("192.0.2.1"))
        let identity = SendingIdentity(name: try domain("mx.example"), sources: [.ipv4: v4])
        let route = OutgoingRoute(
            name: "r", hosts: [.init(try domain("a.example"), port: 587), .init(try domain("[127.0.0.1]"), port: 2525)],
            encryption: .required(implicit: false), login: .init(user: "u", password: "p"), allowsPrivate: true)
        #expect(try route.exchangers == [.init(preference: 0, host: domain("a.example")), .init(preference: 1, host: domain("[127.0.0.1]"))])
        func found(_ host: String, _ address: String) throws -> MailRoute.Server {
            MailRoute.Server(host: try domain(host), canonicalName: nil, address: try #require(IPAddress(address)), preference: 0, isSecure: false)
        }
        let first = route.mailServer(try found("a.example", "2600::1"), as: identity)
        #expect(first.host == "a.example" && first.address == "2600::1" && first.port == 587 && first.source == nil && first.login?.user == "u")
        let second = route.mailServer(try found("[127.0.0.1]", "127.0.0.1"), as: identity)
        #expect(second.host == "127.0.0.1" && second.port == 2525 && second.source == "192.0.2.1" && second.encryption == .required(implicit: false))
        let exchanger = MailServer(exchanger: try found("m.example", "9.0.0.1"), as: identity)
        #expect(exchanger.port == 25 && exchanger.dialect == .smtp && exchanger.encryption == .opportunistic && exchanger.ownName == identity.name)
        #expect(!"\(route)".contains("\"p\"") && !String(reflecting: route).contains("\"p\""))
    }
}
