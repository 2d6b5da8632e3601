package import MailModel

/// What a server offers: its answer to EHLO or LHLO (RFC 5321 §4.1.1.1). What is not known, or not well formed, is not there.
package struct ServerOffer: Hashable, Sendable {
    /// RFC 3207.
    package var startTLS = false
    /// RFC 2920.
    package var pipelining = false
    /// RFC 6152.
    package var eightBitMIME = false
    /// RFC 3030.
    package var chunking = false
    package var binaryMIME = false
    /// RFC 6531.
    package var smtpUTF8 = false
    /// RFC 3461.
    package var dsn = false
    /// RFC 2034.
    package var enhancedStatusCodes = false
    /// RFC 8689.
    package var requireTLS = false
    /// RFC 2852.
    package var deliverBy = false
    /// RFC 6710.
    package var priority = false
    /// RFC 1870.
    package var size = false
    /// Octets of a message; nil: it has not said, or has none.
    package var sizeLimit: Int?
    /// Mechanisms of RFC 4954, in capitals.
    package var mechanisms: Set<String> = []
    /// RFC 9422; nil: it has not said.
    package var messageLimit: Int?
    package var recipientLimit: Int?
    package var domainLimit: Int?
    /// `SMTPExtension.localDomain`.
    package var localDomain: Domain?

    package init() {}

    // ehlo-ok-rsp = ... "250-" Domain [ SP ehlo-greet ] CRLF *( "250-" ehlo-line CRLF ) "250" SP ehlo-line CRLF ; ehlo-line = ehlo-keyword *( SP ehlo-param )
    package init(_ reply: ServerReply) {
        for line in reply.lines.dropFirst() {
            let words = line.uppercased().split(separator: " ").map(String.init)
            if let keyword = words.first { read(keyword, words.dropFirst()) }
        }
    }

    private mutating func read(_ keyword: String, _ parameters: ArraySlice<String>) {
        switch keyword {
        case "STARTTLS": startTLS = true
        case "PIPELINING": pipelining = true
        case "8BITMIME": eightBitMIME = true
        case "CHUNKING": chunking = true
        case "BINARYMIME": binaryMIME = true
        case "SMTPUTF8": smtpUTF8 = true
        case "DSN": dsn = true
        case "ENHANCEDSTATUSCODES": enhancedStatusCodes = true
        case "REQUIRETLS": requireTLS = true
        case "DELIVERBY": deliverBy = true
        case "MT-PRIORITY": priority = true
        case "SIZE":
            size = true
            // RFC 1870 §3: 0 is no fixed maximum.
            sizeLimit = parameters.first.flatMap { ServerOffer.number($0, digits: 18) }.flatMap { $0 > 0 ? $0 : nil }
        case "AUTH": mechanisms.formUnion(parameters)
        case "XDOMAIN": localDomain = parameters.first.flatMap { Domain($0) }
        case "LIMITS": for parameter in parameters { readLimit(parameter) }
        default:
            // Servers of before 1999.
            if keyword.hasPrefix("AUTH=") { mechanisms.formUnion([String(keyword.dropFirst(5))] + parameters) }
        }
    }

    // limits-param = limit-name-value 0*[SP limit-name-value] ; limit-name-value = limit-name ["=" limit-value]                       (RFC 9422 §3)
    private mutating func readLimit(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let value = ServerOffer.number(parts[1], digits: 6), value > 0 else { return }
        switch parts[0] {
        case "MAILMAX": messageLimit = value
        case "RCPTMAX": recipientLimit = value
        case "RCPTDOMAINMAX": domainLimit = value
        default: break
        }
    }

    private static func number(_ text: some StringProtocol, digits: Int) -> Int? {
        guard (1...digits).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }
}
