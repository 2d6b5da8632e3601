import MailModel
import NIOCore
import SenderTrust
import Testing

@Suite("Authentication-Results as it is written: RFC 8601 §2.2")
struct AuthenticationResultsFieldTests {
    private static let server = Domain("mx.our.example")

    private func field() throws -> AuthenticationResultsField { AuthenticationResultsField(authserv: try #require(Self.server)) }

    private func unfolded(_ field: AuthenticationResultsField) -> String { field.value.replacing("\r\n ", with: " ") }

    private func domain(_ text: String) throws -> Domain { try #require(Domain(text)) }

    @Test("nothing found: none")
    func nothing() throws { #expect(try field().value == "mx.our.example; none") }

    @Test("everything that judges find")
    func everything() throws {
        var field = try field()
        field.add(SPFVerdict(.pass, .mailFrom, domain: try domain("example.com"), sender: "a.b+c@example.com"))
        field.add(SPFVerdict(.none, .helo, domain: try domain("mail.example.com"), sender: "mail.example.com"))
        field.add(
            DKIMVerdict(
                .pass, domain: try domain("example.com"), selector: "s1", identity: "@example.com", algorithm: "rsa-sha256", keyBits: 2_048,
                signature: "AbCd/+12"))
        field.add(DKIMVerdict(.fail, domain: try domain("example.net"), reason: "the body was changed"))
        var record = DMARCRecord()
        record.policy = .reject
        record.subdomainPolicy = .quarantine
        field.add(
            DMARCVerdict(
                .fail, author: try domain("sub.example.com"), organizationalDomain: try domain("example.com"), record: record,
                recordDomain: try domain("example.com"), policy: .quarantine), disposition: .quarantine)
        field.add(ARCVerdict(.pass, links: [], oldestPass: 0), source: IPAddress("2001:db8::1"))
        field.addReverseName("pass", of: try #require(IPAddress("192.0.2.1")), name: try domain("mail.example.com"))
        field.add(BIMIVerdict(.skipped, domain: try domain("example.com"), indicator: "https://example.com/a.svg", reason: "no mark certificate"))
        #expect(
            unfolded(field) == """
                mx.our.example; spf=pass smtp.mailfrom=a.b+c@example.com; spf=none smtp.helo=mail.example.com; dkim=pass header.d=example.com header.s=s1 \
                header.i=@example.com header.a=rsa-sha256 header.b="AbCd/+12"; dkim=fail reason="the body was changed" header.d=example.net; dmarc=fail \
                (p=reject sp=quarantine dis=quarantine) header.from=sub.example.com policy.dmarc=quarantine; arc=pass header.oldest-pass=0 \
                smtp.remote-ip="2001:db8::1"; iprev=pass policy.iprev=192.0.2.1 policy.ptr=mail.example.com; bimi=skipped reason="no mark certificate" \
                header.d=example.com header.selector=default policy.indicator-uri="https://example.com/a.svg"
                """)
        #expect(field.value.split(separator: "\r\n").allSatisfy { $0.utf8.count < 78 })
        #expect(field.value.split(separator: "\r\n").dropFirst().allSatisfy { $0.hasPrefix(" ") && $0.utf8.count > 1 })
        let read = try #require(AuthenticationResults(ByteBuffer(string: field.value)))
        #expect(read.server == "mx.our.example")
        #expect(read.findings.map(\.method) == ["spf", "spf", "dkim", "dkim", "dmarc", "arc", "iprev", "bimi"])
        #expect(read.findings[2].value("header", "b") == "AbCd/+12")
        #expect(read.findings[5].value("smtp", "remote-ip") == "2001:db8::1")
    }

    /// What somebody outside can choose, with marks that end something somewhere.
    private static let hostile = [
        "legit.example'a.attack.example", "any@legit.example(.attack.example", "any@legit.example'@any.attack.example", "a;dmarc=pass@attack.example",
        "a\r\n dmarc=pass@attack.example", "\"a\"@attack.example", "a\\@attack.example", "(a@attack.example", "a)@attack.example", "a b@attack.example",
        "\0@attack.example", "ü@attack.example", "a@[192.0.2.1]", "@", "", "a@@attack.example", "x\u{2028}y@attack.example",
        String(repeating: "a", count: 2_000),
        "=?utf-8?q?a?=@attack.example", "a@attack.example\r\nBcc: x", "mx.our.example; dkim=pass", "a=b;c=d", "https://a.example/\"; dmarc=pass", "%s%n",
        "\u{1B}[2J",
    ]

    @Test("no value from outside breaks out: RFC 8601 §7.1, CVE-2020-12272, espoofer server_a4 to server_a7", arguments: hostile)
    func breakout(_ text: String) throws {
        var field = try field()
        field.add(SPFVerdict(.fail, .mailFrom, domain: Domain(text), sender: text, reason: text))
        field.add(SPFVerdict(.fail, .helo, domain: Domain(text), sender: text))
        field.add(DKIMVerdict(.fail, domain: Domain(text), selector: text, identity: text, algorithm: text, signature: text, reason: text))
        let author = try Domain(text) ?? domain("attack.example")
        field.add(DMARCVerdict(.fail, author: author, organizationalDomain: author, reason: text))
        field.add(ARCVerdict(.fail, reason: text))
        field.addReverseName(text, of: try #require(IPAddress("192.0.2.1")), name: Domain(text))
        field.add(BIMIVerdict(.fail, domain: Domain(text), selector: text, indicator: text, authority: text, reason: text))
        let value = field.value
        for line in value.split(separator: "\r\n", omittingEmptySubsequences: false) {
            #expect(line.utf8.allSatisfy { (0x20...0x7E).contains($0) } && (1...990).contains(line.utf8.count))
        }
        let read = try #require(AuthenticationResults(ByteBuffer(string: value)))
        #expect(read.server == "mx.our.example")
        #expect(read.findings.map(\.method) == ["spf", "spf", "dkim", "dmarc", "arc", "iprev", "bimi"])
        #expect(read.findings.allSatisfy { $0.result != "pass" } || text == "pass")
        // A reader that knows no quotes and no comments finds no more either.
        #expect(value.split(separator: ";").count == 8)
        #expect(!value.contains("dmarc=pass") && !value.contains("dkim=pass"))
    }

    @Test("domains are A-labels, literals are quoted, and what is no name is left out")
    func names() throws {
        var field = try field()
        field.add(SPFVerdict(.pass, .mailFrom, domain: try domain("bücher.example"), sender: "a@bücher.example"))
        field.add(SPFVerdict(.none, .helo, domain: nil, sender: "[192.0.2.1]"))
        field.add(SPFVerdict(.none, .helo, domain: try domain("[192.0.2.1]"), sender: "[192.0.2.1]"))
        #expect(
            unfolded(field) == "mx.our.example; spf=pass smtp.mailfrom=a@xn--bcher-kva.example; spf=none; spf=none smtp.helo=\"[192.0.2.1]\"")
    }

    @Test("a thousand findings are some")
    func many() throws {
        var field = try field()
        for index in 0..<1_000 { field.add(DKIMVerdict(.pass, domain: try domain("d\(index).example"))) }
        #expect(try #require(AuthenticationResults(field.value)).findings.count == AuthenticationResultsField.mostFindings)
    }
}
