import MailModel
import MessageFormat
import NIOCore

/// RFC 5321 §4.1.2, with UTF-8 in local parts and domains (RFC 6531 §3.3). What is read beyond it, where the meaning is clear, is in
/// docs/protocols/smtp.md: blanks around an address, no brackets, and dots anywhere in a local part.
extension ByteScanner {
    // Reverse-path = Path / "<>"
    mutating func takeReversePath() throws(SyntaxError) -> ReversePath {
        var ahead = self
        if ahead.take(UInt8(ascii: "<")) {
            ahead.skipBlanks()
            if ahead.take(UInt8(ascii: ">")) {
                self = ahead
                return .null
            }
        }
        guard let mailbox = takePath() else { throw .reversePath }
        return ReversePath(mailbox.address, unquoted: mailbox.unquoted)
    }

    // Forward-path = Path;  rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path )
    mutating func takeForwardPath() throws(SyntaxError) -> ForwardPath {
        var ahead = self
        if ahead.takePostmaster() {
            self = ahead
            return .postmaster
        }
        guard let mailbox = takePath() else { throw .forwardPath }
        return .mailbox(mailbox.address)
    }

    private mutating func takePostmaster() -> Bool {
        let isBracketed = take(UInt8(ascii: "<"))
        if isBracketed { skipBlanks() }
        guard take(caseInsensitive: "postmaster") else { return false }
        guard isBracketed else { return isAtEnd || peek() == UInt8(ascii: " ") || peek() == 0x09 }
        skipBlanks()
        return take(UInt8(ascii: ">"))
    }

    mutating func skipBlanks() { skip { $0 == UInt8(ascii: " ") || $0 == 0x09 } }

    // Path = "<" [ A-d-l ":" ] Mailbox ">"
    // A source route is read and forgotten (RFC 5321 §4.1.2: "SHOULD be ignored").
    private mutating func takePath() -> PathMailbox? {
        guard take(UInt8(ascii: "<")) else { return takeMailbox() }
        skipBlanks()
        guard skipRoute(), let mailbox = takeMailbox() else { return nil }
        skipBlanks()
        return take(UInt8(ascii: ">")) ? mailbox : nil
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
    private mutating func takeMailbox() -> PathMailbox? {
        let isQuoted = peek() == UInt8(ascii: "\"")
        guard let local = isQuoted ? takeQuotedString() : takeDotString(), take(UInt8(ascii: "@")), let domain = takeDomain(),
            let address = Address(localPart: local, domain: domain)
        else { return nil }
        return PathMailbox(address: address, unquoted: isQuoted || address.isDotString ? nil : local)
    }

    // Dot-string = Atom *("." Atom);  Atom = 1*atext
    // Telephone companies gave out names such as a..b and abc. (with the dot), and their customers write them so.
    private mutating func takeDotString() -> String? {
        let text = take(while: OctetSet.localPart)
        guard text.readableBytes > 0 else { return nil }
        return String(validating: text.readableBytesView, as: UTF8.self)
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

/// An address as a path names it.
private struct PathMailbox {
    let address: Address
    /// The local part as it was sent, where it has no quotes and should.
    let unquoted: String?
}

extension OctetSet {
    static let localPart = OctetSet.atext.union(OctetSet(".")).union(.eightBit)
    static let domain = OctetSet.letters.union(.digits).union(OctetSet("-._")).union(.eightBit)
}
