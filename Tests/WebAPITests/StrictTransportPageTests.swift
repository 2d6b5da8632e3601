import MailModel
import PostOffice
import Testing
import WebAPI

@Suite("What our domains want of those that send to them: RFC 8461 §3.2, §3.3")
struct StrictTransportPageTests {
    private func policy(_ mode: StrictTransportPolicy.Mode = .enforce) throws -> StrictTransportPolicy {
        let host = try #require(ExchangerPattern("mail.example.org"))
        return try #require(StrictTransportPolicy(mode: mode, exchangers: [host], maxAge: 604_800))
    }

    @Test(
        "the file, at mta-sts.DOMAIN, reads as others read it", arguments: ["mta-sts.example.org", "mta-sts.example.org:443", "mta-sts.xn--bcher-kva.example"])
    func file(_ host: String) async throws {
        let asker = Asker(StrictTransportPage(try policy(), try .example()).routes)
        let reply = try #require(try await asker.ask("GET", "/.well-known/mta-sts.txt", host: host))
        #expect(reply.status == 200 && reply.fields.only("content-type") == "text/plain")
        #expect(reply.text == "version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmax_age: 604800\r\n")
        #expect(StrictTransportPolicy(Array(reply.text.utf8)) == (try policy()))
    }

    @Test("no other host has it", arguments: ["example.org", "mail.example.org", "mta-sts.example.net", "mta-sts.mta-sts.example.org", "", "mta-sts."])
    func strangers(_ host: String) async throws {
        let asker = Asker(StrictTransportPage(try policy(), try .example()).routes)
        #expect(try await asker.ask("GET", "/.well-known/mta-sts.txt", host: host)?.status == 404)
    }

    @Test("where our domains are not known it is not said that there is no policy")
    func unknown() async throws {
        let asker = Asker(StrictTransportPage(try policy(), try .lost()).routes)
        await #expect(throws: Unknown.self) { try await asker.ask("GET", "/.well-known/mta-sts.txt", host: "mta-sts.example.org") }
    }

    @Test("what nobody may say is no policy")
    func bounds() throws {
        let host = try #require(ExchangerPattern("mail.example.org"))
        #expect(StrictTransportPolicy(mode: .enforce, exchangers: [], maxAge: 1) == nil)
        #expect(StrictTransportPolicy(mode: .testing, exchangers: [host], maxAge: 31_557_601) == nil)
        #expect(StrictTransportPolicy(mode: .testing, exchangers: [host], maxAge: -1) == nil)
        #expect(StrictTransportPolicy(mode: .none, exchangers: [], maxAge: 0) != nil)
    }
}
