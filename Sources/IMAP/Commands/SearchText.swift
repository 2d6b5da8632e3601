import Glibc
import MailModel

/// A text that is looked for: as a part of another, without regard to case (RFC 9051 §6.4.4), in Unicode's normal form C.
struct SearchText: Hashable, Sendable {
    private let folded: [UInt8]
    /// For each place in `folded`, how many octets before and with it are also its beginning (Knuth, Morris, Pratt).
    private let borders: [Int]

    init(_ text: String) {
        let folded = SearchText.fold(text)
        var borders = [Int](repeating: 0, count: folded.count)
        var length = 0
        for index in folded.indices.dropFirst() {
            while length > 0, folded[index] != folded[length] { length = borders[length - 1] }
            if folded[index] == folded[length] { length += 1 }
            borders[index] = length
        }
        self.folded = folded
        self.borders = borders
    }

    static func == (a: SearchText, b: SearchText) -> Bool { a.folded == b.folded }
    func hash(into hasher: inout Hasher) { hasher.combine(folded) }

    static func fold(_ text: String) -> [UInt8] {
        var text = text
        let isASCII = text.withUTF8 { octets in octets.allSatisfy { $0 < 0x80 } }
        if !isASCII { return Array(text.normalizedC.lowercased().normalizedC.utf8) }
        return text.withUTF8 { octets in
            [UInt8](unsafeUninitializedCapacity: octets.count) { room, count in
                for (index, octet) in octets.enumerated() {
                    room[index] = octet >= 0x41 && octet <= 0x5A ? octet | 0x20 : octet
                }
                count = octets.count
            }
        }
    }

    func isIn(_ text: String) -> Bool { isIn(folded: SearchText.fold(text)) }

    /// The empty text is in every text. Linear, whatever the two are.
    func isIn(folded text: [UInt8]) -> Bool {
        guard let first = folded.first else { return true }
        return text.withUnsafeBytes { octets in
            var index = 0
            var length = 0
            while index < octets.count {
                if length == 0 {
                    guard let start = octets.baseAddress,
                        let next = memchr(start + index, Int32(first), octets.count - index)
                    else { return false }
                    index = UnsafeRawPointer(next) - start
                }
                while length > 0, octets[index] != folded[length] { length = borders[length - 1] }
                if octets[index] == folded[length] { length += 1 }
                if length == folded.count { return true }
                index += 1
            }
            return false
        }
    }
}
