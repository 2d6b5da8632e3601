import MailModel
import MessageFormat
import NIOCore

/// RFC 5321 §4.1.2, with UTF-8 in local parts and domains (RFC 6531 §3.3).
extension ByteScanner {
    // Reverse-path = Path / "<>"
    mutating func takeReversePath() throws(SyntaxError) -> ReversePath {
        if take("<>") { return .null }
        guard let address = takePath() else { throw .reversePath }
        return .mailbox(address)
    }

    // Forward-path = Path;  rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path )
    mutating func takeForwardPath() throws(SyntaxError) -> ForwardPath {
        var ahead = self
        if ahead.take(caseInsensitive: "<postmaster>") {
            self = ahead
            return .postmaster
        }
        guard let address = takePath() else { throw .forwardPath }
        return .mailbox(address)
    }

    // Path = "<" [ A-d-l ":" ] Mailbox ">"
    // A source route is read and forgotten (RFC 5321 §4.1.2: "SHOULD be ignored").
    private mutating func takePath() -> Address? {
        guard take(UInt8(ascii: "<")), skipRoute(), let address = takeMailbox(), take(UInt8(ascii: ">")) else { return nil }
        return address
    }

    // A-d-l = At-domain *( "," At-domain );  At-domain = "@" Domain
    private mutating func skipRoute() -> Bool {
        guard peek() == UInt8(ascii: "@") else { return true }
        repeat {
            guard take(UInt8(ascii: "@")), takeDomain() != nil else { return false }
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: ":"))
    }

    // Mailbox = Local-part "@" ( Domain / address-literal )
    private mutating func takeMailbox() -> Address? {
        guard let local = peek() == UInt8(ascii: "\"") ? takeQuotedString() : takeDotString(), take(UInt8(ascii: "@")),
            let domain = takeDomain()
        else { return nil }
        return Address(localPart: local, domain: domain)
    }

    // Dot-string = Atom *("." Atom);  Atom = 1*atext
    private mutating func takeDotString() -> String? {
        let text = take(while: OctetSet.localPart)
        let octets = text.readableBytesView
        guard let first = octets.first, let last = octets.last, first != UInt8(ascii: "."), last != UInt8(ascii: ".") else { return nil }
        var previous: UInt8 = 0
        for octet in octets {
            if octet == UInt8(ascii: "."), previous == octet { return nil }
            previous = octet
        }
        return String(validating: octets, as: UTF8.self)
    }

    // Quoted-string = DQUOTE *QcontentSMTP DQUOTE;  QcontentSMTP = qtextSMTP / quoted-pairSMTP
    private mutating func takeQuotedString() -> String? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        var text: [UInt8] = []
        while let octet = next() {
            switch octet {
            case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let quoted = next(), (0x20...0x7E).contains(quoted) else { return nil }
                text.append(quoted)
            case 0x20...0x7E, 0x80...0xFF: text.append(octet)
            default: return nil
            }
        }
        return nil
    }

    // Domain = sub-domain *("." sub-domain);  address-literal = "[" ( IPv4 / IPv6 / General ) "]"
    private mutating func takeDomain() -> Domain? {
        let start = position
        let text: ByteBuffer
        if take(UInt8(ascii: "[")) {
            skip { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "]") && $0 != UInt8(ascii: ">") }
            guard take(UInt8(ascii: "]")) else { return nil }
            text = slice(from: start, to: position)
        } else {
            text = take(while: OctetSet.domain)
        }
        return String(validating: text.readableBytesView, as: UTF8.self).flatMap { Domain($0) }
    }
}

extension OctetSet {
    static let localPart = OctetSet.atext.union(OctetSet(".")).union(.eightBit)
    static let domain = OctetSet.letters.union(.digits).union(OctetSet("-._")).union(.eightBit)
}
