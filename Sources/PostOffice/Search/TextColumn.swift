import MessageFormat

/// Folded texts one behind the other.
struct TextColumn: Sendable {
    private var octets: [UInt8] = []
    private var ends: [Int] = []
    /// The first eight octets of each.
    private var heads: [UInt64] = []

    /// Octets of a text that count, and hardly more are held.
    private let octetsOfText: Int
    static let most = 256

    init(most: Int = TextColumn.most) { octetsOfText = most }

    mutating func append(_ text: String) {
        let start = octets.count
        var text = text
        // RFC 5255 §4: i;unicode-casemap.
        text.withUTF8 { Casemap.fold(UnsafeRawBufferPointer($0), into: &octets, most: start + octetsOfText) }
        var head: UInt64 = 0
        for octet in octets[start...].prefix(8) { head = head << 8 | UInt64(octet) }
        head <<= UInt64(8 * (8 - min(8, octets.count - start)))
        ends.append(octets.count)
        heads.append(head)
    }

    mutating func cut(to count: Int) {
        guard count < ends.count else { return }
        octets.removeLast(octets.count - (count == 0 ? 0 : ends[count - 1]))
        ends.removeLast(ends.count - count)
        heads.removeLast(heads.count - count)
    }

    /// A number that is smaller for a text that goes before others; the same for some that `compare` knows apart.
    func head(_ place: Int) -> UInt64 { heads[place] }

    func compare(_ a: Int, _ b: Int) -> Int { heads[a] == heads[b] ? compareTails(a, b) : heads[a] < heads[b] ? -1 : 1 }

    /// Of texts whose heads are alike.
    private func compareTails(_ a: Int, _ b: Int) -> Int {
        let (one, other) = (range(a), range(b))
        for (x, y) in zip(octets[one], octets[other]) where x != y { return x < y ? -1 : 1 }
        return one.count - other.count
    }

    /// For comparing octet by octet: two zeros end a text, so that it comes before longer ones.
    func key(at place: Int) -> [UInt8] { octets[range(place)].flatMap { $0 == 0 ? [0, 0xFF] : [$0] } + [0, 0] }

    private func range(_ place: Int) -> Range<Int> { (place == 0 ? 0 : ends[place - 1])..<ends[place] }
}
