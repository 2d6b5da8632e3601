/// An account, for as long as the store lives; never reused.
package struct AccountID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64
    @inlinable package init(rawValue: Int64) { self.rawValue = rawValue }
    // Written out and inlinable: what `RawRepresentable` brings is generic, and other modules' loops would call it through witnesses.
    @inlinable package static func == (a: AccountID, b: AccountID) -> Bool { a.rawValue == b.rawValue }
    @inlinable package static func < (a: AccountID, b: AccountID) -> Bool { a.rawValue < b.rawValue }
    @inlinable package func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }
}
