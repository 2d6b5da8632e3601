package import MailModel

/// What LIST's names are compared with: `*` stands for any octets, `%` for any without "/" (RFC 9051 §6.3.9).
///
/// A first level INBOX matches in any case. A comparison costs O(octets of the name x octets of the pattern / 64),
/// whatever the pattern.
package struct MailboxPattern: Sendable {
    /// A step of the pattern; never two wildcards in a row.
    private enum Element: Equatable {
        case octet(UInt8)
        case percent
        case star
    }

    // Bit j stands for "the first j elements have matched".
    private let words: Int
    private let count: Int
    private let wild: [UInt64]
    private let star: [UInt64]
    // For each octet, where in `masks` (in steps of `words`) its positions are; 0 is the mask of octets that do not
    // occur.
    private let slot: [UInt8]
    private let masks: [UInt64]

    /// The pattern that LIST's two arguments make, decoded. Over `longest` octets it matches nothing.
    package init(reference: String = "", _ pattern: String) {
        let text = (reference + pattern).normalizedC
        let elements = text.utf8.count <= MailboxPattern.longest ? MailboxPattern.elements(text) : [.octet(0)]
        count = elements.count
        words = elements.count / 64 + 1
        var wild = [UInt64](repeating: 0, count: words)
        var star = wild
        var masks = wild
        var slot = [UInt8](repeating: 0, count: 256)
        var used: UInt8 = 0
        for (index, element) in elements.enumerated() {
            let bit: UInt64 = 1 << UInt64(index % 64)
            switch element {
            case .percent:
                wild[index / 64] |= bit
            case .star:
                wild[index / 64] |= bit
                star[index / 64] |= bit
            case .octet(let octet):
                // 255 octets at most: 0xFF is in no UTF-8.
                if slot[Int(octet)] == 0, used < .max {
                    used += 1
                    slot[Int(octet)] = used
                    masks += [UInt64](repeating: 0, count: words)
                }
                masks[Int(slot[Int(octet)]) * words + index / 64] |= bit
            }
        }
        self.wild = wild
        self.star = star
        self.masks = masks
        self.slot = slot
    }

    package static let longest = 2_000

    package func matches(_ name: MailboxName) -> Bool {
        let text = name.value
        let foldable = text == "INBOX" || text.hasPrefix("INBOX/") ? 5 : 0
        var states = [UInt64](repeating: 0, count: words)
        states[0] = 1
        passWildcards(&states)
        for (index, octet) in text.utf8.enumerated() {
            step(&states, octet, isFolded: index < foldable)
            passWildcards(&states)
        }
        return states[count / 64] & (1 << UInt64(count % 64)) != 0
    }

    /// A wildcard may stand for nothing.
    private func passWildcards(_ states: inout [UInt64]) {
        var carry: UInt64 = 0
        for word in 0..<words {
            let passed = states[word] & wild[word]
            states[word] |= passed << 1 | carry
            carry = passed >> 63
        }
    }

    private func step(_ states: inout [UInt64], _ octet: UInt8, isFolded: Bool) {
        let mask = Int(slot[Int(octet)]) * words
        let folded = isFolded ? Int(slot[Int(octet | 0x20)]) * words : mask
        let isSeparator = octet == UInt8(ascii: "/")
        var carry: UInt64 = 0
        for word in 0..<words {
            let taken = states[word] & (masks[mask + word] | masks[folded + word])
            let stayed = states[word] & (isSeparator ? star[word] : wild[word])
            states[word] = stayed | taken << 1 | carry
            carry = taken >> 63
        }
    }

    private static func elements(_ text: String) -> [Element] {
        var elements: [Element] = []
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: "*"):
                if elements.last == .percent { elements.removeLast() }
                if elements.last != .star { elements.append(.star) }
            case UInt8(ascii: "%"):
                if elements.last != .percent, elements.last != .star { elements.append(.percent) }
            default:
                elements.append(.octet(octet))
            }
        }
        return elements
    }
}
