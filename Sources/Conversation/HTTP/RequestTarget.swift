/// What a request asks for: the path, cut in segments and decoded, and the query as it came (RFC 9112 §3.2, RFC 3986 §3.3).
package struct RequestTarget: Hashable, Sendable {
    /// Without what percent-encoding hid; `/` is none, `/a/` is `a` and an empty one. None is `.` or `..`, none holds NUL.
    package let segments: [String]
    /// As it came, without `?`; nil: there was none.
    package let query: String?
    /// The path as it came.
    package let path: String

    /// Why a target is refused.
    package enum Fault: Error, Hashable, Sendable {
        /// Not `/…` of printable ASCII, or with a `%` that stands for nothing, or for no UTF-8.
        case malformed
        /// `.` or `..`, however written (S48): browsers resolve them before they ask.
        case traversal
        /// `%00` (S53).
        case null
    }

    /// The server itself and no path of it: `OPTIONS *` (RFC 9110 §9.3.7).
    package static let server = RequestTarget(segments: [], query: nil, path: "*")

    private init(segments: [String], query: String?, path: String) {
        self.segments = segments
        self.query = query
        self.path = path
    }

    package var isServer: Bool { path == "*" }

    /// A target in origin form: `/path?query`. A fragment is no part of it.
    package init(_ text: String) throws(Fault) {
        guard text.utf8.first == UInt8(ascii: "/"), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }) else {
            throw .malformed
        }
        let mark = text.utf8.firstIndex(of: UInt8(ascii: "?"))
        query = mark.map { String(text[text.utf8.index(after: $0)...]) }
        path = mark.map { String(text[..<$0]) } ?? text
        var segments: [String] = []
        for part in path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            let segment = try RequestTarget.decoded(part)
            if segment == "." || segment == ".." { throw .traversal }
            segments.append(segment)
        }
        self.segments = segments == [""] ? [] : segments
    }

    /// The query's pairs, `a=1&b=2`, decoded (`+` is a blank, as forms write it); at most 256 are looked at.
    package func parameters() throws(Fault) -> [(name: String, value: String)] {
        guard let query else { return [] }
        var pairs: [(name: String, value: String)] = []
        for pair in query.utf8.split(separator: UInt8(ascii: "&"), maxSplits: 256) {
            let halves = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = try RequestTarget.decoded(halves[0], isForm: true)
            pairs.append((name, halves.count == 2 ? try RequestTarget.decoded(halves[1], isForm: true) : ""))
        }
        return pairs
    }

    private static func decoded(_ text: Substring.UTF8View, isForm: Bool = false) throws(Fault) -> String {
        // ASCII that stands for itself, as nearly all does.
        if !text.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) { return String(Substring(text)) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text.makeIterator()
        while let byte = rest.next() {
            if byte == UInt8(ascii: "+"), isForm {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%") {
                guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { throw .malformed }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(byte)
            }
        }
        guard !bytes.contains(0) else { throw .null }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .malformed }
        return text
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
