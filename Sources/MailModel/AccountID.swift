/// An account, for as long as the store lives; never reused.
package struct AccountID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package static func < (a: AccountID, b: AccountID) -> Bool { a.rawValue < b.rawValue }
}
