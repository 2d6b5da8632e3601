/// A mailbox, whatever it is renamed to (RFC 8474 §4); never reused.
package struct MailboxID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package static func < (a: MailboxID, b: MailboxID) -> Bool { a.rawValue < b.rawValue }
}
