/// The commands of RFC 5321 §4.1.1, and those of the extensions the server offers.
package enum Verb: Int, CaseIterable, Hashable, Sendable {
    case ehlo, helo, mail, rcpt, data, bdat, rset, noop, quit, vrfy, expn, help, startTLS, auth

    package var word: StaticString {
        switch self {
        case .ehlo: "EHLO"
        case .helo: "HELO"
        case .mail: "MAIL"
        case .rcpt: "RCPT"
        case .data: "DATA"
        case .bdat: "BDAT"
        case .rset: "RSET"
        case .noop: "NOOP"
        case .quit: "QUIT"
        case .vrfy: "VRFY"
        case .expn: "EXPN"
        case .help: "HELP"
        case .startTLS: "STARTTLS"
        case .auth: "AUTH"
        }
    }
}
