/// A mechanism of SASL (RFC 4422 §3.1) by its registered name, in the order in which they are offered: the strongest first.
package enum SASLMechanism: String, CaseIterable, Hashable, Sendable {
    /// RFC 4422 appendix A: TLS has seen who it is.
    case external = "EXTERNAL"
    /// RFC 5802, RFC 7677: bound to the connection.
    case scramSHA256Plus = "SCRAM-SHA-256-PLUS"
    /// The same, bound to none.
    case scramSHA256 = "SCRAM-SHA-256"
    /// RFC 4616.
    case plain = "PLAIN"
    /// Never a standard; Outlook and many devices know no other.
    case login = "LOGIN"
}
