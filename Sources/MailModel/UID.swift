/// A message's unique identifier in its mailbox: 1...4294967295, only ever rising (RFC 9051 §2.3.1.1).
package struct UID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: UInt32

    /// Nil for 0, which no message can have.
    @inlinable package init?(rawValue: UInt32) {
        guard rawValue > 0 else { return nil }
        self.rawValue = rawValue
    }

    @inlinable init(nonZero: UInt32) { rawValue = nonZero }

    package static let first = UID(nonZero: 1)
    package static let last = UID(nonZero: .max)

    /// The next higher one; `last` is its own successor, which a store must refuse to allot twice.
    @inlinable package var successor: UID { rawValue == .max ? self : UID(nonZero: rawValue + 1) }

    // Written out and inlinable: what `RawRepresentable` brings is generic, and other modules' loops would call it through witnesses.
    @inlinable package static func == (a: UID, b: UID) -> Bool { a.rawValue == b.rawValue }
    @inlinable package static func < (a: UID, b: UID) -> Bool { a.rawValue < b.rawValue }
    @inlinable package func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }
}

extension UID: CustomStringConvertible {
    package var description: String { String(rawValue) }
}

/// With the UID it names a message for ever: a mailbox that is made anew under an old name gets a higher one
/// (RFC 9051 §2.3.1.1). 1...4294967295.
package struct UIDValidity: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: UInt32

    @inlinable package init?(rawValue: UInt32) {
        guard rawValue > 0 else { return nil }
        self.rawValue = rawValue
    }

    // Written out and inlinable: what `RawRepresentable` brings is generic, and other modules' loops would call it through witnesses.
    @inlinable package static func == (a: UIDValidity, b: UIDValidity) -> Bool { a.rawValue == b.rawValue }
    @inlinable package static func < (a: UIDValidity, b: UIDValidity) -> Bool { a.rawValue < b.rawValue }
    @inlinable package func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }
}
