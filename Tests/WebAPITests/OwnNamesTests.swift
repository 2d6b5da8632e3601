import Testing
import WebAPI

@Suite("The names by which this server is asked for")
struct OwnNamesTests {
    @Test(
        "its own, our domains, and what stands below them",
        arguments: [
            ("mail.example.org", "mail.example.org"), ("MAIL.Example.ORG.", "mail.example.org"), ("example.org", "example.org"),
            ("mta-sts.example.org", "mta-sts.example.org"), ("autoconfig.example.org", "autoconfig.example.org"),
            ("autodiscover.example.org", "autodiscover.example.org"), ("www.example.org", "www.example.org"),
            ("bücher.example", "xn--bcher-kva.example"), ("www.xn--bcher-kva.example", "www.xn--bcher-kva.example"),
        ])
    func ours(_ host: String, _ name: String) async throws {
        let names = try OwnNames.example()
        #expect(try await names.ownHost(host)?.value == name)
    }

    @Test(
        "nothing else",
        arguments: ["", "example.net", "imap.example.org", "www.www.example.org", "192.0.2.25", "[::1]", "example.org:80", "a b", "localhost", "-", "mta-sts."])
    func strangers(_ host: String) async throws {
        let names = try OwnNames.example()
        #expect(try await names.ownHost(host) == nil)
    }

    @Test("what is not known is not `no`")
    func unknown() async throws {
        let names = try OwnNames.lost()
        await #expect(throws: Unknown.self) { try await names.ownHost("example.org") }
        #expect(try await names.ownHost("mail.example.org") != nil)
    }
}
