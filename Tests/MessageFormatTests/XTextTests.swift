import MessageFormat
import Testing

@Suite("xtext (RFC 3461 §4) and the address forms of RFC 6533 §3")
struct XTextTests {
    @Test(
        "xtext decodes to octets, and back",
        arguments: [("", ""), ("a@b.example", "a@b.example"), ("QQ+2B+3D+20x", "QQ+= x"), ("+C3+A4", "ä"), ("+00", "\0"), ("~!", "~!")])
    func octets(_ text: String, _ decoded: String) {
        #expect(XText.decode(text) == Array(decoded.utf8))
        #expect(XText.encode(decoded) == text)
    }

    @Test("what is no xtext", arguments: ["a=b", "+", "+4", "+4g", "+2b", "a b", "ä", "\u{7F}", "a\r", "++", "+ 2B"])
    func none(_ text: String) { #expect(XText.decode(text) == nil) }

    @Test("ENVID and ORCPT are printable: no line can be made of them")
    func printable() {
        #expect(XText.printable("a+20b") == "a b")
        for text in ["+0D+0A", "+00", "+7F", "+C3+A4"] { #expect(XText.printable(text) == nil) }
    }

    @Test("both forms of an address that is not ASCII")
    func utf8() {
        #expect(UTF8AddressText.decode("j\\x{FC}rgen@b\\x{2B}.example") == "jürgen@b+.example")
        #expect(UTF8AddressText.decode("jürgen@example.org") == "jürgen@example.org")
        #expect(UTF8AddressText.decode("\\x{1F600}\\x{10FFFF}\\x{5C}\\x{20}") == "\u{1F600}\u{10FFFF}\\ ")
        #expect(UTF8AddressText.encode("jürgen+a@ex ample\\") == "j\\x{FC}rgen\\x{2B}a@ex\\x{20}ample\\x{5C}")
        for text in [
            "", "a+b", "a=b", "a b", "a\\", "\\x{", "\\x{}", "\\x{41}", "\\x{0A}", "\\x{0D}", "\\x{85}", "\\x{D800}", "\\x{110000}", "\\x{00FC}", "\\x{fc}",
            "\\x{1}", "\\u{FC}", "a\r\n", "\u{85}",
        ] { #expect(UTF8AddressText.decode(text) == nil, "\(text)") }
    }

    @Test("ORCPT: a type and an address")
    func original() throws {
        let plain = try #require(OriginalRecipient("RFC822;a+2Bb@example.org"))
        #expect(plain.type == "rfc822" && plain.address == "a+b@example.org")
        let other = try #require(OriginalRecipient("x400;/C+3Dde/+20S+3Dx/"))
        #expect(other.type == "x400" && other.address == "/C=de/ S=x/")
        let unicode = try #require(OriginalRecipient("utf-8;j\\x{FC}rgen@example.org"))
        #expect(unicode.type == "utf-8" && unicode.address == "jürgen@example.org")
        // As Postfix writes what is not ASCII.
        let postfix = try #require(OriginalRecipient("rfc822;bj+C3+B8rn@example.org"))
        #expect(postfix == OriginalRecipient("utf-8;bj\\x{F8}rn@example.org") && postfix.written == "utf-8;bj\\x{F8}rn@example.org")
        #expect(plain.written == "rfc822;a+2Bb@example.org")
        for text in [
            "", "rfc822", ";a", "rfc822;", "rfc 822;a", "rfc822;+0D+0AStatus:", "rfc822;ä", "rfc822;+C3@b", "rfc822;+C3+B8+0A", "rfc822;+C2+85",
            "x400;+C3+B8", "utf-8;a+20b", "rfc822;" + String(repeating: "a", count: 494),
        ] {
            #expect(OriginalRecipient(text) == nil, "\(text)")
        }
    }
}
