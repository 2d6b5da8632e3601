/// How text beyond ASCII travels on a connection.
package enum TextMode: Hashable, Sendable {
    /// IMAP4rev1 as it begins: mailbox names in modified UTF-7 (RFC 3501 §5.1.3), other texts as RFC 2047 words or
    /// literals.
    case ascii
    /// After ENABLE IMAP4rev2 or UTF8=ACCEPT: UTF-8 in quoted strings and names (RFC 9051 §5.1, RFC 6855 §3).
    case utf8
}

/// What numbers name messages: sequence numbers, or in the UID form of a command UIDs (RFC 9051 §6.4.9).
package enum Numbering: Hashable, Sendable {
    case sequence
    case uid
}
