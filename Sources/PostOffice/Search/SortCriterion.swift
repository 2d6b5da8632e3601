import MailModel
import MessageFormat
import Storage

/// What messages are put in order by (RFC 5256 §3, RFC 5957 §3).
package enum SortKey: CaseIterable, Hashable, Sendable {
    /// When the server received it.
    case arrival
    /// Of these fields the mailbox of the first address.
    case from
    case to
    case cc
    /// The Date field; where it cannot be read, when the server received it.
    case date
    case size
    /// Without what replies and forwarding put before it.
    case subject
    /// What a mail program shows of From and To: the first address's name, or else the address.
    case displayFrom
    case displayTo
}

package struct SortCriterion: Hashable, Sendable {
    package let key: SortKey
    package let isReversed: Bool

    package init(_ key: SortKey, isReversed: Bool = false) {
        self.key = key
        self.isReversed = isReversed
    }
}

extension SortKey {
    var isText: Bool {
        switch self {
        case .arrival, .date, .size: false
        case .cc, .from, .subject, .to, .displayFrom, .displayTo: true
        }
    }

    /// Whether the narrow row does not do.
    var needsOutline: Bool { isText || self == .date }

    /// Of those that the narrow row tells.
    func number(_ row: MessageRow) -> Int64 { self == .arrival ? row.internalDate.rawValue : Int64(row.size) }

    func text(_ envelope: EnvelopeView) throws(OutlineCorrupt) -> String {
        switch self {
        case .cc: try envelope.cc.firstAddress()?.mailbox ?? ""
        case .from: try envelope.from.firstAddress()?.mailbox ?? ""
        case .to: try envelope.to.firstAddress()?.mailbox ?? ""
        case .displayFrom: try envelope.from.firstAddress()?.shown ?? ""
        case .displayTo: try envelope.to.firstAddress()?.shown ?? ""
        default: SubjectStem(envelope.subject.map { String(decoding: $0, as: UTF8.self) }).text
        }
    }
}

extension MessageRow {
    /// RFC 5256 §2.2: without a Date that can be read, INTERNALDATE.
    func sent(_ date: MessageDate?) -> Timestamp { date?.timestamp ?? internalDate }
}

extension EnvelopeAddress {
    /// What a mail program shows (RFC 5957 §3): the name, or else the address; of a group its name.
    fileprivate var shown: String {
        let name = EncodedWord.decode(displayName ?? "")
        return name.isEmpty ? addrSpec ?? mailbox ?? "" : name
    }
}
