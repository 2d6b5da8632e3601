/// A mailbox, whatever it is renamed to (RFC 8474 §4); never reused.
package struct MailboxID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64
    @inlinable package init(rawValue: Int64) { self.rawValue = rawValue }
    // Written out and inlinable: what `RawRepresentable` brings is generic, and other modules' loops would call it through witnesses.
    @inlinable package static func == (a: MailboxID, b: MailboxID) -> Bool { a.rawValue == b.rawValue }
    @inlinable package static func < (a: MailboxID, b: MailboxID) -> Bool { a.rawValue < b.rawValue }
    @inlinable package func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }
}
