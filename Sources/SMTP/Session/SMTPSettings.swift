import Gatehouse
package import MailModel
package import Metrics
package import PostOffice

/// Which of SMTP's four doors a connection came through.
package enum SMTPRole: Hashable, Sendable {
    /// Port 25: mail from other servers, for our own accounts and as `RelayRules` say.
    case mx
    /// Port 587: mail from our users, after STARTTLS (RFC 6409).
    case submission
    /// Port 465: the same, TLS from the start (RFC 8314 §3.3).
    case submissions
    /// A UNIX socket of this machine, by which its programs hand in mail (`martlet sendmail`): the system says whose they are, and nobody logs in.
    case local

    package var isSubmission: Bool { self != .mx }
    /// Nobody hands in mail before AUTH (RFC 6409 §4.3).
    package var needsLogin: Bool { self == .submission || self == .submissions }
}

/// What a listener's sessions are told.
package struct SMTPSettings: Sendable {
    package var role: SMTPRole
    /// What the server calls itself.
    package var hostName: Domain
    /// Octets of a message's text, as SIZE announces.
    package var messageLimit = 50 << 20
    /// RFC 5321 §4.5.3.1.10 asks for 100 at least.
    package var recipientLimit = 1_000
    /// MAIL commands of a connection.
    package var mailLimit = 10_000
    /// Refusals of a connection since its last accepted message, or since its start.
    package var errorLimit = 20
    /// NOOP, RSET, VRFY, HELP, EHLO and HELO of a connection since its last accepted message that do not count as errors.
    package var idleLimit = 100
    /// Failed logins of a connection.
    package var loginLimit = 3
    /// There is a certificate.
    package var offersStartTLS = true
    /// AUTH without TLS for clients on this machine.
    package var allowsPlaintextLoginOnLoopback = false
    /// Text is handed on in pieces of this size, in octets; a message that is smaller goes in one piece. Each connection may hold as much.
    package var pieceSize = 16 << 10
    /// DSN is offered: whoever runs the outgoing queue tells senders of all that they ask for, of deliveries to mailboxes too (`Intake.Delivered`).
    package var offersDSN = false
    /// Whose mail goes on to other servers; nil: nobody's, and only accounts of ours are reached.
    package var relay: RelayRules?
    /// Nil: nobody runs the outgoing queue, and users are offered nothing of it.
    package var queue: QueueOffer?
    /// What a local part alone means to programs of this machine (`XDOMAIN`).
    package var localDomain: Domain?
    package var metrics = SMTPMetrics()
    /// Of the listener.
    package var connections = ConnectionCounts()
    /// When the connection began. The worker says.
    var logins = LoginRules()
    /// Phases in which checks ask something. The worker says.
    var checks: Intake.Check.Phases = []
    /// What time it is, for who is told of times. The worker says.
    var clock: Timestamp.Clock = { Timestamp(rawValue: 0) }

    package init(role: SMTPRole, hostName: Domain) {
        self.role = role
        self.hostName = hostName
    }

    /// Octets of a long message's text that a connection may hold while nothing more has come.
    static let restingText = 2_048
    /// Octets of a command line with its CRLF: more than the 512 of RFC 5321 §4.5.3.1.4, for its extensions.
    static let commandLine = 2_048
    /// Octets of AUTH and of the lines of its exchange (RFC 4954 §4).
    static let authLine = 12_288
    /// Octets of a command line that are passed over, in hope of its end, before the connection is closed.
    static let longestLine = 1 << 20
}
