/// The flags that IMAP itself gives a meaning (RFC 9051 §2.3.2), as bits. `\Recent` is a session's, not a message's.
package struct SystemFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64
    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }
    // Written out and inlinable: what `RawRepresentable` brings is generic, and other modules' loops would call it through witnesses.
    @inlinable package static func == (a: SystemFlags, b: SystemFlags) -> Bool { a.rawValue == b.rawValue }

    @inlinable package static var seen: SystemFlags { SystemFlags(rawValue: 1 << 0) }
    @inlinable package static var answered: SystemFlags { SystemFlags(rawValue: 1 << 1) }
    @inlinable package static var flagged: SystemFlags { SystemFlags(rawValue: 1 << 2) }
    @inlinable package static var deleted: SystemFlags { SystemFlags(rawValue: 1 << 3) }
    @inlinable package static var draft: SystemFlags { SystemFlags(rawValue: 1 << 4) }

    /// Each with its name on the wire.
    package static let named: [(flag: SystemFlags, name: String)] = [
        (.answered, "\\Answered"), (.flagged, "\\Flagged"), (.deleted, "\\Deleted"), (.seen, "\\Seen"), (.draft, "\\Draft"),
    ]
}

/// A flag that clients agree on, like `$Forwarded`: an IMAP atom of 1...100 octets. Compared without case
/// (RFC 9051 §2.3.2), spelt as first seen.
package struct Keyword: Sendable, CustomStringConvertible {
    package let spelling: String
    /// What it is compared by.
    private let folded: String
    package static let longest = 100

    /// Nil when it is not an atom, is a system flag's name, or is too long.
    package init?(_ spelling: String) {
        guard (1...Keyword.longest).contains(spelling.utf8.count), spelling.utf8.allSatisfy(Keyword.isAtomOctet) else { return nil }
        self.spelling = spelling
        // One that is in small letters shares its octets.
        folded = spelling.utf8.contains { 0x41...0x5A ~= $0 } ? spelling.lowercased() : spelling
    }

    package var description: String { spelling }

    // RFC 9051 §9: ATOM-CHAR = <any CHAR except atom-specials>; "]" is allowed in a flag-keyword's atom.
    private static func isAtomOctet(_ octet: UInt8) -> Bool {
        guard octet > 0x20, octet < 0x7F else { return false }
        switch octet {
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"), UInt8(ascii: "%"), UInt8(ascii: "*"),
            UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "]"):
            return false
        default:
            return true
        }
    }
}

extension Keyword: Hashable {
    package static func == (a: Keyword, b: Keyword) -> Bool { a.folded == b.folded }
    package func hash(into hasher: inout Hasher) { hasher.combine(folded) }
}

/// A message's flags by name: what a command says and a response shows.
package struct Flags: Hashable, Sendable {
    package var system: SystemFlags
    /// In no order, no two alike.
    package var keywords: [Keyword]

    package init(system: SystemFlags = [], keywords: [Keyword] = []) {
        self.system = system
        self.keywords = keywords
    }
}

/// A message's flags as one word: the five system flags in bits 0...4, and from bit 5 the first 59 places of its mailbox's
/// `KeywordTable`. It means nothing without that table; keywords at further places are in `FurtherKeywords`.
package struct FlagBits: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt64
    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }
    // Written out and inlinable: what `RawRepresentable` brings is generic, and other modules' loops would call it through witnesses.
    @inlinable package static func == (a: FlagBits, b: FlagBits) -> Bool { a.rawValue == b.rawValue }
    @inlinable package init(_ system: SystemFlags) { rawValue = system.rawValue }

    @inlinable package var system: SystemFlags { SystemFlags(rawValue: rawValue & 0x1F) }
    @inlinable package func contains(_ flags: SystemFlags) -> Bool { rawValue & 0x1F & flags.rawValue == flags.rawValue }

    /// Places of keywords that the word has bits for: 64 less the system flags.
    package static let places = 59
}
