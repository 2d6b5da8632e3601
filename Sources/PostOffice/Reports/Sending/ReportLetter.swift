import MailModel
import MessageFormat
import NIOCore

/// A report as it is mailed.
struct ReportLetter {
    let kind: ReportDay.Kind
    let day: ReportDay
    /// Seconds since 1970: the first and the last of the day.
    let begin: Int64
    let end: Int64
    /// Hexadecimal digits.
    let id: String
    let sender: Address
    let targets: [Address]
    /// Compressed.
    let content: ByteBuffer
    let now: Timestamp

    /// Octets of the longest line of base64 (RFC 2045 §6.8).
    private static let line = 76

    /// Octets that a content of so many takes, encoded: what a domain's limit is on (RFC 9990 §3.5).
    static func encodedSize(_ octets: Int) -> Int {
        let text = (octets + 2) / 3 * 4
        return text + 2 * ((text + line - 1) / line)
    }

    // dmarc-subject = "Report" 1*FWS "Domain:" 1*FWS domain-name 1*FWS "Submitter:" 1*FWS domain-name 1*FWS [ "Report-ID:" 1*FWS ridtxt ]
    //                                                                  (RFC 9990 §3.5.2; RFC 8460 §5.3 has the same)
    var text: ByteBuffer {
        let boundary = "=_\(id)"
        var text = ByteBuffer()
        text.writeString(ReportText.field("From", "Reports <\(sender.written)>"))
        text.writeString(ReportText.field("To", targets.map(\.written).joined(separator: ", ")))
        text.writeString(ReportText.field("Subject", "Report Domain: \(day.domain) Submitter: \(sender.domain) Report-ID: <\(reportID)>"))
        text.writeString("Date: \(MessageDate.format(now))\r\nMessage-ID: <\(id)@\(sender.domain)>\r\n")
        text.writeString("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n")
        if kind == .tls {
            text.writeString("TLS-Report-Domain: \(day.domain)\r\nTLS-Report-Submitter: \(sender.domain)\r\n")
            // RFC 8689 §5: what is wrong with the domain's TLS keeps back no report on it.
            text.writeString("TLS-Required: No\r\n")
        }
        text.writeString("Content-Type: \(kind == .tls ? "multipart/report; report-type=\"tlsrpt\"" : "multipart/mixed");\r\n boundary=\"\(boundary)\"\r\n\r\n")
        text.writeString("--\(boundary)\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n")
        text.writeString(words)
        text.writeString("\r\n--\(boundary)\r\nContent-Type: \(kind == .tls ? "application/tlsrpt+gzip" : "application/gzip")\r\n")
        text.writeString("Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n filename=\"\(fileName)\"\r\n\r\n")
        text.writeImmutableBuffer(Base64.lines(content))
        text.writeString("\r\n--\(boundary)--\r\n")
        return text
    }

    /// What the subject and the content call it, alike: RFC 8460 §5.3 wants an `@` in it.
    var reportID: String { ReportLetter.reportID(id, kind, sender) }

    static func reportID(_ id: String, _ kind: ReportDay.Kind, _ sender: Address) -> String { kind == .tls ? "\(id)@\(sender.domain)" : id }

    // filename = receiver "!" policy-domain "!" begin-timestamp "!" end-timestamp [ "!" unique-id ] "." extension
    //                                                                  (RFC 9990 §3.5.2, RFC 8460 §5.1)
    var fileName: String { "\(sender.domain)!\(day.domain)!\(begin)!\(end)!\(id).\(kind == .tls ? "json.gz" : "xml.gz")" }

    private var words: String {
        let subject =
            switch kind {
            case .dmarc: "This is an aggregate report (DMARC, RFC 9990) on mail that came in the name of \(day.domain)"
            case .tls: "This is a report (TLS-RPT, RFC 8460) on how TLS with the mail servers of \(day.domain) went"
            }
        return ReportText.paragraph("\(subject) on \(day.date) in UTC. A program wrote it, for the domain asks for it in DNS; it is for programs to read.")
    }
}
