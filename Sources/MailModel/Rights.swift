/// What somebody may do with a mailbox (RFC 4314 §2.1).
package struct Rights: OptionSet, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt16
    @inlinable package init(rawValue: UInt16) { self.rawValue = rawValue }
    // Written out and inlinable: what `RawRepresentable` brings is generic, and other modules' loops would call it through witnesses.
    @inlinable package static func == (a: Rights, b: Rights) -> Bool { a.rawValue == b.rawValue }

    /// `l`: the mailbox is there.
    package static let lookup = Rights(rawValue: 1)
    /// `r`: SELECT, STATUS.
    package static let read = Rights(rawValue: 2)
    /// `s`: `\Seen`.
    package static let seen = Rights(rawValue: 4)
    /// `w`: flags other than `\Seen` and `\Deleted`.
    package static let write = Rights(rawValue: 8)
    /// `i`: APPEND, COPY into it.
    package static let insert = Rights(rawValue: 16)
    /// `p`: mail to the mailbox's own address; kept and shown, for there is no such address here.
    package static let post = Rights(rawValue: 32)
    /// `k`: CREATE below it.
    package static let create = Rights(rawValue: 64)
    /// `x`: DELETE, RENAME.
    package static let deleteMailbox = Rights(rawValue: 128)
    /// `t`: `\Deleted`.
    package static let deleteMessages = Rights(rawValue: 256)
    /// `e`: EXPUNGE.
    package static let expunge = Rights(rawValue: 512)
    /// `a`: SETACL and its kin.
    package static let administer = Rights(rawValue: 1_024)

    package static let all = Rights(rawValue: 2_047)

    package static let letters: [(right: Rights, letter: Character)] = [
        (.lookup, "l"), (.read, "r"), (.seen, "s"), (.write, "w"), (.insert, "i"), (.post, "p"), (.create, "k"), (.deleteMailbox, "x"),
        (.deleteMessages, "t"), (.expunge, "e"), (.administer, "a"),
    ]

    /// The obsolete rights (RFC 4314 §2.1.1): `c` stands for `k` and `x`, `d` for `t` and `e`.
    package static let virtual: [(members: Rights, letter: Character)] = [
        ([.create, .deleteMailbox], "c"), ([.deleteMessages, .expunge], "d"),
    ]

    /// Nil when a letter is no right (RFC 4314 §3.1: BAD, never passed over).
    package init?(letters text: some StringProtocol) {
        var rights: Rights = []
        for letter in text {
            if let known = Rights.letters.first(where: { $0.letter == letter }) {
                rights.insert(known.right)
            } else if let known = Rights.virtual.first(where: { $0.letter == letter }) {
                rights.formUnion(known.members)
            } else {
                return nil
            }
        }
        self = rights
    }

    /// Without the obsolete rights.
    package var description: String { String(Rights.letters.lazy.filter { contains($0.right) }.map(\.letter)) }

    /// With the obsolete right of each group that it has a member of (RFC 4314 §2.1.1).
    package var letters: String { description + String(Rights.virtual.lazy.filter { !isDisjoint(with: $0.members) }.map(\.letter)) }

    /// The flags that may be changed with these rights (RFC 4314 §4).
    package var flags: FlagScope {
        var scope: FlagScope = []
        if contains(.seen) { scope.insert(.seen) }
        if contains(.deleteMessages) { scope.insert(.deleted) }
        if contains(.write) { scope.insert(.others) }
        return scope
    }
}

/// How SETACL changes what an identifier has (RFC 4314 §3.1).
package enum RightsChange: Hashable, Sendable {
    case replace(Rights)
    case add(Rights)
    case remove(Rights)

    package func applied(to rights: Rights) -> Rights {
        switch self {
        case .replace(let new): new
        case .add(let more): rights.union(more)
        case .remove(let less): rights.subtracting(less)
        }
    }
}

/// Which flags of a mailbox somebody may set and clear.
package struct FlagScope: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }
    // Written out and inlinable: what `RawRepresentable` brings is generic, and other modules' loops would call it through witnesses.
    @inlinable package static func == (a: FlagScope, b: FlagScope) -> Bool { a.rawValue == b.rawValue }

    package static let seen = FlagScope(rawValue: 1)
    package static let deleted = FlagScope(rawValue: 2)
    /// Every other flag, keywords too.
    package static let others = FlagScope(rawValue: 4)
    package static let all: FlagScope = [.seen, .deleted, .others]

    /// The bits of those flags in every mailbox.
    package var bits: FlagBits {
        let named: SystemFlags = [.seen, .deleted]
        var bits: UInt64 = contains(.others) ? ~named.rawValue : 0
        if contains(.seen) { bits |= SystemFlags.seen.rawValue }
        if contains(.deleted) { bits |= SystemFlags.deleted.rawValue }
        return FlagBits(rawValue: bits)
    }

    package var system: SystemFlags { bits.system }
}

extension Flags {
    /// Those of them that are within.
    package func within(_ scope: FlagScope) -> Flags {
        scope == .all ? self : Flags(system: system.intersection(scope.system), keywords: scope.contains(.others) ? keywords : [])
    }

    package var isEmpty: Bool { system.isEmpty && keywords.isEmpty }
}
