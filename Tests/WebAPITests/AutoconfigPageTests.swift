import Testing
import WebAPI

@Suite("How Thunderbird and others set themselves up")
struct AutoconfigPageTests {
    private func asker() throws -> Asker { Asker(AutoconfigPage(try .example(), try .example()).routes) }

    @Test(
        "what listens, the safest first, for a domain of ours",
        arguments: [
            ("/mail/config-v1.1.xml?emailaddress=anna%40example.org", "autoconfig.example.org"),
            ("/mail/config-v1.1.xml?emailaddress=nobody@EXAMPLE.org", "elsewhere.example"),
            ("/mail/config-v1.1.xml", "autoconfig.example.org"),
            ("/.well-known/autoconfig/mail/config-v1.1.xml", "example.org"),
            ("/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=%25EMAILADDRESS%25@example.org", "example.org"),
        ])
    func file(_ target: String, _ host: String) async throws {
        let reply = try #require(try await asker().ask("GET", target, host: host))
        #expect(reply.status == 200 && reply.fields.only("content-type") == "application/xml; charset=utf-8")
        func server(_ element: String, _ type: String, _ port: Int, _ socket: String) -> String {
            """
                <\(element) type="\(type)">
                  <hostname>mail.example.org</hostname>
                  <port>\(port)</port>
                  <socketType>\(socket)</socketType>
                  <username>%EMAILADDRESS%</username>
                  <authentication>password-cleartext</authentication>
                </\(element)>

            """
        }
        #expect(
            reply.text == """
                <?xml version="1.0" encoding="UTF-8"?>
                <clientConfig version="1.1">
                  <emailProvider id="example.org">
                    <domain>example.org</domain>
                    <displayName>example.org</displayName>
                    <displayShortName>example.org</displayShortName>

                """ + server("incomingServer", "imap", 993, "SSL") + server("incomingServer", "imap", 143, "STARTTLS")
                + server("incomingServer", "pop3", 995, "SSL") + server("outgoingServer", "smtp", 465, "SSL")
                + server("outgoingServer", "smtp", 587, "STARTTLS") + "  </emailProvider>\n</clientConfig>\n")
    }

    @Test(
        "for nobody else's",
        arguments: [
            ("?emailaddress=anna%40example.net", "autoconfig.example.org", 404), ("?emailaddress=anna", "autoconfig.example.org", 404),
            ("", "autoconfig.example.net", 404), ("", "mail.example.org", 404), ("?emailaddress=%", "example.org", 400),
            ("?emailaddress=a@example.org&emailaddress=a@example.net", "example.org", 400), ("?emailaddress=%3Cx%3E@example.net", "example.org", 404),
        ])
    func others(_ query: String, _ host: String, _ status: Int) async throws {
        #expect(try await asker().ask("GET", "/mail/config-v1.1.xml" + query, host: host)?.status == status)
    }

    @Test("what is not known is not `no`")
    func unknown() async throws {
        let asker = Asker(AutoconfigPage(try .example(), try .lost()).routes)
        await #expect(throws: Unknown.self) { try await asker.ask("GET", "/mail/config-v1.1.xml?emailaddress=a@example.org") }
    }
}
