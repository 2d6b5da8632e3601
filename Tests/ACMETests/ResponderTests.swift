import MailModel
import NIOCore
import Synchronization
import Testing
import X509

@testable import ACME

@Suite("Where a CA looks") struct ResponderTests {
    private func response(_ domain: String, _ token: String = "token") throws -> ChallengeResponse {
        ChallengeResponse(domain: try #require(Domain(domain)), token: token, keyAuthorization: token + ".thumbprint")
    }

    @Test("HTTP-01 is answered at the path of a token that waits, and nowhere else: RFC 8555 §8.3")
    func http() throws {
        let http = HTTPChallenges()
        http.place(try response("mx.example.org"))
        #expect(http.content(of: "/.well-known/acme-challenge/token") == "token.thumbprint")
        for path in ["/.well-known/acme-challenge/", "/.well-known/acme-challenge/Token", "/.well-known/acme-challenge/token/", "/token", "", "/"] {
            #expect(http.content(of: path) == nil)
        }
        http.withdraw(try response("mx.example.org"))
        #expect(http.content(of: "/.well-known/acme-challenge/token") == nil)
    }

    @Test("TLS-ALPN-01 has a certificate for the name that waits, and for no other: RFC 8737 §3")
    func tls() throws {
        let tls = TLSALPNChallenges()
        try tls.place(response("mx.example.org"))
        #expect(tls.certificate(for: "MX.example.org") != nil && tls.certificate(for: "example.org") == nil)
        tls.withdraw(try response("mx.example.org"))
        #expect(tls.certificate(for: "mx.example.org") == nil)
    }

    private final class Hook: HookCommand {
        let calls = Mutex<[[String]]>([])
        let environments = Mutex<[[String: String]]>([])
        let failing: Set<String>
        init(failing: Set<String> = []) { self.failing = failing }

        func run(_ arguments: [String], environment: [String: String]) async throws {
            calls.withLock { $0.append(arguments) }
            environments.withLock { $0.append(environment) }
            if failing.contains(arguments[0]) { throw HookFault("the hook ended with 3") }
        }
    }

    @Test("DNS-01 has a record of the digest put in the zone by the administrator's program, and taken away: RFC 8555 §8.4")
    func dns() async throws {
        let hook = Hook()
        let dns = DNSChallenges(hook)
        let response = try response("example.org")
        try await dns.place(response)
        await dns.withdraw(response)
        let value = DNSChallenges.value("token.thumbprint")
        #expect(value.count == 43)
        #expect(hook.calls.withLock { $0 } == [["add", "_acme-challenge.example.org", value], ["remove", "_acme-challenge.example.org", value]])
        #expect(
            hook.environments.withLock { $0.first } == [
                "MARTLET_ACTION": "add", "MARTLET_DOMAIN": "example.org", "MARTLET_RECORD": "_acme-challenge.example.org", "MARTLET_VALUE": value,
            ])
    }

    @Test("a program that fails is a fault of the name, and what it has half done is taken away; that it cannot be is said")
    func failingHook() async throws {
        let complaints = Mutex<[String]>([])
        let hook = Hook(failing: ["add", "remove"])
        let scene = try Scene(responders: [DNSChallenges(hook) { domain, reason in complaints.withLock { $0.append("\(domain): \(reason)") } }])
        try await scene.tend()
        #expect(try await scene.status.fault?.contains("the response to dns-01 cannot be placed: the hook ended with 3") == true)
        #expect(hook.calls.withLock { $0.map(\.[0]) } == ["add", "remove"] && scene.ca.count(.challenge) == 0)
        #expect(complaints.withLock { $0 } == ["mx.example.org: the hook ended with 3"])
    }

    @Test("all names below a domain are shown by DNS alone, and the first way that the CA takes is the one that is taken: RFC 8555 §7.1.3, RFC 8737 §3")
    func choice() async throws {
        let hook = Hook()
        let scene = try Scene(["example.org", "*.example.org"], responders: [TLSALPNChallenges(), DNSChallenges(hook)])
        let look = Scene.Time()
        let ca = ScriptedCA(clock: look.now)
        let world = CertificateKeeper.World(
            transport: ca, responders: [TLSALPNChallenges(), DNSChallenges(hook)], clock: look.now, chance: { 0.5 }, pause: look.pause,
            makeKey: { try CertificateKey($0) })
        let keeper = CertificateKeeper(scene.setting, world, store: scene.store, log: Scene.log, deliver: scene.deliveries.take)
        try await scene.tend(keeper)
        #expect(scene.deliveries.all.map(\.description) == ["example.org, *.example.org"])
        #expect(hook.calls.withLock { $0.map(\.[0]) } == ["add", "remove"])
    }

    @Test("a CA that takes none of our ways is told from one that refuses")
    func noWay() async throws {
        let scene = try Scene(["*.example.org"])
        try await scene.tend()
        #expect(
            try await scene.status.fault?.contains("none of the ways of the CA is open to us: it takes odd-01, http-01, tls-alpn-01, dns-01") == true)
    }
}
