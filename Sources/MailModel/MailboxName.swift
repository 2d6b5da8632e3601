/// A mailbox's full name: UTF-8 in Unicode normal form C, levels parted by "/" (RFC 9051 §5.1).
///
/// It holds no control character, no empty level, no level over 255 octets, at most 32 levels and 1,000 octets. A first level
/// that is INBOX in any case is spelt `INBOX`. It is a name, never a path: nothing in the house makes a file of it.
package struct MailboxName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: String

    package static let separator: Character = "/"
    package static let inbox = MailboxName(known: "INBOX")
    package static let longest = 1_000
    package static let deepest = 32

    /// Nil when the name breaks a rule above. One trailing separator, as in `CREATE a/`, is dropped (RFC 9051 §6.3.4).
    package init?(_ name: String) {
        var name = name.normalizedC
        if name.hasSuffix("/") { name.removeLast() }
        guard !name.isEmpty, name.utf8.count <= MailboxName.longest else { return nil }
        guard name.unicodeScalars.allSatisfy({ !MailboxName.isForbidden($0) }) else { return nil }
        var levels = name.split(separator: "/", omittingEmptySubsequences: false)
        guard levels.count <= MailboxName.deepest, levels.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 255 }) else { return nil }
        if levels[0].utf8.count == 5, levels[0].uppercased() == "INBOX" { levels[0] = "INBOX" }
        value = levels.joined(separator: "/")
    }

    private init(known: String) { value = known }

    /// Whether a new mailbox may be called that. Not `.` or `..` as a level, which other programs take for a way through folders; and nothing that
    /// makes one name look like another (RFC 5198 §2, RFC 8264 §9): controls of direction, the byte order mark, what is no character. A mailbox that was
    /// made before is served under such a name all the same.
    package var isFitForNew: Bool {
        !levels.contains { $0 == "." || $0 == ".." } && !value.unicodeScalars.contains(where: MailboxName.isDeceptive)
    }

    package var levels: [String] { value.split(separator: "/").map(String.init) }
    package var isInbox: Bool { self == .inbox }

    /// The name without its last level; nil at the top.
    package var parent: MailboxName? {
        guard let cut = value.lastIndex(of: "/") else { return nil }
        return MailboxName(known: String(value[..<cut]))
    }

    /// The names above it, nearest first.
    package var superiors: some Sequence<MailboxName> {
        sequence(state: self) { name in
            guard let parent = name.parent else { return nil }
            name = parent
            return parent
        }
    }

    /// Whether it lies below `other`, at any depth.
    package func isInferior(to other: MailboxName) -> Bool {
        let (own, above) = (value.utf8, other.value.utf8)
        return own.count > above.count + 1 && own.starts(with: above) && own.dropFirst(above.count).first == UInt8(ascii: "/")
    }

    /// The same name below `new` instead of below `old`; nil when it is neither `old` nor inferior to it, or grows too long.
    package func moved(from old: MailboxName, to new: MailboxName) -> MailboxName? {
        if self == old { return new }
        guard isInferior(to: old) else { return nil }
        return MailboxName(new.value + value.dropFirst(old.value.count))
    }

    package var description: String { value }
    package static func < (a: MailboxName, b: MailboxName) -> Bool { a.value < b.value }

    private static func isDeceptive(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x202A...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: scalar.properties.isNoncharacterCodePoint
        }
    }

    // RFC 5198 §2 and RFC 9051 §5.1: no C0, C1, line or paragraph separator; and nothing that LIST would read as a wildcard
    // is refused here, for old clients use such names.
    private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...0x1F, 0x7F...0x9F, 0x2028, 0x2029: true
        default: false
        }
    }
}

/// What a mailbox is for, where a client should know (RFC 6154 §2).
package enum SpecialUse: String, CaseIterable, Hashable, Sendable {
    case all = "\\All"
    case archive = "\\Archive"
    case drafts = "\\Drafts"
    case flagged = "\\Flagged"
    case junk = "\\Junk"
    case sent = "\\Sent"
    case trash = "\\Trash"

    /// The mailboxes that every new account gets, besides INBOX.
    package static let provided: [(use: SpecialUse, name: String)] = [
        (.drafts, "Drafts"), (.sent, "Sent"), (.trash, "Trash"), (.junk, "Junk"), (.archive, "Archive"),
    ]
}
