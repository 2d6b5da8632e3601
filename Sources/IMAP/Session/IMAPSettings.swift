import Gatehouse
package import Logging
package import MailModel
package import Metrics

/// What the roof decides about the IMAP service.
package struct IMAPSettings: Sendable {
    /// What greeting and ID call the server.
    package var serverName: String
    package var version: String
    /// Octets of one message of APPEND.
    package var messageLimit: Int
    /// Whether there is a certificate for STARTTLS.
    package var offersTLS: Bool
    /// Whether passwords may cross a loopback connection in the clear (RFC 9051 §11.1).
    package var allowsPlaintextOnLoopback: Bool
    /// Failed logins after which the connection ends.
    package var mostFailures = 5
    /// Lines that are no command after which the connection ends: before login and after.
    package var mostErrors = (stranger: 10, member: 100)
    /// Silence before login, and the time that a login may take altogether, in seconds.
    package var loginPatience: Int64 = 120
    /// Silence after login (RFC 9051 §5.4: at least 30 minutes).
    package var patience = Duration.seconds(31 * 60)
    /// How often a client in IDLE is told that the server is still here, so that neither it nor a gateway forgets the connection.
    package var idleInterval = Duration.seconds(120)
    /// Such words without a client's in between, after which it is logged out: an hour. RFC 2177 has it renew IDLE every 29 minutes.
    package var mostIdleWords = 30
    /// Seconds after which a command that is under way says how far it is (RFC 9585).
    package var progressInterval: Int64 = 5
    /// Messages that one command processes (RFC 9738).
    package var messagesAtOnce = 1_000_000
    /// UNAUTHENTICATE, which a proxy that checks logins itself may want off (RFC 8437 §8).
    package var allowsUnauthenticate = true
    package var clock: Timestamp.Clock
    package var log: Logger
    package var metrics = IMAPMetrics()
    /// Of the listener.
    package var connections = ConnectionCounts()
    /// When the connection began. The worker says.
    var logins = LoginRules()

    package init(
        serverName: String = "Martlet", version: String, messageLimit: Int = 50 << 20, offersTLS: Bool,
        allowsPlaintextOnLoopback: Bool = false, clock: @escaping Timestamp.Clock, log: Logger
    ) {
        self.serverName = serverName
        self.version = version
        self.messageLimit = messageLimit
        self.offersTLS = offersTLS
        self.allowsPlaintextOnLoopback = allowsPlaintextOnLoopback
        self.clock = clock
        self.log = log
    }
}
