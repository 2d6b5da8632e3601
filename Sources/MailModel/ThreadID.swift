/// A conversation (RFC 8474 §5.2): the body that began it, as far as the account knows.
package struct ThreadID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package static func < (a: ThreadID, b: ThreadID) -> Bool { a.rawValue < b.rawValue }
}
