/// The protocols that people log in by. The raw value is how log lines and metrics call it.
package enum ProtocolName: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    case smtp = "SMTP"
    case imap = "IMAP"
    case pop3 = "POP3"
    case manageSieve = "ManageSieve"
    case activeSync = "ActiveSync"
    case calDAV = "CalDAV"
    case cardDAV = "CardDAV"
    case webSocket = "WebSocket"
    case api = "API"

    package var description: String { rawValue }
}
