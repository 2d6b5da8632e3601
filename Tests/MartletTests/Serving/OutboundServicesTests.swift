import Logging
import MailModel
import MemoryStore
import PostOffice
import Testing
import Transport

@testable import martlet

@Suite("What mail to other servers is sent by", .timeLimit(.minutes(20)))
struct OutboundServicesTests {
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test("the configuration's names are the resolver's: several servers of one zone are one stub, and who names loopback may ask there")
    func resolver() throws {
        let names = try configuration(
            """
            dns:
              servers: [9.9.9.9, 192.0.2.53@5353]
              stubs: [b.example=192.0.2.1, a.example=192.0.2.2, b.example=127.0.0.1@54]
              trust-anchor: none
            """
        ).names
        let setting = names.resolverSetting
        #expect(try setting.forwarders == [.init(address("9.9.9.9")), .init(address("192.0.2.53"), port: 5353)])
        #expect(setting.stubs.map { "\($0.zone) \($0.servers.map(\.port))" } == ["a.example [53]", "b.example [53, 54]"])
        #expect(setting.anchor == .none && setting.asksLoopback)
        #expect(try !configuration("dns: {stubs: [a.example=192.0.2.1]}\n").names.resolverSetting.asksLoopback)
    }

    @Test("we are our names, and our addresses where port 25 is ours")
    func ourselves() throws {
        let yaml = """
            hostname: mx.example.org
            listeners: {smtp: {addresses: [127.0.0.1]}}
            outbound: {hostname: out.example.org, identities: [a.example name=bücher.example], own-addresses: [198.51.100.1], ip-versions: [4, 6]}
            """
        let setting = try configuration(yaml).routerSetting(log)
        #expect(setting.ownHosts.map(\.value).sorted() == ["mx.example.org", "out.example.org", "xn--bcher-kva.example"])
        #expect(try setting.ownAddresses == [address("198.51.100.1"), address("127.0.0.1")])
        #expect(setting.families == [.ipv4, .ipv6])
        let elsewhere = try configuration(yaml, environment: ["MARTLET_PORT_OFFSET": "2000"]).routerSetting(log)
        #expect(try elsewhere.ownAddresses == [address("198.51.100.1")])
        let everywhere = try configuration("listeners: {smtp: {addresses: [0.0.0.0]}}\n").routerSetting(log)
        #expect(try everywhere.ownAddresses.contains(address("127.0.0.1")) && everywhere.ownAddresses.allSatisfy { $0.isIPv4 })
        let both = try configuration("listeners: {smtp: {addresses: [\"::\"]}}\n").routerSetting(log)
        #expect(both.ownAddresses.isSuperset(of: everywhere.ownAddresses))
    }

    @Test("they answer, and end, though nobody answers them; what was asked ends with them")
    func life() async throws {
        let configuration = try configuration("dns: {servers: [\"127.0.0.1@9\"], trust-anchor: none, local-records: [mx.remote.example. IN A 9.0.0.1]}\n")
        let threads = Threads(count: 1)
        let services = try OutboundServices(configuration, threads: threads, store: MemoryStore(clock: SystemClock.now), log: log)
        let host = try #require(Domain("mx.remote.example"))
        let route = try await services.router.route(via: [.init(preference: 0, host: host)], allowsPrivate: false)
        #expect(route.servers.map { "\($0.address)" } == ["9.0.0.1"])
        let waiting = Task { try await services.router.route(to: try #require(Domain("elsewhere.example"))) }
        await services.stop()
        await #expect(throws: MailRouteFault.self) { _ = try await waiting.value }
        try await threads.shutDown()
    }

    @Test("while mail may not leave nobody is asked and nobody is called, whatever asks")
    func held() async throws {
        let threads = Threads(count: 1)
        let services = try OutboundServices(
            try configuration("outbound: {enabled: false}\n"), threads: threads, store: MemoryStore(clock: SystemClock.now), log: log)
        await services.probe()
        await #expect(throws: MailRouteFault.self) { _ = try await services.router.route(to: try #require(Domain("remote.example"))) }
        let server = MailServer(host: "localhost", address: "127.0.0.1", ownName: try #require(Domain("mx.example.org")))
        await #expect(throws: CarrierFault.unfit("mail to other servers is held: outbound.enabled is false")) {
            _ = try await services.carrier.connect(to: server)
        }
        await services.stop()
        try await threads.shutDown()
    }

    @Test("what libunbound does not take stops the start, and names the key")
    func badRecord() async throws {
        let configuration = try configuration("dns: {local-records: [mx.example. IN NONSENSE 1]}\n")
        let threads = Threads(count: 1)
        #expect(throws: ConfigurationFault.self) {
            _ = try OutboundServices(configuration, threads: threads, store: MemoryStore(clock: SystemClock.now), log: log)
        }
        try await threads.shutDown()
    }

    @Test("authorities are certificates, or the start says that they are none")
    func authorities() async throws {
        let threads = Threads(count: 1)
        let good = try SelfSignedCertificate.make(hostNames: ["authority.example"], now: SystemClock.now()).certificatePEM
        _ = try StreamDialler(threads: threads, authorities: good + good)
        for bad in ["", "no certificate", good.replacing("A", with: "B")] {
            #expect(throws: StreamDialler.Fault.self) { _ = try StreamDialler(threads: threads, authorities: bad) }
        }
        try await threads.shutDown()
    }

    @Test("the screen says that mail is held, and how it leaves, for as long as it is held")
    func screen() throws {
        let held = WelcomeScreen(try configuration(), [], "/data", key: "/data.key", []).text
        #expect(held.contains("Mail to other servers is queued and held: nothing leaves this machine.") && held.contains("MARTLET_OUTBOUND_ENABLED=true"))
        #expect(!WelcomeScreen(try configuration(environment: ["MARTLET_OUTBOUND_ENABLED": "on"]), [], "/data", key: "/data.key", []).text.contains("held"))
    }

    @Test("the screen shows what listens, and nothing that a configuration alone says")
    func listeners() throws {
        let found = try configuration()
        let text = WelcomeScreen(found, found.listeners.filter { $0.service != .http }, "/data", key: "/data.key", []).text
        #expect(text.contains("\n  https        127.0.0.1:2443    HTTPS") && !text.contains("2080"))
    }
}
