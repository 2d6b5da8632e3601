/// A stored message body. COPY and MOVE share it, so it is also what EMAILID names (RFC 8474 §5.1); never reused.
package struct BodyID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64
    @inlinable package init(rawValue: Int64) { self.rawValue = rawValue }
    // Written out and inlinable: what `RawRepresentable` brings is generic, and other modules' loops would call it through witnesses.
    @inlinable package static func == (a: BodyID, b: BodyID) -> Bool { a.rawValue == b.rawValue }
    @inlinable package static func < (a: BodyID, b: BodyID) -> Bool { a.rawValue < b.rawValue }
    @inlinable package func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }
}
