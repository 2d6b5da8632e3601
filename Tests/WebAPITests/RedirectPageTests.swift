import Conversation
import Testing
import WebAPI

@Suite("What is asked for without TLS is asked for again with it: R9, R15")
struct RedirectPageTests {
    private let page = HTTPRoute("GET", "/page", .work { _, _ in HTTPReply(200, text: "page") })

    private func asker(port: Int = 443) throws -> Asker {
        Asker([HealthPages.live] + ChallengePage { _ in "x" }.routes + RedirectPage(try .example(), port: port).routes(besides: [page]))
    }

    @Test(
        "GET and HEAD by 301, others by 308, which keeps the method",
        arguments: [("GET", 301), ("HEAD", 301), ("POST", 308), ("PROPFIND", 308), ("OPTIONS", 308)])
    func methods(_ method: String, _ status: Int) async throws {
        let reply = try #require(try await asker().ask(method, "/a/b%20c?d=%2F&e", host: "example.org"))
        #expect(reply.status == status && reply.fields.only("location") == "https://example.org/a/b%20c?d=%2F&e" && reply.text == "")
    }

    @Test(
        "only to hosts of ours",
        arguments: [
            ("example.org", "example.org"), ("Example.org:80", "example.org"), ("mta-sts.example.org", "mta-sts.example.org"),
            ("www.example.org", "www.example.org"), ("evil.example", "mail.example.org"), ("", "mail.example.org"), ("evil.example:80@x", "mail.example.org"),
            ("192.0.2.25", "192.0.2.25"), ("192.0.2.26", "mail.example.org"), ("localhost", "mail.example.org"), ("bücher.example", "xn--bcher-kva.example"),
        ])
    func hosts(_ host: String, _ there: String) async throws {
        let reply = try #require(try await asker(port: 2_443).ask("GET", "/", host: host.lowercased()))
        #expect(reply.fields.only("location") == "https://\(there):2443/")
    }

    @Test("this machine by the name that it was asked by")
    func loopback() async throws {
        let reply = try #require(try await asker(port: 2_443).ask("GET", "/", host: "localhost:2080", local: "127.0.0.1", peer: "127.0.0.1"))
        #expect(reply.fields.only("location") == "https://localhost:2443/")
        let other = try #require(try await asker().ask("GET", "/", host: "[::1]:2080", local: "::1", peer: "::1"))
        #expect(other.fields.only("location") == "https://[::1]/")
    }

    @Test("paths that begin like another host are paths", arguments: ["//evil.example/", "/\\evil.example", "/@evil.example"])
    func paths(_ path: String) async throws {
        let reply = try #require(try await asker().ask("GET", path))
        #expect(reply.fields.only("location") == "https://mail.example.org" + path)
    }

    @Test("health, and what an authority asks for, are answered")
    func exceptions() async throws {
        #expect(try await asker().ask("GET", "/health/live")?.status == 200)
        #expect(try await asker().ask("GET", "/.well-known/acme-challenge/a")?.status == 200)
        #expect(try await asker().ask("GET", "/health/ready")?.status == 301)
        #expect(try await asker().ask("POST", "/health/live")?.status == 308)
    }

    @Test("who comes by TLS as far as a proxy that is believed is not sent round in circles")
    func secure() async throws {
        #expect(try await asker().ask("GET", "/page")?.status == 301)
        #expect(try await asker().ask("GET", "/page", isSecure: true)?.text == "page")
        #expect(try await asker().ask("GET", "/other", isSecure: true)?.status == 404)
        #expect(try await asker().ask("POST", "/page", isSecure: true)?.status == 404)
    }
}
