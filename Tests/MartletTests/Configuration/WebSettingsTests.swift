import MailModel
import PostOffice
import Testing
import WebAPI

@testable import martlet

@Suite("What is served by HTTP, as the configuration says it")
struct WebSettingsTests {
    @Test("a file that does not name the web's ports leaves them alone; it can ask for them")
    func off() throws {
        #expect(try configuration("data: /d\n").listeners.allSatisfy { !$0.service.isWeb })
        let found = try configuration("listeners:\n  https: {enabled: true}\n  http: {enabled: true, addresses: [0.0.0.0]}\n")
        #expect(
            found.listeners.suffix(2) == [
                .init(service: .https, address: "127.0.0.1", port: 443), .init(service: .http, address: "0.0.0.0", port: 80),
            ])
    }

    @Test("http needs no TLS of its own, wherever it listens: it sends on")
    func plain() throws {
        let found = try configuration("tls: {enabled: off}\nlisteners: {http: {enabled: on, addresses: [0.0.0.0]}}\n")
        #expect(found.listeners.last == .init(service: .http, address: "0.0.0.0", port: 80))
    }

    @Test("whom to tell of a weakness: addresses and URIs: RFC 9116 §2.5.3")
    func contacts() throws {
        let found = try configuration(
            "web: {security-contact: [security@example.org, \"https://example.org/s\", \"a%b&c@example.org\", \"tel:+1-201-555-0123\"], security-languages: []}\n"
        )
        #expect(
            found.web.securityContacts == [
                "mailto:security@example.org", "https://example.org/s", "mailto:a%25b%26c@example.org", "tel:+1-201-555-0123",
            ])
        #expect(found.web.securityLanguages == [])
        #expect(try configuration().web.securityContacts == [] && configuration().web.securityLanguages == ["en"])
    }

    @Test(
        "what is no contact, language or network is refused with its remedy",
        arguments: [
            ("web: {security-contact: [nobody]}", "web.security-contact: \"nobody\" is not an address or a URI"),
            ("web: {security-contact: [\"http://example.org\"]}", "is not an address or a URI"),
            ("web: {security-contact: [\"https://a b\"]}", "it is no URI; give a list such as [security@example.org"),
            ("web: {security-languages: [\"e n\"]}", "is not a language: it is no tag of RFC 5646; give a list such as [en, de-AT]"),
            ("web: {proxies: [10.0.0.0/33]}", "web.proxies: \"10.0.0.0/33\" is not an IP address or a network"),
            ("web: {forwarded-field: via}", "web.forwarded-field: \"via\" is not one of x-forwarded-for, forwarded, x-real-ip"),
            ("mta-sts: {mode: strict}", "mta-sts.mode: \"strict\" is not one of off, none, testing, enforce"),
            (
                "mta-sts: {mode: testing}",
                "mta-sts.mode: is testing, and nobody can fetch the policy, for https does not listen; set listeners.https.enabled to true"
            ),
        ])
    func faults(_ yaml: String, _ line: String) { #expect(complaint(yaml).contains(line), "\(complaint(yaml))") }

    @Test("what our domains ask of those that send to them: RFC 8461 §3.2")
    func strictTransport() throws {
        let yaml = "hostname: Mail.Example.org\nlisteners: {https: {enabled: true}}\nmta-sts: {mode: enforce, max-age: 86400}\n"
        let policy = try configuration(yaml).web.strictTransport
        #expect(policy?.lines == ["version: STSv1", "mode: enforce", "mx: mail.example.org", "max_age: 86400"])
        #expect(try configuration("mta-sts: {mode: off}\n").web.strictTransport == nil && configuration().web.strictTransport == nil)
        let none = try configuration("hostname: mail.example.org\nmta-sts: {mode: none}\nlisteners: {https: {enabled: true}}\n").web.strictTransport
        #expect(none?.mode == StrictTransportPolicy.Mode.none)
    }

    @Test("the world's port is the listener's, and a proxy's is 443")
    func port() throws {
        #expect(try configuration().web.port == 2_443)
        #expect(try configuration("data: /d\n").web.port == 443)
        #expect(try configuration("listeners: {https: {enabled: true, port: 8443}}\n").web.port == 8_443)
        #expect(try configuration("listeners: {https: {enabled: true, port: 8443}}\nweb: {proxies: [127.0.0.1]}\n").web.port == 443)
    }

    @Test("mail programs are told what listens for others than this machine, and of a machine by itself what there is")
    func services() throws {
        let world = try configuration(
            """
            hostname: mail.example.org
            listeners:
              addresses: [0.0.0.0, "::"]
              imap: {addresses: [127.0.0.1]}
              pop3: {enabled: false}
              pop3s: {enabled: false}
              submission: {port: 2587}
            """)
        #expect(
            world.mailServices.list == [
                .init(.imap, port: 993, isImplicitTLS: true), .init(.submission, port: 465, isImplicitTLS: true),
                .init(.submission, port: 2_587, isImplicitTLS: false),
            ])
        #expect(world.mailServices.host.value == "mail.example.org")
        #expect(try configuration().mailServices.list.map(\.port) == [2_993, 2_143, 2_995, 2_110, 2_465, 2_587])
        #expect(try configuration("tls: {enabled: off}\n").mailServices.list.isEmpty)
    }
}
