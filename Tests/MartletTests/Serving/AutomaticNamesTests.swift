import ACME
import Conversation
import Logging
import MailModel
import Rehearsal
import Testing
import WebAPI

@testable import martlet

@Suite("Names that the web asks this server for are optional ones of its certificate: TRAPS §3.24-26")
struct AutomaticNamesTests {
    private let table = NameTable()
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func found(
        _ domains: [String], _ labels: [OwnNames.Label] = [.strictTransport, .autoconfig], known: [String] = []
    ) async throws -> [String] {
        let domains = try domains.map { try #require(Domain($0)) }
        let names = AutomaticNames(
            labels: labels, server: try #require(Domain("mx.example.org")), resolver: table, domains: { domains }, log: log)
        return try await names.find(known: Set(try known.map { try #require(CertificateName($0)) })).map(\.description)
    }

    @Test("a name is taken where all its addresses are the server's, of both families, and behind a CNAME")
    func pointing() async throws {
        try table.setAddresses(of: "mx.example.org", ["192.0.2.1", "2001:db8::1"])
        try table.setAddresses(of: "mta-sts.a.example", ["192.0.2.1"])
        try table.setAddresses(of: "autoconfig.a.example", ["192.0.2.1", "2001:db8::1"])
        #expect(try await found(["a.example"]) == ["mta-sts.a.example", "autoconfig.a.example"])
        // What is wanted most comes first, of all domains.
        try table.setAddresses(of: "mta-sts.b.example", ["2001:db8::1"])
        #expect(try await found(["b.example", "a.example"]) == ["mta-sts.a.example", "mta-sts.b.example", "autoconfig.a.example"])
    }

    @Test("one that leads elsewhere, by a wildcard or with a stale AAAA beside ours, is left out alone, and so is one that is not there")
    func elsewhere() async throws {
        try table.setAddresses(of: "mx.example.org", ["192.0.2.1"])
        try table.setAddresses(of: "mta-sts.a.example", ["198.51.100.1"])
        try table.setAddresses(of: "autoconfig.a.example", ["192.0.2.1", "2001:db8::9"])
        try table.setAddresses(of: "mta-sts.c.example", ["192.0.2.1"])
        #expect(try await found(["a.example", "b.example", "c.example"], known: ["mta-sts.a.example"]) == ["mta-sts.c.example"])
    }

    @Test("what cannot be looked up stays where a certificate has it, and is not asked for otherwise: nobody knows is not no")
    func unknown() async throws {
        try table.setAddresses(of: "mx.example.org", ["192.0.2.1"])
        try table.setAddresses(of: "autoconfig.a.example", ["192.0.2.1"])
        try table.setFault(.aaaa, of: "autoconfig.a.example", .timedOut)
        #expect(try await found(["a.example"]) == [])
        #expect(try await found(["a.example"], known: ["autoconfig.a.example"]) == ["autoconfig.a.example"])
        try table.setFault(.a, of: "mx.example.org", .failed(code: 2))
        try table.setAddresses(of: "mta-sts.a.example", ["192.0.2.1"])
        #expect(try await found(["a.example"], known: ["mta-sts.a.example"]) == ["mta-sts.a.example"])
    }

    @Test("a server without addresses has no names, a domain without a dot none, and one in its own letters those in ASCII")
    func shapes() async throws {
        #expect(try await found(["a.example"]) == [])
        try table.setAddresses(of: "mx.example.org", ["192.0.2.1"])
        try table.setAddresses(of: "mta-sts.xn--bcher-kva.example", ["192.0.2.1"])
        try table.setAddresses(of: "mta-sts.localhost", ["192.0.2.1"])
        #expect(try await found(["bücher.example", "localhost"]) == ["mta-sts.xn--bcher-kva.example"])
    }

    @Test("the labels are those that https answers for, and nothing is looked for where it does not listen")
    func labels() throws {
        let policy = "mta-sts: {mode: enforce}\n"
        #expect(try configuration("listeners: {https: {enabled: true}}\n" + policy).webLabels == [.strictTransport, .autoconfig, .autodiscover])
        #expect(try configuration("listeners: {https: {enabled: true}}\n").webLabels == [.autoconfig, .autodiscover])
        #expect(try configuration("listeners: {http: {enabled: true}}\n" + policy).webLabels == [])
    }

    @Test("a certificate gets those it has room for, behind its own and each once")
    func added() throws {
        func names(_ texts: [String]) throws -> [CertificateName] { try texts.map { try #require(CertificateName($0)) } }
        let wanted = try #require(WantedCertificate(try names(["mx.example.org"]), optional: try names(["b.example"]), keyKind: .rsa2048))
        let more = wanted.adding(optional: try names(["a.example", "b.example", "mx.example.org", "a.example"]))
        #expect(more.optional.map(\.description) == ["b.example", "a.example"] && more.required == wanted.required && more.keyKind == .rsa2048)
        let many = wanted.adding(optional: try names((0..<300).map { "n\($0).example" }))
        #expect(many.optional.count == WantedCertificate.mostNames - 1 && many.optional.first?.description == "b.example")
    }
}
