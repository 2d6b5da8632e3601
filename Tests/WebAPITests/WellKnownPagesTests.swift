import Conversation
import MailModel
import Testing
import WebAPI

@Suite("Whom to tell of a weakness: RFC 9116")
struct SecurityContactPageTests {
    private func asker(_ languages: [String] = ["en", "de"], port: Int = 443) throws -> Asker {
        Asker(
            SecurityContactPage(
                contacts: ["mailto:security@example.org", "https://example.org/report"], languages: languages, names: try .example(), port: port,
                clock: { noon }
            ).routes)
    }

    @Test("contacts in order, an end within a year, and the page's own place")
    func text() async throws {
        let reply = try #require(try await asker().ask("GET", "/.well-known/security.txt", host: "example.org"))
        #expect(reply.fields.only("content-type") == "text/plain; charset=utf-8")
        #expect(
            reply.text
                == "Contact: mailto:security@example.org\r\nContact: https://example.org/report\r\nExpires: 2027-05-29T00:00:00Z\r\n"
                + "Preferred-Languages: en, de\r\nCanonical: https://example.org/.well-known/security.txt\r\n")
    }

    @Test("a stranger's host name is not repeated; a port that is not 443 is")
    func stranger() async throws {
        let reply = try #require(try await asker([], port: 2_443).ask("GET", "/.well-known/security.txt", host: "evil.example"))
        #expect(reply.text.hasSuffix("Z\r\nCanonical: https://mail.example.org:2443/.well-known/security.txt\r\n"))
    }
}

@Suite("What an authority for certificates asks for: RFC 8555 §8.3")
struct ChallengePageTests {
    private let asker = Asker(ChallengePage { $0 == "tok-EN_1" ? "tok-EN_1.print" : nil }.routes)

    @Test("the key authorization of a token that is known")
    func known() async throws {
        let reply = try #require(try await asker.ask("GET", "/.well-known/acme-challenge/tok-EN_1"))
        #expect(reply.status == 200 && reply.text == "tok-EN_1.print" && reply.fields.only("content-type") == "application/octet-stream")
    }

    @Test("no other", arguments: ["other", "tok-EN_1%2F", "tok%2EEN", "t%C3%B6k", ""])
    func unknown(_ token: String) async throws {
        // Nil: there is no such path at all.
        let status = try await asker.ask("GET", "/.well-known/acme-challenge/\(token)")?.status
        #expect(status == 404 || token.isEmpty && status == nil)
    }

    @Test("what is no token is not looked up")
    func charset() async throws {
        let all = Asker(ChallengePage { _ in "x" }.routes)
        #expect(try await all.ask("GET", "/.well-known/acme-challenge/a.b")?.status == 404)
        #expect(try await all.ask("GET", "/.well-known/acme-challenge/" + String(repeating: "a", count: 257))?.status == 404)
        #expect(try await all.ask("GET", "/.well-known/acme-challenge/" + String(repeating: "a", count: 256))?.status == 200)
    }
}

@Suite("What is measured")
struct MetricsPageTests {
    @Test("in the text format of Prometheus, for networks that are named alone")
    func page() async throws {
        let routes = MetricsPage { "martlet_up 1\n" }.routes
        #expect(routes.map(\.admission) == [.networks(.loopback)])
        let reply = try #require(try await Asker(routes).ask("GET", "/metrics"))
        #expect(reply.text == "martlet_up 1\n" && reply.fields.only("content-type") == "text/plain; version=0.0.4; charset=utf-8")
    }
}

@Suite("What every answer has: R20-R24")
struct SecurityFieldsTests {
    @Test("the fields, and HSTS over TLS alone")
    func fields() {
        let all = SecurityFields.all
        #expect(all.only("x-frame-options") == "SAMEORIGIN" && all.only("x-content-type-options") == "nosniff")
        #expect(all.only("x-xss-protection") == "1; mode=block" && all.only("referrer-policy") == "no-referrer")
        #expect(all.only("cross-origin-resource-policy") == "same-origin" && !all.has("strict-transport-security"))
        let policy = all.only("content-security-policy") ?? ""
        #expect(policy.hasPrefix("default-src 'none';") && !policy.contains("unsafe"))
        #expect(SecurityFields.secure.list.map(\.name) == ["Strict-Transport-Security"])
        #expect(SecurityFields.secure.only("strict-transport-security") == "max-age=63072000; includeSubDomains; preload")
    }
}
