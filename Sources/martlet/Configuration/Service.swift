/// A listening service: its name in the configuration, and its standard port.
enum Service: String, CaseIterable, Sendable {
    case smtp, submission, submissions, imap, imaps, pop3, pop3s

    var standardPort: Int {
        switch self {
        case .smtp: 25
        case .submission: 587
        case .submissions: 465
        case .imap: 143
        case .imaps: 993
        case .pop3: 110
        case .pop3s: 995
        }
    }

    /// TLS from the first byte on (RFC 8314 §3).
    var isImplicitTLS: Bool { self == .submissions || self == .imaps || self == .pop3s }

    /// For the screen and the README.
    var summary: String {
        switch self {
        case .smtp: "SMTP, mail from other servers (MX); STARTTLS"
        case .submission: "SMTP submission; STARTTLS, then a login"
        case .submissions: "SMTP submission over TLS"
        case .imap: "IMAP; STARTTLS, then a login"
        case .imaps: "IMAP over TLS"
        case .pop3: "POP3; STLS, then a login"
        case .pop3s: "POP3 over TLS"
        }
    }
}
