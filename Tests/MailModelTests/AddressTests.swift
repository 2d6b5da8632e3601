import MailModel
import Testing

@Suite("Domains and addresses")
struct AddressTests {
    @Test(
        "domains in lower case and normal form C",
        arguments: [
            ("example.org", "example.org"), ("EXAMPLE.Org", "example.org"), ("example.org.", "example.org"), ("localhost", "localhost"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("BU\u{308}CHER.example", "bücher.example"), ("_dmarc.example", "_dmarc.example"),
            ("[192.0.2.1]", "[192.0.2.1]"), ("[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"), ("1.2", "1.2"),
            (String(repeating: "a", count: 63) + ".b", String(repeating: "a", count: 63) + ".b"),
        ])
    func domains(text: String, value: String) {
        #expect(Domain(text)?.value == value)
        #expect(Domain(text[...])?.description == value)
    }

    @Test(
        "what is no domain",
        arguments: [
            "", ".", "..", "a..b", ".a", "a.b..", "-a.b", "a-.b", "a b", "a@b", "a\r\nb", "a\u{0}b", "a/b", "a,b", "[", "[]", "[a", "[a]b", "[a b]",
            "[a\\b]", "[[a]]", "a\u{200B}b", "a\u{A0}b", "a\u{2028}b", String(repeating: "a", count: 64) + ".b",
            Array(repeating: "abcdefghi", count: 26).joined(separator: "."), "[" + String(repeating: "1", count: 300) + "]",
        ])
    func notDomains(text: String) {
        #expect(Domain(text) == nil)
    }

    @Test("a literal is told from a name, and ASCII from what needs SMTPUTF8")
    func kinds() throws {
        #expect(try #require(Domain("[192.0.2.1]")).isLiteral)
        #expect(try !#require(Domain("example.org")).isLiteral)
        #expect(try #require(Domain("example.org")).isASCII)
        #expect(try !#require(Domain("bücher.example")).isASCII)
        #expect(try #require(Domain("a.example")) < #require(Domain("b.example")))
    }

    @Test(
        "addresses, and how they are written: RFC 5321 §4.1.2",
        arguments: [
            ("alice@example.org", "alice", "alice@example.org"), ("a.b+c@x.y", "a.b+c", "a.b+c@x.y"),
            ("a@b@example.org", "a@b", "\"a@b\"@example.org"), ("two words@x.y", "two words", "\"two words\"@x.y"),
            ("a\"b@x.y", "a\"b", "\"a\\\"b\"@x.y"), ("a\\b@x.y", "a\\b", "\"a\\\\b\"@x.y"), (".a@x.y", ".a", "\".a\"@x.y"),
            ("a..b@x.y", "a..b", "\"a..b\"@x.y"), ("jo\u{308}rg@x.y", "jörg", "jörg@x.y"),
            ("!#$%&'*+-/=?^_`{|}~@x.y", "!#$%&'*+-/=?^_`{|}~", "!#$%&'*+-/=?^_`{|}~@x.y"),
            ("postmaster@[192.0.2.1]", "postmaster", "postmaster@[192.0.2.1]"),
        ])
    func addresses(text: String, localPart: String, written: String) throws {
        let address = try #require(Address(text))
        #expect(address.localPart == localPart && address.written == written && address.description == written)
        #expect(Address(localPart: localPart, domain: address.domain) == address)
    }

    @Test(
        "what is no address: nothing that could end a line or a command",
        arguments: [
            "", "alice", "@example.org", "alice@", "a\r\nRCPT TO:<b@c>@x.y", "a\n@x.y", "a\u{0}@x.y", "a\u{7F}@x.y", "a\u{85}@x.y", "a@x y",
            String(repeating: "x", count: 256) + "@x.y",
        ])
    func notAddresses(text: String) {
        #expect(Address(text) == nil)
    }

    @Test("SMTPUTF8 is needed for either side")
    func ascii() throws {
        #expect(try #require(Address("a@b.c")).isASCII)
        #expect(try !#require(Address("ä@b.c")).isASCII)
        #expect(try !#require(Address("a@ü.c")).isASCII)
    }

    @Test("no scalar of Unicode makes an address or a domain with a control character, CR, LF or NUL in it")
    func everyScalar() {
        for value in UInt32(0)...0x2FFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let written = [Address("a\(scalar)b@x.y")?.written, Domain("a\(scalar)b")?.value].compactMap { $0 }.joined()
            #expect(written.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, "U+\(String(value, radix: 16))")
        }
    }
}
