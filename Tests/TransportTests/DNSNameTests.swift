import Conversation
import MailModel
import Testing

@Suite("Names in DNS: RFC 1035 §2.3.4, §3.1")
struct DNSNameTests {
    private func written(_ text: String) -> String? { DNSName(dotted: text.utf8)?.value }

    @Test("octets that a host's name cannot have are written with escapes: RFC 1035 §5.1")
    func octets() {
        #expect(written("Foo:Bar/baz.example.com.") == "foo:bar/baz.example.com")
        #expect(written("a b\\c\u{7F}ü.x") == "a\\032b\\\\c\\127\\195\\188.x")
        #expect(DNSName(labels: [[0x61, 0x2E, 0x62], [0, 9, 255]])?.value == "a\\.b.\\000\\009\\255")
        #expect(DNSName(labels: [[0x61, 0x2E, 0x62], [0, 9, 255]])?.dotted == "a.b.\0\t\u{FFFD}")
        for text in ["a b\\c\u{7F}ü.1x", "foo:bar/baz.example.com", "\\"] { #expect(DNSName(dotted: text.utf8)?.dotted == text) }
    }

    @Test("empty labels, none, and names that are too long are no names")
    func limits() {
        for text in ["", ".", "..", "a..b", ".a", "a.."] { #expect(written(text) == nil, "\(text)") }
        let label = String(repeating: "x", count: 63)
        let longest = [label, label, label, String(repeating: "y", count: 61)].joined(separator: ".")
        #expect(written(longest)?.utf8.count == 253 && written(longest + ".") == longest && written(longest + "y") == nil)
        #expect(written(label + "x") == nil && written("a.\(label)x.b") == nil)
        #expect(written(String(repeating: "a.", count: 126) + "a")?.utf8.count == 253 && written(String(repeating: "a.", count: 128)) == nil)
        #expect(written(String(repeating: ".", count: 1_000_000)) == nil)
        #expect(DNSName(labels: [[UInt8]]()) == nil && DNSName(labels: [[UInt8]](repeating: [0xFF], count: 127))?.value.utf8.count == 127 * 5 - 1)
    }

    @Test("a host's name is itself, there and back; others are no domains")
    func domains() throws {
        let host = try #require(Domain("_a.Mail.Example.org"))
        #expect(DNSName(host)?.value == "_a.mail.example.org" && DNSName(host)?.domain == host)
        for text in ["[192.0.2.1]", "bücher.example", [String](repeating: String(repeating: "a", count: 50), count: 5).joined(separator: ".")] {
            #expect(try DNSName(#require(Domain(text))) == nil)
        }
        for text in ["[1]", "a b.example", "a\\b.example", "-a.example", "a@b"] { #expect(try #require(DNSName(dotted: text.utf8)).domain == nil, "\(text)") }
        #expect(try #require(DNSName(labels: [[0x61, 0x2E, 0x62]])).domain == nil)
    }

    @Test("a name lies within itself and those at its right end; a dot in a label ends none")
    func within() throws {
        func name(_ text: String) throws -> DNSName { try #require(DNSName(dotted: text.utf8)) }
        let domain = try name("b.example")
        #expect(try name("B.example").isWithin(domain) && name("a.b.example").isWithin(domain) && name("a\\.b.example").isWithin(domain))
        #expect(try !name("xb.example").isWithin(domain) && !name("example").isWithin(domain))
        #expect(try !#require(DNSName(labels: [Array("a.b".utf8), Array("example".utf8)])).isWithin(domain))
    }

    @Test("as answers have them; what is cut, compressed or goes on is none")
    func answers() {
        #expect(DNSName(octets: [1, 0x41, 2, 0x20, 0x62, 0])?.value == "a.\\032b")
        for octets: [UInt8] in [[], [0], [1], [1, 0x61], [1, 0x61, 0, 0], [2, 0x61, 0], [0xC0, 0], [0x40, 0x61, 0], [1, 0x61, 1]] {
            #expect(DNSName(octets: octets) == nil, "\(octets)")
        }
        #expect(DNSName(octets: [UInt8](repeating: 1, count: 100_000)) == nil)
    }
}
