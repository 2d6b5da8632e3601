import Glibc
package import MessageFormat
package import NIOCore

/// The fields of a header as signatures name and hash them (RFC 6376 §3.4.1, §3.4.2, §5.4.2).
package struct HeaderBlock: Sendable {
    package let octets: ByteBuffer
    /// From the top.
    package let fields: [FieldSpan]
    /// By name; those of one name from the top. Empty until it is asked for.
    private var order: [Int] = []

    package init(_ octets: ByteBuffer) {
        self.octets = octets.slice()
        var fields: [FieldSpan] = []
        octets.withUnsafeReadableBytes { octets in
            var offset = 0
            while let field = FieldSpan(octets, from: offset) {
                fields.append(field)
                offset = field.end
            }
        }
        self.fields = fields
    }

    /// In lower case; empty for a line that is no field.
    package func name(_ place: Int) -> String {
        octets.withUnsafeReadableBytes { octets in
            let field = fields[place]
            return String(decoding: octets[field.start..<(field.start + field.nameLength)].map(OctetSet.lowercased), as: UTF8.self)
        }
    }

    /// Of one name in lower case, from the top.
    package func places(of name: String) -> [Int] {
        let name = Array(name.utf8)
        return octets.withUnsafeReadableBytes { octets in fields.indices.filter { HeaderBlock.compare(octets, fields[$0], name) == 0 } }
    }

    /// - parameter name: in lower case.
    package func hasField(named name: String) -> Bool {
        let name = Array(name.utf8)
        return octets.withUnsafeReadableBytes { octets in fields.contains { HeaderBlock.compare(octets, $0, name) == 0 } }
    }

    package func value(_ place: Int) -> [UInt8] {
        octets.withUnsafeReadableBytes { Array($0[fields[place].valueStart..<fields[place].end]) }
    }

    /// Puts the fields in order, for whoever selects more than once.
    package mutating func sort() { order = sorted() }

    private func sorted() -> [Int] {
        octets.withUnsafeReadableBytes { octets in
            fields.indices.sorted { a, b in
                let order = HeaderBlock.compare(octets, fields[a], octets, fields[b])
                return order == 0 ? a < b : order < 0
            }
        }
    }

    /// Which fields h= names, in its order: each time one is named, the lowest that was not yet taken; none left: nothing (§5.4.2).
    ///
    /// - parameter names: in lower case.
    /// - parameter own: the signature's own field, which its h= never means.
    package func select(_ names: [String], own: Int?) -> [Int] {
        let order = order.isEmpty ? sorted() : order
        // How many were taken of those that end there.
        var taken: [Int: Int] = [:]
        var selected: [Int] = []
        octets.withUnsafeReadableBytes { octets in
            for name in names where !name.isEmpty {
                let name = Array(name.utf8)
                let end = HeaderBlock.upperBound(order) { HeaderBlock.compare(octets, fields[$0], name) <= 0 }
                var next = end - 1 - taken[end, default: 0]
                if next >= 0, order[next] == own {
                    taken[end, default: 0] += 1
                    next -= 1
                }
                guard next >= 0, HeaderBlock.compare(octets, fields[order[next]], name) == 0 else { continue }
                taken[end, default: 0] += 1
                selected.append(order[next])
            }
        }
        return selected
    }

    private static func upperBound(_ order: [Int], _ isBefore: (Int) -> Bool) -> Int {
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if isBefore(order[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Names in any case.
    private static func compare(_ octets: UnsafeRawBufferPointer, _ a: FieldSpan, _ other: UnsafeRawBufferPointer, _ b: FieldSpan) -> Int {
        compare(octets, a, UnsafeRawBufferPointer(rebasing: other[b.start..<(b.start + b.nameLength)]))
    }

    private static func compare(_ octets: UnsafeRawBufferPointer, _ field: FieldSpan, _ name: [UInt8]) -> Int {
        name.withUnsafeBytes { compare(octets, field, $0) }
    }

    private static func compare(_ octets: UnsafeRawBufferPointer, _ field: FieldSpan, _ name: UnsafeRawBufferPointer) -> Int {
        for index in 0..<min(field.nameLength, name.count) {
            let (a, b) = (OctetSet.lowercased(octets[field.start + index]), OctetSet.lowercased(name[index]))
            if a != b { return a < b ? -1 : 1 }
        }
        return field.nameLength - name.count
    }
}
