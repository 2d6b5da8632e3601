/// A listening service: its name in the configuration, and its standard port.
enum Service: String, CaseIterable, Sendable {
    case smtp, submission, submissions, imap, imaps, pop3, pop3s, https, http

    var standardPort: Int {
        switch self {
        case .smtp: 25
        case .submission: 587
        case .submissions: 465
        case .imap: 143
        case .imaps: 993
        case .pop3: 110
        case .pop3s: 995
        case .https: 443
        case .http: 80
        }
    }

    /// TLS from the first byte on (RFC 8314 §3).
    var isImplicitTLS: Bool { self == .submissions || self == .imaps || self == .pop3s || self == .https }

    /// The web's ports are those that a machine may have given to somebody else: they are off until they are asked for, and mail does not wait for them.
    var isWeb: Bool { self == .https || self == .http }

    /// Nothing that is worth hiding goes by it without TLS.
    var isOpen: Bool { self == .http }

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
        case .https: "HTTPS: set-up of mail programs, policies, health"
        case .http: "HTTP: sends on to HTTPS"
        }
    }
}
