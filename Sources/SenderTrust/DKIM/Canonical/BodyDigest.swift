package import Crypto

/// The hash of a body in one canonical form (RFC 6376 §3.4.3, §3.4.4), while it passes in pieces of any size; and the hashes of its beginnings that l= names
/// (§3.5), all in one pass. Holds no text. A line ends with CRLF; a CR or LF alone is an octet like others.
package struct BodyDigest: Sendable {
    package let canonicalization: Canonicalization
    private var hash = SHA256()
    /// Octets of the canonical form so far.
    package private(set) var count = 0
    /// Beginnings that are asked for, the shortest first, and the hashes of those that have passed.
    private let marks: [Int]
    private var marked: [SHA256.Digest] = []
    private var whole: SHA256.Digest?

    // What has come and is not yet known to belong, in this order: line ends, blanks, a CR.
    private var lineEnds = 0
    private var isBlankHeld = false
    private var isReturnHeld = false

    package init(_ canonicalization: Canonicalization, beginnings: some Sequence<Int> = []) {
        self.canonicalization = canonicalization
        marks = Set(beginnings).sorted()
    }

    package mutating func take(_ text: UnsafeRawBufferPointer) {
        switch canonicalization {
        case .simple: takeSimple(text)
        case .relaxed: takeRelaxed(text)
        }
    }

    /// The body is over.
    package mutating func finish() {
        if isReturnHeld { release() }
        isBlankHeld = false
        // §3.4.3: a body that is empty, or does not end so, gets a CRLF; §3.4.4: only the latter.
        lineEnds = canonicalization == .simple || count > 0 ? 1 : 0
        release()
        absorb(UnsafeRawBufferPointer(start: nil, count: 0))
        whole = hash.finalize()
    }

    /// Of the whole canonical body, or of its first `length` octets; nil where it has fewer, or `length` was not asked for. Once it is finished.
    package func digest(of length: Int?) -> SHA256.Digest? {
        guard let length else { return whole }
        guard let place = marks.firstIndex(of: length), place < marked.count else { return nil }
        return marked[place]
    }

    private mutating func takeSimple(_ text: UnsafeRawBufferPointer) {
        var end = text.count
        while end > 0, text[end - 1] == 0x0A || text[end - 1] == 0x0D { end -= 1 }
        if end > 0 {
            release()
            absorb(UnsafeRawBufferPointer(rebasing: text[..<end]))
        }
        for octet in text[end...] {
            if octet == 0x0A, isReturnHeld {
                isReturnHeld = false
                lineEnds += 1
            } else {
                if octet == 0x0A || isReturnHeld { release() }
                if octet == 0x0D { isReturnHeld = true } else { withUnsafeBytes(of: octet) { absorb($0) } }
            }
        }
    }

    private mutating func takeRelaxed(_ text: UnsafeRawBufferPointer) {
        withUnsafeTemporaryAllocation(byteCount: BodyDigest.room, alignment: 1) { room in
            var filled = 0
            var isHeld = lineEnds > 0 || isBlankHeld || isReturnHeld
            var index = 0
            while index < text.count {
                let octet = text[index]
                index += 1
                switch octet {
                case 0x20, 0x09:
                    if isReturnHeld { hand(room, &filled) }
                    isBlankHeld = true
                    isHeld = true
                case 0x0D:
                    if isReturnHeld { hand(room, &filled) }
                    isReturnHeld = true
                    isHeld = true
                case 0x0A where isReturnHeld:
                    isReturnHeld = false
                    isBlankHeld = false
                    lineEnds += 1
                default:
                    if isHeld {
                        isHeld = false
                        if lineEnds == 0, !isReturnHeld, filled < room.count {
                            // Between two words.
                            isBlankHeld = false
                            room[filled] = 0x20
                            filled += 1
                        } else if lineEnds == 1, !isBlankHeld, !isReturnHeld, filled + 1 < room.count {
                            lineEnds = 0
                            room[filled] = 0x0D
                            room[filled + 1] = 0x0A
                            filled += 2
                        } else {
                            hand(room, &filled)
                        }
                    }
                    if filled == room.count { hand(room, &filled) }
                    room[filled] = octet
                    filled += 1
                    // Nearly all there is: the rest of a word in one go.
                    while index < text.count, filled < room.count, text[index] > 0x20 {
                        room[filled] = text[index]
                        index += 1
                        filled += 1
                    }
                }
            }
            absorb(UnsafeRawBufferPointer(rebasing: room[..<filled]))
        }
    }

    /// Octets in which the canonical form is gathered.
    private static let room = 4096

    /// What was gathered, and then what was held.
    private mutating func hand(_ room: UnsafeMutableRawBufferPointer, _ filled: inout Int) {
        absorb(UnsafeRawBufferPointer(rebasing: room[..<filled]))
        filled = 0
        release()
    }

    /// What was held belongs.
    private mutating func release() {
        // So many empty lines nobody has signed; not to hash them is to say that the signature does not fit.
        lineEnds = min(lineEnds, BodyDigest.mostLineEnds)
        while lineEnds > 0 {
            let some = min(lineEnds, BodyDigest.manyLineEnds.utf8CodeUnitCount / 2)
            absorb(UnsafeRawBufferPointer(start: BodyDigest.manyLineEnds.utf8Start, count: 2 * some))
            lineEnds -= some
        }
        if isBlankHeld { withUnsafeBytes(of: UInt8(0x20)) { absorb($0) } }
        if isReturnHeld { withUnsafeBytes(of: UInt8(0x0D)) { absorb($0) } }
        isBlankHeld = false
        isReturnHeld = false
    }

    private static let mostLineEnds = 1 << 20
    private static let manyLineEnds: StaticString =
        "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"

    private mutating func absorb(_ octets: UnsafeRawBufferPointer) {
        var rest = octets[...]
        while marked.count < marks.count, marks[marked.count] - count <= rest.count {
            let some = rest.prefix(marks[marked.count] - count)
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: some))
            count += some.count
            rest = rest.dropFirst(some.count)
            marked.append(hash.finalize())
        }
        guard !rest.isEmpty else { return }
        hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: rest))
        count += rest.count
    }
}
