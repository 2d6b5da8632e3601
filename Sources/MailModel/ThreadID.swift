/// A conversation (RFC 8474 §5.2): the body that began it, as far as the account knows.
package struct ThreadID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64
    @inlinable package init(rawValue: Int64) { self.rawValue = rawValue }
    // Written out and inlinable: what `RawRepresentable` brings is generic, and other modules' loops would call it through witnesses.
    @inlinable package static func == (a: ThreadID, b: ThreadID) -> Bool { a.rawValue == b.rawValue }
    @inlinable package static func < (a: ThreadID, b: ThreadID) -> Bool { a.rawValue < b.rawValue }
    @inlinable package func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }
}
