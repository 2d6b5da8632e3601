package import MailModel
import MessageFormat
package import NIOCore

/// A server's trace line (RFC 5321 §4.4). Every part is of a type that can hold no CR or LF, or is checked here. Domains are written as A-labels where they
/// have such a form: a line of ours must not be what makes a header one that only SMTPUTF8 can carry.
package struct ReceivedField: Sendable {
    /// What the client called itself; written only where it is a domain, and one of ASCII unless the message is of SMTPUTF8 (RFC 6531 §3.7.3).
    package var clientName: ClientName?
    package var peerAddress: String
    /// Of a program of this machine, the id of its user, which is written as a comment.
    package var localUser: UInt32?
    package var host: Domain
    package var transmission: TransmissionType
    /// `TLSv1.3`; nil without TLS.
    package var tlsVersion: String?
    package var id: TransactionID
    /// Only where it is the message's one recipient, so that none learns of another.
    package var recipient: Address?
    /// Of MT-PRIORITY; nil where none was asked for.
    package var priority: Int8?
    package var date: Timestamp

    package init(
        clientName: ClientName?, peerAddress: String, host: Domain, transmission: TransmissionType, tlsVersion: String?,
        id: TransactionID, recipient: Address?, priority: Int8? = nil, date: Timestamp
    ) {
        self.clientName = clientName
        self.peerAddress = peerAddress
        self.host = host
        self.transmission = transmission
        self.tlsVersion = tlsVersion
        self.id = id
        self.recipient = recipient
        self.priority = priority
        self.date = date
    }

    // Time-stamp-line = "Received:" FWS Stamp <CRLF>
    // Stamp = From-domain By-domain Opt-info [CFWS] ";" FWS date-time
    // From-domain = "FROM" FWS Extended-Domain;  Extended-Domain = Domain FWS "(" TCP-info ")" / address-literal …
    package func write(to output: inout ByteBuffer) {
        let literal = ReceivedField.literal(peerAddress)
        output.writeStaticString("Received: from ")
        output.writeString(clientDomain?.value ?? literal)
        output.writeStaticString(" (")
        output.writeString(literal)
        output.writeStaticString(")")
        if let localUser { output.writeString(" (userid \(localUser))") }
        output.writeStaticString("\r\n\tby ")
        output.writeString(host.value)
        output.writeStaticString(" (Martlet) with ")
        output.writeString(transmission.rawValue)
        if let tlsVersion {
            output.writeStaticString(" (")
            output.writeBytes(tlsVersion.utf8.filter { OctetSet.versionName.contains($0) })
            output.writeStaticString(")")
        }
        output.writeStaticString("\r\n\tid ")
        output.writeString(id.value)
        if let recipient {
            output.writeStaticString("\r\n\tfor <")
            output.writeString(ReceivedField.plain(recipient).written)
            output.writeStaticString(">")
        }
        // Additional-Registered-Clauses =/ CFWS "PRIORITY" FWS priority-value          (RFC 6710 §8)
        if let priority { output.writeString("\r\n\tpriority \(priority)") }
        output.writeStaticString(";\r\n\t")
        output.writeString(MessageDate.format(date))
        output.writeStaticString("\r\n")
    }

    private var clientDomain: Domain? {
        guard let domain = clientName.flatMap({ Domain($0.text) }), domain.isASCII || transmission.isUTF8 else { return nil }
        return domain.asciiForm ?? domain
    }

    private static func plain(_ address: Address) -> Address {
        address.domain.asciiForm.flatMap { Address(localPart: address.localPart, domain: $0) } ?? address
    }

    // address-literal = "[" ( IPv4-address-literal / "IPv6:" IPv6-addr ) "]"          (RFC 5321 §4.1.3)
    private static func literal(_ address: String) -> String {
        let clean = String(decoding: address.utf8.filter { OctetSet.addressLiteral.contains($0) }, as: UTF8.self)
        return clean.utf8.contains(UInt8(ascii: ":")) ? "[IPv6:\(clean)]" : "[\(clean)]"
    }
}

/// The registered names of how a message came (RFC 3848, RFC 6531 §4.3).
package enum TransmissionType: String, Sendable {
    case smtp = "SMTP"
    case esmtp = "ESMTP"
    case esmtpa = "ESMTPA"
    case esmtps = "ESMTPS"
    case esmtpsa = "ESMTPSA"
    case utf8smtp = "UTF8SMTP"
    case utf8smtpa = "UTF8SMTPA"
    case utf8smtps = "UTF8SMTPS"
    case utf8smtpsa = "UTF8SMTPSA"

    var isUTF8: Bool {
        switch self {
        case .utf8smtp, .utf8smtpa, .utf8smtps, .utf8smtpsa: true
        case .smtp, .esmtp, .esmtpa, .esmtps, .esmtpsa: false
        }
    }

    package init(isExtended: Bool, isUTF8: Bool, isSecured: Bool, isAuthenticated: Bool) {
        self =
            switch (isExtended, isUTF8, isSecured, isAuthenticated) {
            case (false, _, _, _): .smtp
            case (true, false, false, false): .esmtp
            case (true, false, false, true): .esmtpa
            case (true, false, true, false): .esmtps
            case (true, false, true, true): .esmtpsa
            case (true, true, false, false): .utf8smtp
            case (true, true, false, true): .utf8smtpa
            case (true, true, true, false): .utf8smtps
            case (true, true, true, true): .utf8smtpsa
            }
    }
}

extension OctetSet {
    fileprivate static let versionName = OctetSet.letters.union(.digits).union(OctetSet("."))
    fileprivate static let addressLiteral = OctetSet("0123456789abcdefABCDEF.:")
}
