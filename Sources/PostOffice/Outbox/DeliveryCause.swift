import MailModel
import Storage

/// Why somebody was not reached, as a person asks.
enum DeliveryCause: Equatable {
    case unknownMailbox
    case closedMailbox
    case fullMailbox
    case badAddress
    /// The domain has no mail server.
    case unknownDomain
    /// The domain says that it takes no mail (RFC 7505).
    case noMail
    case tooBig
    case senderRefused
    case policy
    /// REQUIRETLS was demanded, and cannot be had (RFC 8689 §4.2.1).
    case unprotected
    /// SMTPUTF8 would be needed.
    case needsUTF8
    /// Octets that the server cannot take, and that cannot be converted.
    case needsConversion
    case loop
    /// Tried for so many seconds.
    case expired(Int64)
    case unreachable
    case refused
    /// Not yet, and nothing is known that a person could do.
    case delayed

    init(_ told: DeliveryReport.Recipient, waited: Int64) {
        let last = told.progress.last
        let status = last?.knownStatus
        // What was only ever put off has run out of time.
        if told.action == .failed, status == nil || status?.category == 4 || (status?.subject == 4 && status?.detail == 7) {
            self = last == nil ? .unreachable : .expired(waited)
            return
        }
        let isAnswered = last?.reply != nil
        if told.action == .delayed {
            // "Later" has its reasons, grey lists for one, and a status that says little of them.
            self = status?.subject == 2 && status?.detail == 2 ? .fullMailbox : isAnswered ? .delayed : .unreachable
            return
        }
        let row = DeliveryCause.table.first { row in status?.subject == row.subject && (row.detail == nil || row.detail == status?.detail) }
        self = row?.cause ?? (isAnswered ? .refused : .unreachable)
    }

    /// RFC 3463 §3, RFC 5248, RFC 7504, RFC 7505, RFC 6531 §3.4; the first row that fits.
    private static let table: [(subject: UInt16, detail: UInt16?, cause: DeliveryCause)] = [
        (1, 1, .unknownMailbox), (1, 6, .unknownMailbox), (1, 0, .unknownMailbox), (1, 2, .unknownDomain), (1, 3, .badAddress), (1, 7, .senderRefused),
        (1, 8, .senderRefused), (1, 10, .noMail), (2, 1, .closedMailbox), (2, 2, .fullMailbox), (2, 3, .tooBig), (3, 4, .tooBig), (4, 4, .unknownDomain),
        (4, 6, .loop), (6, 3, .needsConversion), (6, 7, .needsUTF8), (6, 8, .needsUTF8), (6, 9, .needsUTF8), (7, 10, .unprotected),
        (7, 30, .unprotected), (7, nil, .policy),
    ]

    var words: String {
        switch self {
        case .unknownMailbox: "There is no such mailbox."
        case .closedMailbox: "The mailbox takes no mail: it may be closed."
        case .fullMailbox: "The mailbox is full."
        case .badAddress: "The other server does not understand this address."
        case .unknownDomain: "No mail server is known for what stands behind the @."
        case .noMail: "What stands behind the @ takes no mail at all."
        case .tooBig: "The message is too big for the recipient's server."
        case .senderRefused: "The recipient's server does not take mail from your address."
        case .policy: "The recipient's server does not take this message: it may look like spam to it, or a rule forbids it."
        case .unprotected: "The message is to go only where it is protected on all its way, and the recipient's server does not promise that."
        case .needsUTF8: "An address or the header of the message has letters that the recipient's server does not know."
        case .needsConversion: "The message has a form that the recipient's server cannot take."
        case .loop: "The message went round in circles between servers."
        case .expired(let seconds): "It was tried for \(DeliveryCause.duration(seconds)), and did not succeed."
        case .unreachable: "The recipient's server could not be reached."
        case .refused: "The recipient's server did not take the message."
        case .delayed: "The recipient's server asks for a later try."
        }
    }

    var advice: String? {
        switch self {
        case .unknownMailbox, .badAddress, .unknownDomain, .noMail: "Please look whether the address is spelt right, and send the message again."
        case .closedMailbox: "Please reach the recipient in another way."
        case .fullMailbox: "Please send it again in some days, or tell the recipient in another way."
        case .tooBig: "Please send less at a time, or a link to what is big."
        case .senderRefused, .policy: "What it said may tell you why. If not, ask whoever looks after your mail server, by an answer to this message."
        case .unprotected: "If it may go with less protection, please send it again without asking for that (REQUIRETLS)."
        case .needsUTF8: "If the recipient has an address of plain letters (a to z), please use that one."
        case .needsConversion: "Please send it as plain text, or its parts as attachments."
        case .loop: "The recipient must repair a forwarding. Please tell them in another way."
        case .expired, .unreachable: "Please send it again later, or reach the recipient in another way."
        case .refused: "What it said may tell you why."
        case .delayed: nil
        }
    }

    /// In the unit that a person would take.
    private static func duration(_ seconds: Int64) -> String {
        func words(_ count: Int64, _ unit: String) -> String { "\(count) \(unit)\(count == 1 ? "" : "s")" }
        if seconds >= 36 * 3_600 { return words((seconds + 43_200) / 86_400, "day") }
        if seconds >= 90 * 60 { return words((seconds + 1_800) / 3_600, "hour") }
        return words(max(1, (seconds + 30) / 60), "minute")
    }
}
