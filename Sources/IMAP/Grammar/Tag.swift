import MessageFormat

/// What a client calls a command by (RFC 9051 §2.2.1): 1...`longest` octets of ASTRING-CHAR without "+", so it can be
/// written back as it is.
package struct Tag: Hashable, Sendable, CustomStringConvertible {
    package let value: String

    /// Octets. The RFC sets no limit; clients use a dozen.
    package static let longest = 128

    /// Nil when it breaks the grammar.
    package init?(_ value: String) {
        guard (1...Tag.longest).contains(value.utf8.count), value.utf8.allSatisfy({ OctetSet.tag.contains($0) }) else {
            return nil
        }
        self.value = value
    }

    /// Of no client: `value` keeps the grammar.
    init(known value: StaticString) { self.value = "\(value)" }

    package var description: String { value }
}
