/// A stored message body. COPY and MOVE share it, so it is also what EMAILID names (RFC 8474 §5.1); never reused.
package struct BodyID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package static func < (a: BodyID, b: BodyID) -> Bool { a.rawValue < b.rawValue }
}
