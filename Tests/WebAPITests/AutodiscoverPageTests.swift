import NIOCore
import Testing

@testable import WebAPI

@Suite("How Outlook sets itself up: MS-OXDSCLI")
struct AutodiscoverPageTests {
    private static let schema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

    private func asker() throws -> Asker { Asker(AutodiscoverPage(try .example(), try .example(), clock: { noon }).routes) }

    private static func request(_ address: String, _ schema: String? = schema) -> String {
        """
        <?xml version="1.0" encoding="utf-8"?>
        <Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
          <Request>
            <EMailAddress>\(address)</EMailAddress>
            \(schema.map { "<AcceptableResponseSchema>\($0)</AcceptableResponseSchema>" } ?? "")
          </Request>
        </Autodiscover>
        """
    }

    @Test(
        "one server of each kind, whoever it is at a domain of ours",
        arguments: ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml", "/AutoDiscover/AutoDiscover.xml", "/AUTODISCOVER/autoDiscover.XML"])
    func settings(_ path: String) async throws {
        let reply = try #require(try await asker().ask("POST", path, content: AutodiscoverPageTests.request("an&amp;na@Example.org")))
        #expect(reply.status == 200 && reply.fields.only("content-type") == "text/xml; charset=utf-8")
        func server(_ type: String, _ port: Int) -> String {
            """
                  <Protocol>
                    <Type>\(type)</Type>
                    <Server>mail.example.org</Server>
                    <Port>\(port)</Port>
                    <DomainRequired>off</DomainRequired>
                    <LoginName>an&amp;na@example.org</LoginName>
                    <SPA>off</SPA>
                    <SSL>on</SSL>
                    <Encryption>SSL</Encryption>
                    <AuthRequired>on</AuthRequired>
                  </Protocol>

            """
        }
        #expect(
            reply.text == """
                <?xml version="1.0" encoding="utf-8"?>
                <Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
                  <Response xmlns="\(AutodiscoverPageTests.schema)">
                    <User>
                      <DisplayName>an&amp;na@example.org</DisplayName>
                    </User>
                    <Account>
                      <AccountType>email</AccountType>
                      <Action>settings</Action>

                """ + server("IMAP", 993) + server("POP3", 995) + server("SMTP", 465) + "    </Account>\n  </Response>\n</Autodiscover>\n")
    }

    @Test("STARTTLS is offered where nothing safer listens")
    func startTLS() async throws {
        let services = MailServices(host: try named("mail.example.org"), [.init(.imap, port: 143, isImplicitTLS: false)])
        let asker = Asker(AutodiscoverPage(services, try .example(), clock: { noon }).routes)
        let reply = try #require(try await asker.ask("POST", "/autodiscover/autodiscover.xml", content: AutodiscoverPageTests.request("a@example.org", nil)))
        #expect(reply.text.contains("<Port>143</Port>") && reply.text.contains("<Encryption>TLS</Encryption>"))
    }

    @Test(
        "what cannot be answered is said in the form of errors",
        arguments: [
            (request("anna@example.net"), 500, "The e-mail address cannot be found"), (request("anna"), 600, "Invalid Request"), ("", 600, "Invalid Request"),
            ("<!DOCTYPE x>" + request("a@example.org"), 600, "Invalid Request"),
            (request("a@example.org", "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"), 601, "Provider is not available"),
        ])
    func failures(_ content: String, _ code: Int, _ message: String) async throws {
        let reply = try #require(try await asker().ask("POST", "/autodiscover/autodiscover.xml", content: content))
        #expect(reply.status == 200)
        #expect(
            reply.text == """
                <?xml version="1.0" encoding="utf-8"?>
                <Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
                  <Response>
                    <Error Time="12:00:00" Id="1">
                      <ErrorCode>\(code)</ErrorCode>
                      <Message>\(message)</Message>
                      <DebugData />
                    </Error>
                  </Response>
                </Autodiscover>

                """)
    }

    @Test("who only asks is told how it is asked")
    func get() async throws {
        #expect(try #require(try await asker().ask("GET", "/autodiscover/autodiscover.xml")).text.contains("<ErrorCode>600</ErrorCode>"))
    }

    @Test("content of other types, and too much of it, is the engine's to refuse")
    func rules() throws {
        for route in AutodiscoverPage(try .example(), try .example(), clock: { noon }).routes where route.method == "POST" {
            #expect(route.content.limit == 8_192 && route.content.types == ["text/xml", "application/xml"])
        }
    }
}

@Suite("What is posted to autodiscover: MS-OXDSCLI §2.2.3")
struct AutodiscoverRequestTests {
    private func request(_ text: String) -> AutodiscoverRequest? { AutodiscoverRequest(ByteBuffer(string: text)) }

    private func wrapped(_ text: String) -> String { "<Autodiscover><Request>\(text)</Request></Autodiscover>" }

    @Test(
        "the address, however it is wrapped",
        arguments: [
            "<EMailAddress>a&b@c.d</EMailAddress>".replacing("&", with: "&amp;"), "<EMailAddress>\n  a&#38;b@c&#x2E;d\t</EMailAddress>",
            "<x:EMailAddress y='<' z=\">\">a&amp;b@c.d</x:EMailAddress >".replacing("'<'", with: "'/>'"),
            "<LegacyDN/><EMailAddress>a<!-- - -->&amp;b@c.d</EMailAddress>",
            "<Other><EMailAddress>x@y.z</EMailAddress></Other><EMailAddress>a&amp;b@c.d</EMailAddress><?pi > ?>",
        ])
    func addresses(_ text: String) { #expect(request(wrapped(text))?.address == "a&b@c.d") }

    @Test("a byte order mark, a declaration and what stands around are passed over")
    func around() {
        let text =
            "\u{FEFF}<?xml version=\"1.0\"?>\r\n<!-- x --><a:Autodiscover xmlns:a='b'><a:Request><EMailAddress>a@b</EMailAddress></a:Request></a:Autodiscover>\n"
        #expect(request(text)?.address == "a@b")
    }

    @Test(
        "what is no request is none",
        arguments: [
            "", "x", "{}", "<Autodiscover/>", "<Autodiscover><Request><EMailAddress>a@b</EMailAddress></Request>",
            "<Autodiscover><EMailAddress>a@b</EMailAddress></Autodiscover>", "<a><Request><EMailAddress>a@b</EMailAddress></Request></a>",
            "<Autodiscover><Request><EMailAddress>a@b</EMailAddress></Request></Autodiscover><x/>",
            "<Autodiscover><Request><EMailAddress>a@b</EMailAddress></Request></Autodiscover>x",
            "<Autodiscover><Request><EMailAddress>a@b</Request></EMailAddress></Autodiscover>",
            "<!DOCTYPE a [<!ENTITY e 'x'>]><Autodiscover><Request><EMailAddress>a@b</EMailAddress></Request></Autodiscover>",
            "<Autodiscover><Request><EMailAddress>&e;@b</EMailAddress></Request></Autodiscover>",
            "<Autodiscover><Request><EMailAddress>a&@b</EMailAddress></Request></Autodiscover>",
            "<Autodiscover><Request><EMailAddress>a&#0;@b</EMailAddress></Request></Autodiscover>",
            "<Autodiscover><Request><EMailAddress>a&#+65;@b</EMailAddress></Request></Autodiscover>",
            "<Autodiscover><Request><EMailAddress><![CDATA[a@b]]></EMailAddress></Request></Autodiscover>",
            "<Autodiscover><Request><EMailAddress>a@b</EMailAddress><EMailAddress>c@d</EMailAddress></Request></Autodiscover>",
            "<Autodiscover><Request><EMailAddress/></Request></Autodiscover>", "<Autodiscover><Request><EMailAddress> </EMailAddress></Request></Autodiscover>",
            "<Autodiscover x><Request><EMailAddress>a@b</EMailAddress></Request></Autodiscover>",
            "<Autodiscover x=y><Request><EMailAddress>a@b</EMailAddress></Request></Autodiscover>",
            "<Autodiscover x='1'y='2'><Request><EMailAddress>a@b</EMailAddress></Request></Autodiscover>",
            "<Autodiscover><Request><EMailAddress>a\u{1}@b</EMailAddress></Request></Autodiscover>", "<", "<a", "</a>", "<?", "<!--", "<!", "<a b='", "&amp;",
        ])
    func broken(_ text: String) { #expect(request(text) == nil) }

    @Test("too long, too deep, and no UTF-8")
    func bounds() {
        let address = "<EMailAddress>a@b</EMailAddress>"
        let long = wrapped(address + String(repeating: " ", count: 8_192 - wrapped(address).utf8.count))
        #expect(request(long) != nil && request(long + " ") == nil)
        let deep = { (count: Int) in wrapped(String(repeating: "<a>", count: count) + String(repeating: "</a>", count: count) + address) }
        #expect(request(deep(14)) != nil && request(deep(15)) == nil)
        #expect(AutodiscoverRequest(ByteBuffer(bytes: Array(wrapped(address).utf8) + [0xFF])) == nil)
        #expect(AutodiscoverRequest(ByteBuffer(bytes: [0xFF, 0xFE] + wrapped(address).utf16.flatMap { [UInt8(truncatingIfNeeded: $0), 0] })) == nil)
    }
}
