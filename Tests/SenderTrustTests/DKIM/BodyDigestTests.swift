import Crypto
import FuzzEntries
import Testing

@testable import SenderTrust

@Suite struct BodyDigestTests {
    static let bodies = [
        "", "\r\n", "\r\n\r\n\r\n", " ", "\t \r\n", " \r\n\t\r\n", "text", "text\r\n", "text\r\n\r\n\r\n", "text\r\n \r\n\t\r\n", "text \t\r\n",
        " C \r\nD \t E\r\n\r\n\r\n",
        "a\r\n\r\n\r\nb\r\n", "a \r b\r\n", "a\rb\n c\r\n", "\r\r\n", "\n", "\r", "a\r\n\r", "a \r", "a\n\n", "a \n\r\n", "a\r\n\n\r\n", "a\tb  c\t\td\r\n",
        "  a\r\n  b",
        "a\r\n \r \r\nb \r\r\n\r\n",
    ]

    static func digest(_ canonicalization: Canonicalization, _ pieces: [[UInt8]], _ length: Int? = nil) -> SHA256.Digest? {
        var digest = BodyDigest(canonicalization, beginnings: length.map { [$0] } ?? [])
        for piece in pieces { piece.withUnsafeBytes { digest.take($0) } }
        digest.finish()
        return digest.digest(of: length)
    }

    @Test("a body's hash is that of its canonical form, wherever its pieces end: RFC 6376 §3.4.3, §3.4.4", arguments: bodies, Canonicalization.allCases)
    func splits(_ body: String, _ canonicalization: Canonicalization) {
        let text = Array(body.utf8)
        let expected = SHA256.hash(data: PlainCanonical.body(text, isRelaxed: canonicalization == .relaxed))
        #expect(BodyDigestTests.digest(canonicalization, [text]) == expected)
        #expect(BodyDigestTests.digest(canonicalization, text.map { [$0] }) == expected)
        for first in 0...text.count {
            for second in first...text.count {
                let pieces = [Array(text[..<first]), Array(text[first..<second]), Array(text[second...])]
                #expect(BodyDigestTests.digest(canonicalization, pieces) == expected, "\(first) \(second)")
            }
        }
    }

    @Test("long runs and lines that fill what is gathered", arguments: Canonicalization.allCases)
    func long(_ canonicalization: Canonicalization) {
        for count in [4094, 4095, 4096, 4097, 8192, 20_000] {
            for unit in ["a", "a ", "a\r\n", "\r\n", " ", "\r", "a \r\n\r\n", "  a"] {
                let text = Array(String(repeating: unit, count: count).utf8) + [UInt8(ascii: "z")]
                let expected = SHA256.hash(data: PlainCanonical.body(text, isRelaxed: canonicalization == .relaxed))
                #expect(BodyDigestTests.digest(canonicalization, [text]) == expected, "\(count) \(unit.debugDescription)")
                let cut = min(5000, text.count)
                #expect(BodyDigestTests.digest(canonicalization, [Array(text[..<cut]), Array(text[cut...])]) == expected)
            }
        }
    }

    @Test("the examples of RFC 6376 §3.4.5 and the empty bodies of §3.4.3, §3.4.4")
    func examples() {
        let body = Array(" C \r\nD \t E\r\n\r\n\r\n".utf8)
        #expect(BodyDigestTests.digest(.relaxed, [body]) == SHA256.hash(data: Array(" C\r\nD E\r\n".utf8)))
        #expect(BodyDigestTests.digest(.simple, [body]) == SHA256.hash(data: Array(" C \r\nD \t E\r\n".utf8)))
        #expect(BodyDigestTests.digest(.simple, []) == SHA256.hash(data: [0x0D, 0x0A]))
        #expect(BodyDigestTests.digest(.relaxed, []) == SHA256.hash(data: [UInt8]()))
    }

    @Test("l= cuts the canonical body at the octet, and nothing is put behind the cut: RFC 6376 §3.4.5, §3.5", arguments: Canonicalization.allCases)
    func beginnings(_ canonicalization: Canonicalization) {
        #expect(BodyDigestTests.digest(canonicalization, [Array("abcdef".utf8)], 4) == SHA256.hash(data: Array("abcd".utf8)))
        let text = Array("a  b\r\n\r\nc \r\n\r\n".utf8)
        let canonical = PlainCanonical.body(text, isRelaxed: canonicalization == .relaxed)
        for length in 0...canonical.count {
            let expected = SHA256.hash(data: Array(canonical.prefix(length)))
            #expect(BodyDigestTests.digest(canonicalization, [text], length) == expected)
            #expect(BodyDigestTests.digest(canonicalization, text.map { [$0] }, length) == expected)
        }
        #expect(BodyDigestTests.digest(canonicalization, [text], canonical.count + 1) == nil)
        #expect(BodyDigestTests.digest(canonicalization, [text], .max) == nil)
        var all = BodyDigest(canonicalization, beginnings: [3, 0, 3, 2, .max])
        text.withUnsafeBytes { all.take($0) }
        all.finish()
        #expect(all.count == canonical.count && all.digest(of: 1) == nil && all.digest(of: nil) == SHA256.hash(data: canonical))
        for length in [0, 2, 3] { #expect(all.digest(of: length) == SHA256.hash(data: Array(canonical.prefix(length)))) }
    }
}
