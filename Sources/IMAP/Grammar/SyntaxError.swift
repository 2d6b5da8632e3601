/// The client's bytes are no command: answered by BAD (RFC 9051 §7.1.3).
package struct SyntaxError: Error, Hashable, Sendable {
    /// For the BAD line: ASCII, without line ends, and nothing of what the client sent.
    package let text: String

    init(_ text: StaticString) { self.text = "\(text)" }
}
