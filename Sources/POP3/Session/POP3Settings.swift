import Gatehouse
package import Logging
package import MailModel
package import Metrics

/// What the roof decides about the POP3 service.
package struct POP3Settings: Sendable {
    /// What the greeting calls the server.
    package var serverName: String
    /// What IMPLEMENTATION says behind the name.
    package var version: String
    /// Whether there is a certificate for STLS.
    package var offersTLS: Bool
    /// Whether passwords may cross a loopback connection in the clear (RFC 2595 §2.3).
    package var allowsPlaintextOnLoopback: Bool
    /// Failed logins after which the connection ends.
    package var mostFailures = 5
    /// Lines that are no legal command after which the connection ends: before login and after.
    package var mostErrors = (stranger: 10, member: 100)
    /// Silence before login, and the time that a login may take altogether, in seconds.
    package var loginPatience: Int64 = 120
    /// Silence after login (RFC 1939 §3: at least 10 minutes).
    package var patience = Duration.seconds(11 * 60)
    package var clock: Timestamp.Clock
    package var log: Logger
    package var metrics = POP3Metrics()
    /// Of the listener.
    package var connections = ConnectionCounts()
    /// When the connection began. The worker says.
    var logins = LoginRules()

    package init(
        serverName: String = "Martlet", version: String, offersTLS: Bool, allowsPlaintextOnLoopback: Bool = false,
        clock: @escaping Timestamp.Clock, log: Logger
    ) {
        self.serverName = serverName
        self.version = version
        self.offersTLS = offersTLS
        self.allowsPlaintextOnLoopback = allowsPlaintextOnLoopback
        self.clock = clock
        self.log = log
    }

    /// Octets of a command line with its CRLF: more than the 255 of RFC 2449 §4, for long names and passwords.
    static let commandLine = 2_048
    /// Octets of AUTH and of the lines of its exchange (RFC 5034 §4 sets no limit; what SMTP's AUTH may have).
    static let authLine = 12_288
    /// Octets of a line that are passed over, in hope of its end, before the connection is closed.
    static let longestLine = 1 << 20
}
