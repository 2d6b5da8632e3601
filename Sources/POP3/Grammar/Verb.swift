/// A command's name (RFC 1939 §9, RFC 2449 §5, RFC 2595 §4, RFC 5034 §4, RFC 6856 §2).
package enum Verb: String, CaseIterable, Hashable, Sendable {
    case apop = "APOP"
    case auth = "AUTH"
    case capa = "CAPA"
    case dele = "DELE"
    case lang = "LANG"
    case list = "LIST"
    case noop = "NOOP"
    case pass = "PASS"
    case quit = "QUIT"
    case retr = "RETR"
    case rset = "RSET"
    case stat = "STAT"
    case stls = "STLS"
    case top = "TOP"
    case uidl = "UIDL"
    case user = "USER"
    case utf8 = "UTF8"

    /// Octets (RFC 1939 §3).
    static let longest = 4
}
