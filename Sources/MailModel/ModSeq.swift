/// A modification sequence: the place of a change in its account's one change log, 1...2^63-1 (RFC 7162 §3.1.1).
/// Each change of an account gets the next one; none is given to two changes.
package struct ModSeq: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: UInt64

    /// Nil over 2^63-1. Zero means "before every change".
    @inlinable package init?(rawValue: UInt64) {
        guard rawValue <= UInt64(Int64.max) else { return nil }
        self.rawValue = rawValue
    }

    @inlinable init(unchecked: UInt64) { rawValue = unchecked }

    @inlinable package static var zero: ModSeq { ModSeq(unchecked: 0) }
    @inlinable package static var max: ModSeq { ModSeq(unchecked: UInt64(Int64.max)) }

    @inlinable package var successor: ModSeq { self == .max ? self : ModSeq(unchecked: rawValue + 1) }

    // Written out and inlinable: what `RawRepresentable` brings is generic, and other modules' loops would call it through witnesses.
    @inlinable package static func == (a: ModSeq, b: ModSeq) -> Bool { a.rawValue == b.rawValue }
    @inlinable package static func < (a: ModSeq, b: ModSeq) -> Bool { a.rawValue < b.rawValue }
    @inlinable package func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }
}

extension ModSeq: CustomStringConvertible {
    package var description: String { String(rawValue) }
}
