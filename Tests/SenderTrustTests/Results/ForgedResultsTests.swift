import MailModel
import NIOCore
import SenderTrust
import Testing

@Suite("Fields that claim to be ours: RFC 8601 §5")
struct ForgedResultsTests {
    private static func claims(_ value: String) throws -> Bool {
        try ForgedResults.claims(authserv: #require(Domain("mx.our.example")), value: ByteBuffer(string: value))
    }

    @Test(
        "what names us goes, also where it cannot be understood",
        arguments: [
            " mx.our.example; dmarc=pass", "mx.our.example;dmarc=pass", "MX.Our.EXAMPLE; none", " mx.our.example 1; none",
            "\r\n mx.our.example\r\n 1\r\n ; none",
            "(a) mx.our.example (b) 1 (c); spf=pass", "(a;b(c)) mx.our.example; spf=pass", "\"mx.our.example\"; spf=pass", "\"mx.our\".example; x=y",
            "mx.our.example",
            "mx.our.example ", "mx.our.example.; spf=pass", "\"mx\\.our.example\"; spf=pass",
            // What cannot be understood.
            "mx.our.example dmarc=pass", "mx.our.example/1; spf=pass", "mx.our.example: spf=pass", "mx.our.example, other.example; spf=pass",
            "; mx.our.example; spf=pass",
            "<mx.our.example>; spf=pass", "=?utf-8?q?mx=2Eour=2Eexample?=; spf=pass", "=?utf-8?B?bXgub3VyLmV4YW1wbGU=?=; spf=pass", "(mx.our.example; spf=pass",
            "\"mx.our.example; spf=pass", "mx.our.example\u{00A0}; spf=pass", "mx.our.\r\n example; spf=pass", "mx.our.example\0; spf=pass",
            "mx\0.our.example; spf=pass",
            "mx.our.example=; spf=pass", "'mx.our.example'; spf=pass", "mx.our.example\\; spf=pass", "\u{200B}mx.our.example; spf=pass",
            "x mx.our.example; spf=pass",
            "mx.our.example 1 2; spf=pass", "mx.our.exam(x)ple; spf=pass", "mx.our.example\t\t\t1\t;spf=pass", "mx.our.example v1; spf=pass",
            "\u{FEFF}mx.our.example; spf=pass", "\u{01}mx.our.example; spf=pass",
        ])
    func ours(_ value: String) throws { #expect(try Self.claims(value)) }

    @Test(
        "what names others stays",
        arguments: [
            " mx.other.example; dmarc=pass", "our.example; dmarc=pass", "example; none", "mx.our.example.evil.example; none", "notmx.our.example; none",
            "a.mx.our.example; none", "mx-our.example; none", "other.example; dkim=pass header.d=mx.our.example",
            "other.example (for mx.our.example); spf=pass",
            "other.example 1; spf=pass smtp.helo=mx.our.example", "(mx.our.example) other.example; none", "\"other.example\"; spf=pass (mx.our.example)",
            "other.example", "",
            "; none", "other.example; ; mx.our.example", "mx.microsoft.com 1; spf=pass", "other.example spf=pass; dkim=pass; mx.our.example",
            "i=1; mx.microsoft.com 1; spf=pass",
        ])
    func others(_ value: String) throws { #expect(try !Self.claims(value)) }

    @Test("a name beyond ASCII is ours in both forms")
    func international() throws {
        let own = try #require(Domain("xn--bcher-kva.example"))
        #expect(ForgedResults.claims(authserv: own, value: ByteBuffer(string: "bücher.example; spf=pass")))
        #expect(ForgedResults.claims(authserv: own, value: ByteBuffer(string: "BÜCHER.example; spf=pass")))
        #expect(ForgedResults.claims(authserv: own, value: ByteBuffer(string: "xn--bcher-kva.example; spf=pass")))
    }

    @Test("who has not named himself within some kilobytes goes, and the start decides", .timeLimit(.minutes(1)))
    func long() throws {
        let comment = "(" + String(repeating: "x", count: 5_000) + ")"
        #expect(try Self.claims(comment + " mx.our.example; spf=pass"))
        #expect(try Self.claims(comment + " other.example; spf=pass"))
        #expect(try Self.claims(String(repeating: " ", count: 5_000) + "mx.our.example; spf=pass"))
        #expect(try Self.claims(String(repeating: "x", count: 5_000)))
        let rest = String(repeating: "; spf=pass", count: 10_000)
        #expect(try !Self.claims("other.example" + rest))
        #expect(try Self.claims("mx.our.example" + rest))
        for hostile in ["(", "\"", "\\", ";", "=?", ".", "=?utf-8?q??="] { _ = try Self.claims(String(repeating: hostile, count: 100_000)) }
    }
}
