import NIOCore
import Testing

@testable import SMTP

@Suite struct TextDecoderTests {
    struct Result: Equatable {
        var text: [UInt8] = []
        var isMalformed = false
        /// Octets up to the end of DATA; nil when it has not come.
        var end: Int?
    }

    /// What the decoder must do, said as simply as can be.
    static func reference(_ octets: [UInt8]) -> Result {
        let all = [13, 10] + octets
        var end: Int?
        if all.count >= 5 { end = (0...(all.count - 5)).first { Array(all[$0..<($0 + 5)]) == [13, 10, 46, 13, 10] } }
        // The CRLF before the dot is text.
        let text = end.map { Array(all[..<($0 + 2)]) } ?? all
        var result = Result(end: end.map { $0 + 3 })
        for (index, octet) in text.enumerated() {
            switch octet {
            case 13 where index + 1 < text.count && text[index + 1] != 10: result.isMalformed = true
            case 10 where index == 0 || text[index - 1] != 13: result.isMalformed = true
            case 0: result.isMalformed = true
            case 46 where index >= 2 && text[index - 2] == 13 && text[index - 1] == 10: continue
            default: break
            }
            if index >= 2 { result.text.append(octet) }
        }
        return result
    }

    /// Octets cut at those places.
    static func decode(_ octets: [UInt8], cuts: [Int], isDotStuffed: Bool = true) -> Result {
        var decoder = TextDecoder(isDotStuffed: isDotStuffed)
        var text = ByteBuffer()
        var result = Result()
        var start = 0
        for cut in cuts + [octets.count] where result.end == nil {
            let (used, isEnd) = Array(octets[start..<cut]).withUnsafeBytes { decoder.decode($0, into: &text, keep: true) }
            if isEnd { result.end = start + used } else { #expect(used == cut - start) }
            start = cut
        }
        result.text = Array(text.readableBytesView)
        result.isMalformed = decoder.isMalformed
        return result
    }

    @Test("only CRLF.CRLF ends DATA, only CRLF ends a line, and dots are taken off, however it is cut: RFC 5321 §2.3.8, §4.1.1.4, §4.5.2")
    func exhaustive() {
        let alphabet: [UInt8] = [13, 10, 46, 97, 0]
        for length in 0...8 {
            // The longer ones of CR, LF and dot alone.
            let base = length > 5 ? 3 : 5
            for number in 0..<Self.power(base, length) {
                var rest = number
                let octets = (0..<length).map { _ in
                    defer { rest /= base }
                    return alphabet[rest % base]
                }
                let expected = Self.reference(octets)
                // Behind CRLF, dot and CR the text is not known yet.
                let isOpen = expected.end == nil && ([13, 10] + octets).suffix(4) == [13, 10, 46, 13]
                for cuts in [[], Array(1..<max(1, length)), length > 1 ? [number % (length - 1) + 1] : []] {
                    let result = Self.decode(octets, cuts: cuts)
                    guard result.end == expected.end, result.isMalformed == expected.isMalformed,
                        expected.isMalformed || isOpen || result.text == expected.text
                    else {
                        Issue.record("\(octets) cut at \(cuts): \(result), not \(expected)")
                        return
                    }
                }
            }
        }
    }

    private static func power(_ base: Int, _ exponent: Int) -> Int { (0..<exponent).reduce(1) { product, _ in product * base } }

    @Test(
        "what looks like an end is none, and makes the text malformed: CVE-2023-51764",
        arguments: ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\0\r\n.\0\r\n", "\r\r\n.\n", "\r\n.\r\r\n", "\r\n.\n\r\n"])
    func falseEnds(_ end: String) {
        let octets = Array("outer\(end)MAIL FROM:<x>\r\n.\r\n".utf8)
        for cut in 0...octets.count {
            let result = Self.decode(octets, cuts: [cut])
            #expect(result.isMalformed && result.end == octets.count, "cut at \(cut)")
        }
    }

    @Test("chunks of BDAT have no dots to take off and no end of their own: RFC 3030 §2")
    func chunks() {
        let octets = Array("..a\r\n.\r\n.b\r\n".utf8)
        for cut in 0...octets.count {
            #expect(Self.decode(octets, cuts: [cut], isDotStuffed: false) == Result(text: octets))
        }
        #expect(Self.decode(Array("a\rb".utf8), cuts: [2], isDotStuffed: false).isMalformed)
        #expect(Self.decode(Array("a\0b".utf8), cuts: [], isDotStuffed: false).isMalformed)
    }

    @Test("a bare LF of a chunk becomes CRLF, however it is cut, and a bare CR or a NUL beside it is still one: RFC 3030 §2, RFC 5321 §2.3.8")
    func bareFeeds() {
        for (sent, stored) in [("a\nb", "a\r\nb"), ("\n", "\r\n"), ("\n\n", "\r\n\r\n"), ("a\r\n\n.\nb\r\n", "a\r\n\r\n.\r\nb\r\n"), ("a\n\r\n", "a\r\n\r\n")] {
            let octets = Array(sent.utf8)
            for cut in 0...octets.count {
                #expect(Self.decode(octets, cuts: [cut], isDotStuffed: false) == Result(text: Array(stored.utf8)), "\(octets) cut at \(cut)")
            }
        }
        for text in ["a\rb\n", "\r\r\n", "\n\r\r\n", "a\n\rb", "\0\n", "a\n\0"] {
            let octets = Array(text.utf8)
            for cut in 0...octets.count { #expect(Self.decode(octets, cuts: [cut], isDotStuffed: false).isMalformed, "\(octets) cut at \(cut)") }
        }
    }

    @Test("a message of line feeds is no larger than its limit when they are mended")
    func mendedCount() {
        var decoder = TextDecoder(isDotStuffed: false)
        var text = ByteBuffer()
        _ = [UInt8](repeating: 10, count: 500).withUnsafeBytes { decoder.decode($0, into: &text, keep: true) }
        #expect(decoder.count == 1_000 && text.readableBytes == 1_000)
    }

    @Test("a CR at the end of the last chunk is bare")
    func trailingReturn() {
        var decoder = TextDecoder(isDotStuffed: false)
        var text = ByteBuffer()
        _ = Array("a\r".utf8).withUnsafeBytes { decoder.decode($0, into: &text, keep: true) }
        #expect(!decoder.isMalformed)
        decoder.finish()
        #expect(decoder.isMalformed)
    }

    @Test("a line may be as long as it likes, and keeps every octet")
    func longLines() {
        let octets = [UInt8](repeating: 0xC3, count: 1 << 20) + Array("\r\n.\r\n".utf8)
        let result = Self.decode(octets, cuts: [1000, 500_000])
        #expect(result == Result(text: Array(octets.dropLast(3)), end: octets.count))
    }
}
