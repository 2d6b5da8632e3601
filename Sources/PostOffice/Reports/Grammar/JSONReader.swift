package import NIOCore

/// A JSON text (RFC 8259), as strangers send it: what fields hold may be of another type than was agreed, so whoever asks takes what is there.
package indirect enum JSONValue: Hashable, Sendable {
    case null
    case flag(Bool)
    /// Whole, within ±2^53; others are texts.
    case number(Int)
    case text(String)
    case list([JSONValue])
    /// Of a name that comes twice the first counts.
    case object([String: JSONValue])

    package enum Fault: Error, Hashable, Sendable {
        /// No JSON, deeper than `mostDepth`, or more than `mostValues`.
        case malformed
    }

    package static let mostDepth = 24
    package static let mostValues = 200_000
    /// Octets of a text that are kept.
    static let mostText = 8_192

    package subscript(name: String) -> JSONValue? {
        guard case .object(let fields) = self else { return nil }
        return fields[name]
    }

    package var text: String? {
        switch self {
        case .text(let text): text
        case .number(let number): "\(number)"
        default: nil
        }
    }

    /// Also where it stands in quotes; 0 or more.
    package var count: Int? {
        switch self {
        case .number(let number): number >= 0 ? number : nil
        case .text(let text): Int(text).flatMap { (0...1 << 53).contains($0) ? $0 : nil }
        default: nil
        }
    }

    /// Of a list its values, of a lone one itself, of nothing none.
    package var all: [JSONValue] {
        switch self {
        case .list(let values): values
        case .null: []
        default: [self]
        }
    }
}

extension JSONValue {
    package init(_ octets: ByteBuffer) throws(Fault) {
        var reader = JSONReader(Array(octets.readableBytesView))
        self = try reader.whole()
    }
}

private struct JSONReader {
    private let octets: [UInt8]
    private var place = 0
    private var values = 0

    init(_ octets: [UInt8]) { self.octets = octets }

    private var next: UInt8? { place < octets.count ? octets[place] : nil }

    mutating func whole() throws(JSONValue.Fault) -> JSONValue {
        // A byte order mark is none of JSON, and some write it (RFC 8259 §8.1).
        if octets.starts(with: [0xEF, 0xBB, 0xBF]) { place = 3 }
        let value = try value(depth: 0)
        skipBlanks()
        guard place == octets.count else { throw .malformed }
        return value
    }

    // ws = *( %x20 / %x09 / %x0A / %x0D )
    private mutating func skipBlanks() {
        while let octet = next, octet == 0x20 || octet == 0x09 || octet == 0x0A || octet == 0x0D { place += 1 }
    }

    private mutating func take(_ octet: UInt8) -> Bool {
        skipBlanks()
        guard next == octet else { return false }
        place += 1
        return true
    }

    // value = false / null / true / object / array / number / string
    private mutating func value(depth: Int) throws(JSONValue.Fault) -> JSONValue {
        values += 1
        guard depth <= JSONValue.mostDepth, values <= JSONValue.mostValues else { throw .malformed }
        skipBlanks()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "t"): return try word("true", .flag(true))
        case UInt8(ascii: "f"): return try word("false", .flag(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONValue.Fault) -> JSONValue {
        guard octets[place...].starts(with: word.utf8) else { throw .malformed }
        place += word.utf8.count
        return value
    }

    // object = "{" [ string ":" value *( "," string ":" value ) ] "}"
    private mutating func object(depth: Int) throws(JSONValue.Fault) -> JSONValue {
        place += 1
        var fields: [String: JSONValue] = [:]
        if take(UInt8(ascii: "}")) { return .object(fields) }
        repeat {
            skipBlanks()
            guard next == UInt8(ascii: "\"") else { throw .malformed }
            let name = try string()
            guard take(UInt8(ascii: ":")) else { throw .malformed }
            let value = try value(depth: depth + 1)
            if fields[name] == nil { fields[name] = value }
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw .malformed }
        return .object(fields)
    }

    // array = "[" [ value *( "," value ) ] "]"
    private mutating func list(depth: Int) throws(JSONValue.Fault) -> JSONValue {
        place += 1
        var list: [JSONValue] = []
        if take(UInt8(ascii: "]")) { return .list(list) }
        repeat { list.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw .malformed }
        return .list(list)
    }

    // number = [ "-" ] int [ frac ] [ exp ]
    private mutating func number() throws(JSONValue.Fault) -> JSONValue {
        let start = place
        while let octet = next, (0x30...0x39).contains(octet) || "+-.eE".utf8.contains(octet), place - start < 40 { place += 1 }
        let text = String(decoding: octets[start..<place], as: UTF8.self)
        guard let number = Double(text) else { throw .malformed }
        guard number.magnitude <= 9_007_199_254_740_992, number == number.rounded(.towardZero) else { return .text(text) }
        return .number(Int(number))
    }

    // string = %x22 *char %x22
    private mutating func string() throws(JSONValue.Fault) -> String {
        place += 1
        var text: [UInt8] = []
        while let octet = next, octet != UInt8(ascii: "\"") {
            place += 1
            guard octet >= 0x20 else { throw .malformed }
            if octet == UInt8(ascii: "\\") {
                let scalar = try escaped()
                if text.count < JSONValue.mostText { text += Array(String(Character(scalar)).utf8) }
            } else if text.count < JSONValue.mostText {
                text.append(octet)
            }
        }
        guard next != nil else { throw .malformed }
        place += 1
        return String(decoding: text, as: UTF8.self)
    }

    // escape ( %x22 / %x5C / %x2F / b / f / n / r / t / %x75 4HEXDIG )
    private mutating func escaped() throws(JSONValue.Fault) -> Unicode.Scalar {
        guard let octet = next else { throw .malformed }
        place += 1
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(octet)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw .malformed
        }
        let first = try unit()
        guard (0xD800...0xDBFF).contains(first), place + 1 < octets.count, octets[place] == UInt8(ascii: "\\"), octets[place + 1] == UInt8(ascii: "u") else {
            return Unicode.Scalar(first) ?? "\u{FFFD}"
        }
        place += 2
        let second = try unit()
        guard (0xDC00...0xDFFF).contains(second) else { return "\u{FFFD}" }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
    }

    private mutating func unit() throws(JSONValue.Fault) -> UInt32 {
        guard place + 4 <= octets.count, octets[place..<place + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let unit = UInt32(String(decoding: octets[place..<place + 4], as: UTF8.self), radix: 16)
        else { throw .malformed }
        place += 4
        return unit
    }
}

/// Writes JSON texts.
enum JSONText {
    /// In quotes.
    static func quoted(_ text: String) -> String {
        var written = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": written += "\\" + String(Character(scalar))
            case "\u{0}"..<" ": written += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: written.unicodeScalars.append(scalar)
            }
        }
        return written + "\""
    }

    static func list(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ",") + "]" }
}
