import NIOCore
import SenderTrust
import Testing

@Suite("Authentication-Results as it is read: RFC 8601 §2.2")
struct AuthenticationResultsTests {
    private typealias Finding = AuthenticationResults.Finding
    private typealias Property = AuthenticationResults.Property

    private static func read(_ text: String) -> AuthenticationResults? { AuthenticationResults(ByteBuffer(string: text)) }

    /// `method=result reason type.name=value…`, one a line.
    private static func shown(_ text: String) -> [String]? {
        read(text).map { results in
            [results.server]
                + results.findings.map { finding in
                    ([finding.method + "=" + finding.result] + (finding.reason.map { ["{\($0)}"] } ?? [])
                        + finding.properties.map { "\($0.type).\($0.name)=\($0.value)" }).joined(separator: " ")
                }
        }
    }

    @Test(
        "the RFC's examples (appendix B), and what big servers write",
        arguments: [
            ("example.org 1; none", ["example.org"]), ("example.org; none", ["example.org"]),
            ("example.com;\r\n spf=pass smtp.mailfrom=example.net", ["example.com", "spf=pass smtp.mailfrom=example.net"]),
            (
                "example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n spf=pass smtp.mailfrom=example.net",
                ["example.com", "auth=pass smtp.auth=sender@example.net", "spf=pass smtp.mailfrom=example.net"]
            ),
            (
                "foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n policy (A dot can go here) . (like that) expired\r\n (this surprised me) = (as I wasn't expecting it) 1362471462",
                ["foo.example.net", "dkim=fail policy.expired=1362471462"]
            ),
            (
                "example.com;\r\n dkim=pass reason=\"good signature\"\r\n header.i=@mail-router.example.net;\r\n dkim=fail reason=\"bad signature\"\r\n header.i=@newyork.example.com",
                [
                    "example.com", "dkim=pass {good signature} header.i=@mail-router.example.net", "dkim=fail {bad signature} header.i=@newyork.example.com",
                ]
            ),
            (
                "mx.google.com;\r\n       dkim=pass header.i=@example.com header.s=s1 header.b=\"Ab/+c=\";\r\n       spf=pass (google.com: domain of a@example.com designates 192.0.2.1 as permitted sender) smtp.mailfrom=a@example.com;\r\n       dmarc=pass (p=NONE sp=QUARANTINE dis=NONE) header.from=example.com",
                [
                    "mx.google.com", "dkim=pass header.i=@example.com header.s=s1 header.b=Ab/+c=", "spf=pass smtp.mailfrom=a@example.com",
                    "dmarc=pass header.from=example.com",
                ]
            ),
            (
                "mx.microsoft.com 1; spf=pass smtp.mailfrom=example.com; dmarc=pass action=none header.from=example.com; dkim=pass header.d=example.com; arc=none",
                ["mx.microsoft.com", "spf=pass smtp.mailfrom=example.com", "dmarc=pass header.from=example.com", "dkim=pass header.d=example.com", "arc=none"]
            ),
            // Cases, methods that nobody knows, and what makes no sense.
            ("EXAMPLE.com; SPF=Pass SMTP.MailFrom=A@B; DKIM=NONE", ["EXAMPLE.com", "spf=pass smtp.mailfrom=A@B", "dkim=none"]),
            ("x; dkim-atps=pass; x-vendor/7=maybe a.b=c; spf=pass", ["x", "dkim-atps=pass", "x-vendor=maybe a.b=c", "spf=pass"]),
            ("x; =pass; spf; spf=; /=; dkim=pass nonsense; dmarc=pass = header.from=a; arc=pass", ["x", "dkim=pass", "dmarc=pass", "arc=pass"]),
            ("x; spf=pass smtp.mailfrom=\"a;dmarc=pass\"@b (;dkim=pass); arc=none", ["x", "spf=pass smtp.mailfrom=a;dmarc=pass@b", "arc=none"]),
            ("\"x y\"; spf=pass", ["x y", "spf=pass"]), ("(a;b) x (c) 1 (d) ; spf=pass", ["x", "spf=pass"]), ("x", ["x"]), ("x;", ["x"]), ("x;;;", ["x"]),
            ("x; dmarc=fail reason=\"a \\\"b\\\" c\" header.from=y", ["x", "dmarc=fail {a \"b\" c} header.from=y"]),
            ("x; spf=pass (unclosed smtp.mailfrom=a; dmarc=pass", ["x", "spf=pass"]),
            ("x; spf=pass smtp.mailfrom=\"unclosed; dmarc=pass", ["x", "spf=pass smtp.mailfrom=unclosed; dmarc=pass"]),
            ("x; spf=pass smtp . mailfrom = a ; dkim = pass", ["x", "spf=pass smtp.mailfrom=a", "dkim=pass"]),
            // arc within dmarc is none of its own.
            ("x; dmarc=pass (arc=pass) header.from=arc=pass", ["x", "dmarc=pass header.from=arc=pass"]),
        ] as [(String, [String])])
    func reads(_ text: String, _ wanted: [String]) { #expect(Self.shown(text) == wanted) }

    @Test("who says nothing of himself says nothing", arguments: ["", " ", "; spf=pass", "(x); spf=pass", "\"\"; spf=pass", "\r\n "])
    func nobody(_ text: String) { #expect(Self.read(text) == nil) }

    @Test("work and memory are bounded", .timeLimit(.minutes(1)))
    func bounds() throws {
        #expect(Self.read("x; " + String(repeating: "a", count: AuthenticationResults.longestField)) == nil)
        let many = try #require(Self.read("x" + String(repeating: "; spf=pass", count: 5_000)))
        #expect(many.findings.count == AuthenticationResults.mostFindings)
        let properties = try #require(Self.read("x; spf=pass" + String(repeating: " a.b=c", count: 5_000)))
        #expect(properties.findings.first?.properties.count == AuthenticationResults.mostProperties)
        for hostile in ["(", "((", "\"", "\\", ";", "=", ".", "a.", "a=", "(\\", ";a=b c.d=", "/"] {
            let text = "x; spf=pass " + String(repeating: hostile, count: 60_000 / hostile.utf8.count)
            #expect(Self.read(text)?.server == "x")
            _ = Self.read(String(repeating: hostile, count: 60_000 / hostile.utf8.count))
        }
        let value = try #require(Self.read("x; spf=pass a.b=" + String(repeating: "v", count: 50_000)))
        #expect(value.findings.first?.value("a", "b")?.utf8.count == AuthenticationResults.longestValue)
    }
}
