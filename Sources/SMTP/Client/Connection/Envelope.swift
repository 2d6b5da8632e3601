import MailModel
import MessageFormat
import PostOffice
import Storage

/// The envelope of a message as one server can have it.
struct Envelope {
    struct Recipient {
        /// In the message.
        let place: Int
        /// The command, without CRLF.
        let line: String
    }

    /// The command, without CRLF.
    let mail: String
    /// Whom it is asked for, in order: no more than its LIMITS allow (RFC 9422 §4).
    private(set) var recipients: [Recipient] = []
    /// Whom it can never be asked for, by their place. Who is in neither is for another transaction.
    private(set) var impossible: [Int: CarrierReport.Outcome] = [:]

    init(_ message: OutgoingMessage, _ offer: ServerOffer) {
        let isInternational = offer.smtpUTF8 && (message.traits.contains(.smtpUTF8) || Envelope.needsUTF8(message))
        guard let path = Envelope.written(message.reversePath, isInternational) else {
            mail = ""
            for place in message.recipients.indices { impossible[place] = Envelope.notASCII("the sender's address") }
            return
        }
        mail = Envelope.mail(path, message, offer, isInternational)
        var domains: Set<String> = []
        for (place, recipient) in message.recipients.enumerated() {
            guard let path = Envelope.written(recipient.path, isInternational) else {
                impossible[place] = Envelope.notASCII("the address")
                continue
            }
            guard recipients.count < offer.recipientLimit ?? .max else { continue }
            let domain = Envelope.domain(recipient.path)
            guard domains.contains(domain) || domains.count < offer.domainLimit ?? .max else { continue }
            domains.insert(domain)
            recipients.append(Recipient(place: place, line: Envelope.rcpt(path, recipient, offer)))
        }
    }

    // MARK: Commands

    // mail = "MAIL FROM:" Reverse-path [ SP Mail-parameters ] CRLF                                                              (RFC 5321 §4.1.1.2)
    private static func mail(_ path: String, _ message: OutgoingMessage, _ offer: ServerOffer, _ isInternational: Bool) -> String {
        var line = "MAIL FROM:\(path)"
        if offer.size { line += " SIZE=\(message.size)" }
        if offer.eightBitMIME, message.traits.contains(.eightBit) { line += " BODY=8BITMIME" }
        if isInternational { line += " SMTPUTF8" }
        // by-value = by-time ";" by-mode [ by-trace ]                                                                                (RFC 2852 §4)
        if offer.deliverBy, let by = message.deliverBy {
            line += " BY=\(min(max(by.seconds, -999_999_999), 999_999_999));\(by.isReturned ? "R" : "N")\(by.isTraced ? "T" : "")"
        }
        // RFC 6710 §4.2
        if offer.priority, message.priority != 0 { line += " MT-PRIORITY=\(message.priority)" }
        if offer.requireTLS, message.traits.contains(.requiresTLS) { line += " REQUIRETLS" }
        guard offer.dsn else { return line }
        // RFC 3461 §4.3, §4.4; RFC 8689 §5: of what was to be protected the header alone comes back.
        if !message.traits.isDisjoint(with: [.returnsHeader, .requiresTLS]) {
            line += " RET=HDRS"
        } else if message.traits.contains(.returnsFull) {
            line += " RET=FULL"
        }
        if let id = message.envelopeID, (1...100).contains(id.utf8.count), XText.isValid(id) { line += " ENVID=\(id)" }
        return line
    }

    // rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [ SP Rcpt-parameters ] CRLF                 (RFC 5321 §4.1.1.3)
    private static func rcpt(_ path: String, _ recipient: QueuedRecipient, _ offer: ServerOffer) -> String {
        var line = "RCPT TO:\(path)"
        guard offer.dsn else { return line }
        // RFC 3461 §4.1, §4.2
        let notify = recipient.notify
        if notify.contains(.never) {
            line += " NOTIFY=NEVER"
        } else if !notify.isEmpty {
            let words = [(QueuedRecipient.Notify.success, "SUCCESS"), (.failure, "FAILURE"), (.delay, "DELAY")]
            line += " NOTIFY=" + words.filter { notify.contains($0.0) }.map(\.1).joined(separator: ",")
        }
        if let original = recipient.original, XText.isOriginalRecipient(original) { line += " ORCPT=\(original)" }
        return line
    }

    // MARK: Addresses

    private static func needsUTF8(_ message: OutgoingMessage) -> Bool {
        func needs(_ address: Address?) -> Bool { address.map { !$0.localPart.utf8.allSatisfy { $0 < 0x80 } } ?? false }
        return needs(message.reversePath.address)
            || message.recipients.contains { recipient in
                if case .mailbox(let address) = recipient.path { needs(address) } else { false }
            }
    }

    private static func written(_ path: ReversePath, _ isInternational: Bool) -> String? {
        switch path {
        case .null: return path.written
        case .mailbox(let address): return plain(address, isInternational).map { ReversePath.mailbox($0).written }
        case .unquoted(let address, let localPart):
            guard isInternational || localPart.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
            return plain(address, isInternational).map { ReversePath($0, unquoted: localPart).written }
        }
    }

    private static func written(_ path: ForwardPath, _ isInternational: Bool) -> String? {
        switch path {
        case .postmaster: path.written
        case .mailbox(let address): plain(address, isInternational).map { ForwardPath.mailbox($0).written }
        }
    }

    /// With its domain as A-labels where that is what makes it ASCII (RFC 6531 §3.5 without SMTPUTF8); nil where nothing does.
    private static func plain(_ address: Address, _ isInternational: Bool) -> Address? {
        if isInternational || address.isASCII { return address }
        guard let domain = address.domain.asciiForm, let plain = Address(localPart: address.localPart, domain: domain), plain.isASCII else { return nil }
        return plain
    }

    private static func domain(_ path: ForwardPath) -> String {
        if case .mailbox(let address) = path { address.domain.value } else { "" }
    }

    private static func notASCII(_ what: String) -> CarrierReport.Outcome {
        .impossible(5, 6, 7, "\(what) is not ASCII, and the server takes none such (SMTPUTF8)")
    }
}
