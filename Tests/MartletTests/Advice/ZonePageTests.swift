import MailModel
import PostOffice
import Testing

@testable import martlet

@Suite("The records that a domain's zone should have")
struct ZonePageTests {
    private func lines(_ site: MailSite) -> [String] {
        ZonePage(site).text.split(separator: "\n").map { $0.split(separator: "\t").joined(separator: " ") }
    }

    @Test("all of it, in the form of a zone's file")
    func page() {
        let records = lines(.example()).filter { !$0.hasPrefix(";") }
        #expect(
            records == [
                "$ORIGIN example.org.", "$TTL 3600", "@ IN MX 10 mail.example.org.", "mail IN A 11.0.0.1", "mail IN AAAA 2a00:1::5",
                "@ IN TXT \"v=spf1 ip4:11.0.0.1 ip6:2a00:1::5 ~all\"", "mail IN TXT \"v=spf1 a -all\"",
                "_dmarc IN TXT \"v=DMARC1; p=none; rua=mailto:dmarc-reports@example.org\"",
                "_smtp._tls IN TXT \"v=TLSRPTv1; rua=mailto:tls-reports@example.org\"", "_25._tcp.mail IN TLSA 3 1 1 " + String(repeating: "ab", count: 32),
                "_submissions._tcp IN SRV 0 1 465 mail.example.org.", "_submission._tcp IN SRV 10 1 587 mail.example.org.",
                "_imaps._tcp IN SRV 0 1 993 mail.example.org.", "_imap._tcp IN SRV 10 1 143 mail.example.org.", "_pop3s._tcp IN SRV 0 0 0 .",
                "_pop3._tcp IN SRV 0 0 0 .", "mail IN CAA 0 issue \"letsencrypt.org\"",
            ])
        #expect(lines(.example()).contains(";   1.0.0.11.in-addr.arpa. IN PTR mail.example.org."))
        #expect(ZonePage(.example()).notes.isEmpty)
    }

    @Test("keys that sign are published in strings of 255 octets; destroyed ones are a wish alone: RFC 6376 §3.6.1, §3.6.2.1")
    func signingKeys() {
        var site = MailSite.example()
        let long = SigningKeyLine(
            domain: "example.org", selector: "m1r", algorithm: "rsa-sha256", bits: 2_048, state: "active", made: "", since: "", recordNeededUntil: nil,
            name: "m1r._domainkey.example.org", record: "v=DKIM1; k=rsa; p=" + String(repeating: "A", count: 392))
        site.signingKeys = [long, .example("gone", "revoked")]
        let lines = lines(site)
        #expect(
            lines.contains(
                "m1r._domainkey IN TXT \"v=DKIM1; k=rsa; p=\(String(repeating: "A", count: 237))\" \"\(String(repeating: "A", count: 155))\""))
        #expect(lines.contains("; gone._domainkey IN TXT \"v=DKIM1; k=rsa; p=\""))
    }

    @Test("a policy for TLS has a record with an id, and a name that it is fetched at: RFC 8461 §3.1, §3.2")
    func transportPolicy() throws {
        let host = try #require(ExchangerPattern("mail.example.org"))
        let policies = try [604_800, 604_801].map { try #require(StrictTransportPolicy(mode: .enforce, exchangers: [host], maxAge: $0)) }
        let ids = policies.map(RecordMakers.transportPolicyID)
        #expect(Set(ids).count == 2)
        var site = MailSite.example()
        site.transportPolicyID = ids[0]
        #expect(StrictTransportRecord(["v=STSv1; id=\(ids[0])"])?.id == ids[0])
        #expect(lines(site).contains("_mta-sts IN TXT \"v=STSv1; id=\(ids[0])\""))
        #expect(lines(site).contains("mta-sts IN CNAME mail.example.org."))
    }

    @Test("names that mail programs ask at are a suggestion, where the web listens")
    func programs() {
        let page = lines(.example(ports: [.smtp: 25, .https: 443]))
        #expect(page.contains("; autoconfig IN CNAME mail.example.org.") && page.contains("; autodiscover IN CNAME mail.example.org."))
    }

    @Test("each record has its explanation above it")
    func explanations() {
        var last = ""
        for line in ZonePage(.example()).text.split(separator: "\n").dropFirst(3) {
            if !line.hasPrefix("; ") && !line.hasPrefix(";  ") { #expect(last.hasPrefix("; ") || last.contains("\tIN\t"), "\(line)") }
            last = String(line)
        }
        #expect(ZonePage(.example()).records.allSatisfy { !$0.explanation.isEmpty && !$0.explanation.contains("\n") })
    }

    @Test("what lies in another zone is not to be pasted")
    func elsewhere() {
        let page = ZonePage(.example(host: "mx.provider.example"))
        for record in page.records where ["A", "AAAA", "TLSA", "CAA", "PTR"].contains(record.type) { #expect(record.place == .elsewhere, "\(record)") }
        let pasted = page.text.split(separator: "\n").filter { !$0.hasPrefix(";") && !$0.hasPrefix("$") }
        #expect(pasted.allSatisfy { !$0.hasPrefix("mx.provider.example") } && pasted.contains { $0.hasSuffix("10 mx.provider.example.") })
    }

    @Test("without TLS no key is announced, nor who may issue")
    func plain() {
        let types = ZonePage(.example(isTLS: false)).records.map(\.type)
        #expect(!types.contains("TLSA") && !types.contains("CAA"))
    }

    @Test("an authority that nobody knows is a suggestion")
    func suggestion() {
        let record = ZonePage(.example(issuer: "mail.example.org")).records.first { $0.type == "CAA" }
        #expect(record?.place == .suggestion)
    }

    @Test("what cannot be seen from inside is said")
    func notes() {
        let page = ZonePage(.example(host: "vm", addresses: [], senders: [], ports: [.smtp: 2525]))
        #expect(page.notes.count == 4 && page.records.allSatisfy { $0.type != "A" && $0.type != "PTR" })
        #expect(page.records.contains { $0.data == "\"v=spf1 mx ~all\"" })
        #expect(ZonePage(.example(smarthosts: ["relay.example.net"])).notes.count == 1)
    }

    @Test(
        "texts are split at 255 octets and escaped: RFC 1035 §3.3.14, §5.1",
        arguments: [
            ("", "\"\""), ("a\"b\\c", #""a\"b\\c""#), ("ü\n", #""\195\188\010""#),
            (String(repeating: "x", count: 255), "\"" + String(repeating: "x", count: 255) + "\""),
            (String(repeating: "x", count: 256), "\"" + String(repeating: "x", count: 255) + "\" \"x\""),
        ])
    func quoted(_ text: String, _ data: String) { #expect(TextData.quoted(text) == data) }
}
