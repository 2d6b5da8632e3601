/// An entry of the outgoing queue, for as long as the store lives; never reused.
package struct QueueID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package var description: String { "\(rawValue)" }
    package static func < (a: QueueID, b: QueueID) -> Bool { a.rawValue < b.rawValue }
}
