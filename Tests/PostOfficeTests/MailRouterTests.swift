import Conversation
import MailModel
import Rehearsal
import Synchronization
import Testing

@testable import PostOffice

@Suite("Where a domain's mail goes: RFC 5321 §5.1")
struct MailRouterTests {
    private let names = NameTable()
    private let dice = Dice()

    private final class Dice: Sendable {
        private let chance = Mutex(Mutator.Chance(seed: 7))
        func roll() -> UInt64 { chance.withLock { $0.next() } }
    }

    private func router(_ change: (inout MailRouter.Setting) -> Void = { _ in }) -> MailRouter {
        var setting = MailRouter.Setting()
        change(&setting)
        let forms = [Domain("bücher.example"): Domain("xn--bcher-kva.example")]
        return MailRouter(names, setting, asciiForm: { $0.isASCII ? $0 : forms[$0] ?? nil }, random: { [dice] in dice.roll() })
    }

    private func domain(_ text: String) throws -> Domain { try #require(Domain(text)) }

    /// `host address` of each server.
    private func servers(_ name: String, _ router: MailRouter? = nil, allowsPrivate: Bool = false) async throws -> [String] {
        try await (router ?? self.router()).route(to: domain(name), allowsPrivate: allowsPrivate).servers.map { "\($0.host) \($0.address)" }
    }

    private func fault(_ name: String, _ router: MailRouter? = nil, allowsPrivate: Bool = false) async throws -> MailRouteFault {
        try #require(
            await #expect(throws: MailRouteFault.self) { _ = try await (router ?? self.router()).route(to: domain(name), allowsPrivate: allowsPrivate) })
    }

    // MARK: Exchangers

    @Test("by preference, IPv6 and IPv4 taking turns")
    func preference() async throws {
        try names.setExchangers(of: "a.example", [(20, "mx2.example"), (10, "mx1.example"), (300, "mx3.example")], isSecure: true)
        try names.setAddresses(of: "mx1.example", ["9.0.0.1", "9.0.0.2", "2600::1", "9.0.0.3"], isSecure: true)
        try names.setAddresses(of: "mx2.example", ["9.0.1.1"])
        try names.setAddresses(of: "mx3.example", ["2600::3"])
        #expect(
            try await servers("a.example") == [
                "mx1.example 2600::1", "mx1.example 9.0.0.1", "mx1.example 9.0.0.2", "mx1.example 9.0.0.3", "mx2.example 9.0.1.1", "mx3.example 2600::3",
            ])
        let route = try await router().route(to: domain("a.example"))
        #expect(route.isSecure && route.servers[0].isSecure && !route.servers[4].isSecure)
        #expect(route.servers.map(\.preference) == [10, 10, 10, 10, 20, 300])
    }

    @Test("equals are shuffled, and only they")
    func shuffling() async throws {
        try names.setExchangers(of: "a.example", [(10, "m1.example"), (10, "m2.example"), (10, "m3.example"), (20, "last.example"), (5, "first.example")])
        for (index, name) in ["m1", "m2", "m3", "last", "first"].enumerated() { try names.setAddresses(of: "\(name).example", ["9.0.0.\(index)"]) }
        var orders: Set<[String]> = []
        for _ in 0..<200 {
            let order = try await servers("a.example")
            #expect(order.first == "first.example 9.0.0.4" && order.last == "last.example 9.0.0.3" && order.count == 5)
            orders.insert(order)
        }
        #expect(orders.count == 6)
    }

    @Test("the site is the same for domains with the same exchangers, whatever their order, and another for others")
    func site() async throws {
        for name in ["m1", "m2", "d"] { try names.setAddresses(of: "\(name).example", ["9.0.0.1"]) }
        try names.setExchangers(of: "a.example", [(10, "m1.example"), (20, "m2.example")])
        try names.setExchangers(of: "b.example", [(5, "M2.example"), (5, "m1.example")])
        try names.setExchangers(of: "c.example", [(5, "m1.example")])
        func site(_ name: String) async throws -> String { try await router().route(to: domain(name)).site }
        #expect(try await site("a.example") == "m1.example,m2.example")
        #expect(try await site("b.example") == "m1.example,m2.example")
        #expect(try await site("c.example") == "m1.example")
        #expect(try await site("d.example") == "d.example")
        #expect(try await site("[9.0.0.1]") == "9.0.0.1")
    }

    @Test("no MX: the domain's own addresses; its security is that of the denial")
    func implicit() async throws {
        try names.setAddresses(of: "a.example", ["9.0.0.1", "2600::1"])
        try names.setDenial(.mx, of: "a.example", .noRecords, isSecure: true)
        #expect(try await servers("a.example") == ["a.example 2600::1", "a.example 9.0.0.1"])
        #expect(try await router().route(to: domain("a.example")).isSecure)
    }

    @Test("an MX whose host has no address is no reason to use the domain's own")
    func unusable() async throws {
        try names.setExchangers(of: "a.example", [(10, "gone.example")])
        try names.setAddresses(of: "a.example", ["9.0.0.1"])
        let fault = try await fault("a.example")
        #expect(fault.cause == .noAddress && fault.isPermanent && fault.status.description == "5.4.4")
    }

    @Test("null MX bounces at once: RFC 7505 §4.2")
    func nullMX() async throws {
        try names.setExchangers(of: "a.example", [(0, ".")])
        try names.setAddresses(of: "a.example", ["9.0.0.1"])
        let fault = try await fault("a.example")
        #expect(fault.cause == .takesNoMail && fault.isPermanent && fault.status.description == "5.1.10")
        #expect(names.asked.count == 1)
    }

    @Test("a null MX beside others means nothing: RFC 7505 §3")
    func nullBesideOthers() async throws {
        try names.setExchangers(of: "a.example", [(0, "."), (10, "mx.example")])
        try names.setAddresses(of: "mx.example", ["9.0.0.1"])
        #expect(try await servers("a.example") == ["mx.example 9.0.0.1"])
    }

    @Test("no such domain: 5.1.2; a domain without MX and address: 5.4.4")
    func nothing() async throws {
        let gone = try await fault("gone.example")
        #expect(gone.cause == .noSuchDomain && gone.isPermanent && gone.status.description == "5.1.2")
        try names.set(.txt, of: "text.example", [[0]])
        let empty = try await fault("text.example")
        #expect(empty.cause == .noAddress && empty.isPermanent && empty.status.description == "5.4.4")
    }

    @Test("an MX that is an alias is followed, and the host keeps its name")
    func alias() async throws {
        try names.setExchangers(of: "a.example", [(10, "mx.example")])
        try names.setAlias("mx.example", of: "real.example")
        try names.setAddresses(of: "real.example", ["9.0.0.1"], isSecure: true)
        let server = try #require(try await router().route(to: domain("a.example")).servers.first)
        #expect(server.host.value == "mx.example" && server.canonicalName?.value == "real.example" && server.isSecure)
    }

    @Test("an internationalised domain is asked for by its A-labels: RFC 5891 §4.4; one that has none is not in DNS")
    func international() async throws {
        try names.setExchangers(of: "xn--bcher-kva.example", [(10, "mx.example")])
        try names.setAddresses(of: "mx.example", ["9.0.0.1"])
        #expect(try await servers("bücher.example") == ["mx.example 9.0.0.1"])
        #expect(try await fault("ö.example").status.description == "5.1.2")
        let label = String(repeating: "a", count: 49)
        #expect(try await fault([label, label, label, label, label, "long"].joined(separator: ".")).cause == .noSuchDomain)
        #expect(names.asked.allSatisfy { !$0.name.value.contains("\\") })
    }

    @Test("lists are bounded: 20 hosts, the best; 8 addresses of one; 40 in all")
    func bounds() async throws {
        try names.setExchangers(of: "a.example", (0..<200).map { (UInt16(1_000 - $0), "m\($0).example") })
        for index in 0..<200 { try names.setAddresses(of: "m\(index).example", (0..<30).map { "9.0.\(index).\($0)" }) }
        let servers = try await servers("a.example")
        #expect(servers.count == 40)
        #expect(Array(servers.prefix(9)) == (0..<8).map { "m199.example 9.0.199.\($0)" } + ["m198.example 9.0.198.0"])
        #expect(Set(names.asked.map(\.name)).count == 21)
        try names.setExchangers(of: "b.example", [(10, "m1.example"), (20, "m1.example"), (10, "m1.example")])
        #expect(try await self.servers("b.example").count == 8)
    }

    // MARK: Faults

    @Test(
        "an MX that could not be looked up is tried again later, whatever the domain's own addresses",
        arguments: [ResolverFault.failed(code: 2), .failed(code: 5), .timedOut, .bogus("signature expired"), .malformed, .unavailable("closed")])
    func exchangerFault(fault expected: ResolverFault) async throws {
        try names.setFault(.mx, of: "a.example", expected)
        try names.setAddresses(of: "a.example", ["9.0.0.1"])
        let fault = try await fault("a.example")
        #expect(fault.cause == .resolver(expected) && !fault.isPermanent && fault.status.description == "4.4.3")
        #expect(!fault.description.isEmpty)
    }

    @Test("a fault of one family does not lose the other; with neither it is a fault, not \"no address\"")
    func familyFault() async throws {
        try names.setExchangers(of: "a.example", [(10, "mx.example")])
        try names.setAddresses(of: "mx.example", ["9.0.0.1"])
        try names.setFault(.aaaa, of: "mx.example", .bogus("no"))
        #expect(try await servers("a.example") == ["mx.example 9.0.0.1"])
        try names.setDenial(.a, of: "mx.example", .noRecords)
        let fault = try await fault("a.example")
        #expect(fault.cause == .resolver(.bogus("no")) && fault.status.description == "4.4.3")
    }

    @Test("a fault of one host does not lose the others, nor do others without address make it permanent")
    func hostFault() async throws {
        try names.setExchangers(of: "a.example", [(10, "dead.example"), (20, "gone.example"), (30, "mx.example")])
        for type in [RecordType.a, .aaaa] { try names.setFault(type, of: "dead.example", .timedOut) }
        try names.setAddresses(of: "mx.example", ["9.0.0.1"])
        #expect(try await servers("a.example") == ["mx.example 9.0.0.1"])
        try names.setAddresses(of: "mx.example", ["10.0.0.1"])
        #expect(try await fault("a.example").cause == .resolver(.timedOut))
    }

    @Test("families that are not used are not asked for")
    func families() async throws {
        try names.setAddresses(of: "a.example", ["9.0.0.1", "2600::1"])
        #expect(try await servers("a.example", router { $0.families = [.ipv4] }) == ["a.example 9.0.0.1"])
        #expect(!names.asked.contains { $0.type == .aaaa })
        #expect(try await servers("a.example", router { $0.families = [.ipv4, .ipv6] }) == ["a.example 9.0.0.1", "a.example 2600::1"])
    }

    @Test("whoever waits no longer is told so, not that DNS failed")
    func cancelled() async throws {
        struct Silent: Resolver {
            func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> { throw CancellationError() }
        }
        let router = MailRouter(Silent(), MailRouter.Setting(), asciiForm: { $0 })
        await #expect(throws: CancellationError.self) { _ = try await router.route(to: domain("a.example")) }
    }

    // MARK: Ourselves

    @Test("hosts that are ourselves, by name, alias or address, and those of equal or worse preference are left out")
    func ourselves() async throws {
        let own = try domain("us.example")
        let address = try #require(IPAddress("9.9.9.9"))
        let router = router {
            $0.ownHosts = [own]
            $0.ownAddresses = [address]
        }
        for (name, index) in [("m1", 1), ("m2", 2), ("m3", 3)] { try names.setAddresses(of: "\(name).example", ["9.0.0.\(index)"]) }
        try names.setAddresses(of: "us.example", ["9.0.0.4"])
        try names.setAddresses(of: "other.example", ["9.0.0.5", "9.9.9.9"])
        try names.setAlias("alias.example", of: "us.example")
        for name in ["us.example", "other.example", "alias.example"] {
            try names.setExchangers(of: "a.example", [(10, "m1.example"), (20, name), (20, "m2.example"), (30, "m3.example")])
            #expect(try await servers("a.example", router) == ["m1.example 9.0.0.1"], "\(name)")
            try names.setExchangers(of: "a.example", [(10, name), (10, "m2.example"), (30, "m3.example")])
            let fault = try await fault("a.example", router)
            #expect(fault.cause == .loop && fault.isPermanent && fault.status.description == "5.4.6", "\(name)")
        }
    }

    @Test("a domain without MX that is ourselves, and a literal of ours, come back to us: 5.4.6")
    func implicitOurselves() async throws {
        let address = try #require(IPAddress("9.9.9.9"))
        let router = router { $0.ownAddresses = [address] }
        try names.setAddresses(of: "a.example", ["9.9.9.9"])
        #expect(try await fault("a.example", router).status.description == "5.4.6")
        #expect(try await fault("[9.9.9.9]", router).status.description == "5.4.6")
    }

    @Test("where the better ones could not be looked up, what lies behind ourselves is no loop yet")
    func faultBeforeOurselves() async throws {
        let own = try domain("us.example")
        try names.setExchangers(of: "a.example", [(10, "dead.example"), (20, "us.example")])
        for type in [RecordType.a, .aaaa] { try names.setFault(type, of: "dead.example", .timedOut) }
        #expect(try await fault("a.example", router { $0.ownHosts = [own] }).cause == .resolver(.timedOut))
    }

    // MARK: Addresses

    @Test(
        "no mail goes to addresses that are not the world's, unless a route allows it",
        arguments: [
            "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "100.64.0.1", "169.254.169.254", "192.0.2.1", "::1", "fc00::1", "fe80::1", "2001:db8::1",
            "64:ff9b::10.0.0.1", "2002:7f00:1::1",
        ])
    func privateAddresses(address: String) async throws {
        try names.setExchangers(of: "a.example", [(10, "mx.example")])
        try names.setAddresses(of: "mx.example", [address])
        let fault = try await fault("a.example")
        #expect(fault.cause == .unreachableAddresses && fault.isPermanent && fault.status.description == "5.4.4")
        let written = try #require(IPAddress(address)).description
        #expect(fault.description.contains(written))
        #expect(try await servers("a.example", allowsPrivate: true) == ["mx.example \(written)"])
        // One good address is enough.
        try names.setAddresses(of: "mx2.example", ["9.0.0.1"])
        try names.setExchangers(of: "a.example", [(10, "mx.example"), (20, "mx2.example")])
        #expect(try await servers("a.example") == ["mx2.example 9.0.0.1"])
    }

    @Test("an AAAA record with an IPv4 address in it is that address: RFC 4291 §2.5.5.2")
    func mapped() async throws {
        for (last, isAllowed) in [([127, 0, 0, 1], false), ([9, 0, 0, 1], true)] as [([UInt8], Bool)] {
            try names.set(.aaaa, of: "a.example", [[UInt8](repeating: 0, count: 10) + [255, 255] + last])
            if isAllowed {
                #expect(try await servers("a.example") == ["a.example 9.0.0.1"])
                #expect(try await fault("a.example", router { $0.families = [.ipv6] }).cause == .noAddress)
            } else {
                #expect(try await fault("a.example").cause == .unreachableAddresses)
            }
        }
    }

    @Test("what is no host's is never connected to", arguments: ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"])
    func noHost(address: String) async throws {
        try names.setAddresses(of: "a.example", [address])
        for allowsPrivate in [false, true] { #expect(try await fault("a.example", allowsPrivate: allowsPrivate).cause == .unreachableAddresses) }
    }

    // MARK: Literals and routes

    @Test("an address literal goes straight there, without a question: RFC 5321 §4.1.3")
    func literals() async throws {
        #expect(try await servers("[9.0.0.1]") == ["[9.0.0.1] 9.0.0.1"])
        #expect(try await servers("[IPv6:2600::1]") == ["[ipv6:2600::1] 2600::1"])
        #expect(try await fault("[127.0.0.1]").cause == .unreachableAddresses)
        #expect(try await servers("[127.0.0.1]", allowsPrivate: true) == ["[127.0.0.1] 127.0.0.1"])
        for text in ["[2600::1]", "[IPv6:9.0.0.1]", "[9.0.0]", "[x]", "[tag:9.0.0.1]", "[9.0.0.01]", "[ipv6:fe80::1%eth0]"] {
            #expect(try await fault(text).status.description == "5.1.2", "\(text)")
        }
        #expect(names.asked.isEmpty)
    }

    @Test("a route's hosts are its own exchangers, without a question for MX, and proved: the configuration says them")
    func via() async throws {
        try names.setExchangers(of: "smart.example", [(10, "mx.example")])
        try names.setAddresses(of: "smart.example", ["10.0.0.1"])
        let exchangers = [MailExchanger(preference: 10, host: Domain("smart.example")), MailExchanger(preference: 20, host: Domain("[127.0.0.1]"))]
        let route = try await router().route(via: exchangers, allowsPrivate: true)
        #expect(route.servers.map { "\($0.host) \($0.address)" } == ["smart.example 10.0.0.1", "[127.0.0.1] 127.0.0.1"])
        #expect(route.isSecure && !names.asked.contains { $0.type == .mx })
        await #expect(throws: MailRouteFault.self) { _ = try await router().route(via: exchangers, allowsPrivate: false) }
        await #expect(throws: MailRouteFault.self) { _ = try await router().route(via: [], allowsPrivate: true) }
    }
}
