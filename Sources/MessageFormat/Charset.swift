import Glibc
package import NIOCore

/// Character sets of mail, by the names that mail uses (RFC 2046 §4.1.2, the IANA registry). Only the listed ones are
/// ever given to the C library's converter.
package enum Charset {
    /// Whether `decode` can read it.
    package static func isKnown(_ label: String) -> Bool { Coding(label) != nil }

    /// The text of these octets, U+FFFD for each that is no character there; nil for an unknown charset. Octets beyond
    /// ASCII in `us-ascii` are read as UTF-8 when they are that, otherwise as windows-1252, for that is what they are.
    /// Linear.
    package static func decode(_ octets: UnsafeRawBufferPointer, label: String) -> String? {
        decode(octets, label: label, with: Converters())
    }

    static func decode(_ octets: UnsafeRawBufferPointer, label: String, with converters: Converters) -> String? {
        guard let coding = Coding(label) else { return nil }
        switch coding {
        case .utf8: return String(decoding: octets, as: UTF8.self)
        case .ascii: return String(validating: octets, as: UTF8.self) ?? converted(octets, from: "CP1252", converters)
        case .hz: return simplifiedChinese(octets).withUnsafeBytes { converted($0, from: "GBK", converters) }
        case .library(let name): return converted(octets, from: name, converters)
        }
    }

    package static func decode(_ octets: [UInt8], label: String) -> String? {
        octets.withUnsafeBytes { decode($0, label: label) }
    }

    package static func decode(_ octets: ByteBuffer, label: String) -> String? {
        octets.withUnsafeReadableBytes { decode($0, label: label) }
    }

    /// Whether every octet is ASCII.
    static func isASCII(_ octets: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index + 8 <= octets.count {
            guard octets.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 else { return false }
            index += 8
        }
        while index < octets.count {
            guard octets[index] < 0x80 else { return false }
            index += 1
        }
        return true
    }

    /// Whether octets that are ASCII are the same text in that charset. True for the commonest of those of which it is so.
    static func keepsASCII(_ label: String) -> Bool {
        switch Coding(label) {
        case .utf8?, .ascii?: true
        case .library(let name)?: name.hasPrefix("ISO-8859-") || name.hasPrefix("CP125")
        case .hz?, nil: false
        }
    }

    private static func converted(_ octets: UnsafeRawBufferPointer, from name: String, _ converters: Converters) -> String? {
        guard let converter = converters.converter(of: name) else { return nil }
        var text: [UInt8] = []
        text.reserveCapacity(octets.count + octets.count / 2)
        _ = convert(octets, isLast: true, converter, into: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the text in UTF-8. Answers how many octets were used: of the last ones all, otherwise without a character that is cut.
    static func convert(_ octets: UnsafeRawBufferPointer, isLast: Bool, _ converter: iconv_t, into text: inout [UInt8]) -> Int {
        // iconv does not write through its input pointer; C lacks the const.
        var input: UnsafeMutablePointer<CChar>? = octets.baseAddress.map { UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: CChar.self)) }
        var left = octets.count
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 8_192) { room in
            while left > 0 {
                let before = left
                let problem = step(converter, &input, &left, room, &text)
                if problem == E2BIG, left < before { continue }
                guard problem == EILSEQ || problem == E2BIG, left > 0 else {
                    guard isLast else { return }
                    if left > 0 { text.append(contentsOf: replacement) }
                    left = 0
                    break
                }
                text.append(contentsOf: replacement)
                input = input.map { $0 + 1 }
                left -= 1
            }
            guard isLast else { return }
            var nothing: UnsafeMutablePointer<CChar>?
            var none = 0
            _ = step(converter, &nothing, &none, room, &text)
        }
        return octets.count - left
    }

    /// Converters that are open for as long as somebody decodes one text. The C library unloads a charset's module some uses after its last user,
    /// and loading one takes 200 µs, which a header that changes charsets would spend at every word.
    final class Converters {
        private var open: [String: iconv_t] = [:]

        deinit { for converter in open.values { iconv_close(converter) } }

        func converter(of name: String) -> iconv_t? {
            if let known = open[name] {
                // To the state it began in.
                iconv(known, nil, nil, nil, nil)
                return known
            }
            guard let new = iconv_open("UTF-8", name), new != UnsafeMutableRawPointer(bitPattern: -1) else { return nil }
            open[name] = new
            return new
        }
    }

    private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

    /// One call of iconv; what came out is appended. 0, or why it stopped before the end.
    private static func step(
        _ converter: iconv_t, _ input: inout UnsafeMutablePointer<CChar>?, _ left: inout Int,
        _ room: UnsafeMutableBufferPointer<CChar>, _ text: inout [UInt8]
    ) -> CInt {
        var output = room.baseAddress
        var outputLeft = room.count
        let result = iconv(converter, &input, &left, &output, &outputLeft)
        let problem = result == Int(bitPattern: UInt.max) ? errno : 0
        text.append(contentsOf: UnsafeRawBufferPointer(room)[..<(room.count - outputLeft)])
        return problem
    }

    /// RFC 1843, whole.
    private static func simplifiedChinese(_ octets: UnsafeRawBufferPointer) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(octets.count)
        var shift = ChineseShift()
        _ = shift.apply(to: octets, isLast: true, into: &text)
        return text
    }

    /// RFC 1843: `~{` and `~}` around two-octet characters of GB 2312, here with their high bits set.
    struct ChineseShift {
        private var isChinese = false

        /// As `convert`.
        mutating func apply(to octets: UnsafeRawBufferPointer, isLast: Bool, into text: inout [UInt8]) -> Int {
            var index = 0
            while index < octets.count {
                let octet = octets[index]
                if octet == UInt8(ascii: "~"), index + 1 == octets.count, !isLast { return index }
                index += 1
                guard octet == UInt8(ascii: "~"), index < octets.count else {
                    if octet == 0x0A { isChinese = false }
                    text.append(isChinese && octet > 0x20 ? octet | 0x80 : octet)
                    continue
                }
                switch octets[index] {
                case UInt8(ascii: "{"): isChinese = true
                case UInt8(ascii: "}"): isChinese = false
                case UInt8(ascii: "~"): text.append(octet)
                case 0x0A: break
                default:
                    text.append(octet)
                    continue
                }
                index += 1
            }
            return index
        }
    }
}
