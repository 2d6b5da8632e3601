import MailModel
import MessageFormat
import NIOCore
import Storage

/// A draft with its number among those of its body.
struct QueuedDraft: Hashable, Sendable {
    let number: Int64
    let draft: QueueDraft
}

extension QueueID {
    /// Entries are numbered within their body, whose id is never given again: so no entry's is.
    init(_ body: BodyID, _ number: Int64) { self.init(rawValue: body.rawValue << 16 | number) }

    var body: BodyID { BodyID(rawValue: rawValue >> 16) }
    var number: Int64 { rawValue & 0xFFFF }

    /// Those that entries of the body may have.
    static func range(of body: BodyID) -> ClosedRange<Int64> { body.rawValue << 16...body.rawValue << 16 | 0xFFFF }
    static let bodies: Range<Int64> = 0..<1 << 46
}

// As it lies sealed. Bits of `fields` say which of those that may be missing follow.
extension QueuedDraft {
    /// What shares are written in, and what can be read.
    enum Form {
        /// Schema 6: recipients are paths, and nothing stands behind the head.
        case paths
        case recipients
    }

    private struct Fields: OptionSet {
        let rawValue: UInt8
        static let head = Fields(rawValue: 1)
        static let sender = Fields(rawValue: 2)
        static let envelopeID = Fields(rawValue: 4)
        static let notBefore = Fields(rawValue: 8)
        static let priority = Fields(rawValue: 16)
        static let deliverBy = Fields(rawValue: 32)
        static let origin = Fields(rawValue: 64)
        static let all = Fields(rawValue: 127)
    }

    func encode(into out: inout ByteBuffer) {
        out.writeCompact(UInt64(bitPattern: number))
        out.writeCompact(draft.transaction.value)
        out.writeInteger(draft.traits.rawValue)
        out.writeSigned(draft.arrived.rawValue)
        out.write(draft.reversePath)
        out.writeCompact(UInt64(draft.recipients.count))
        for recipient in draft.recipients { out.write(recipient) }
        var fields: Fields = []
        if draft.head != nil { fields.insert(.head) }
        if draft.sender != nil { fields.insert(.sender) }
        if draft.envelopeID != nil { fields.insert(.envelopeID) }
        if draft.notBefore != nil { fields.insert(.notBefore) }
        if draft.priority != 0 { fields.insert(.priority) }
        if draft.deliverBy != nil { fields.insert(.deliverBy) }
        if draft.origin != .others { fields.insert(.origin) }
        out.writeInteger(fields.rawValue)
        if let head = draft.head { out.writeCompact(head.octets) }
        if let sender = draft.sender { out.writeSigned(sender.rawValue) }
        if let id = draft.envelopeID { out.writeCompact(id) }
        if let time = draft.notBefore { out.writeSigned(time.rawValue) }
        if draft.priority != 0 { out.writeInteger(draft.priority) }
        if let deadline = draft.deliverBy {
            out.writeSigned(deadline.time.rawValue)
            out.writeInteger(UInt8((deadline.isReturned ? 1 : 0) | (deadline.isTraced ? 2 : 0)))
        }
        if draft.origin != .others { out.writeInteger(draft.origin.rawValue) }
    }

    init?(_ bytes: inout ByteBuffer, _ form: Form) {
        guard let number = bytes.readCompact(), number <= 0xFFFF, let transaction = bytes.readCompactText().flatMap({ TransactionID($0) }),
            let traits = bytes.readInteger(as: UInt8.self), let arrived = bytes.readSigned(), let path = bytes.readReversePath(),
            let count = bytes.readCount()
        else { return nil }
        var draft = QueueDraft(
            transaction: transaction, reversePath: path, recipients: [], traits: QueueDraft.Traits(rawValue: traits),
            arrived: Timestamp(rawValue: arrived))
        draft.recipients.reserveCapacity(count)
        for _ in 0..<count {
            guard let recipient = bytes.readRecipient(form) else { return nil }
            draft.recipients.append(recipient)
        }
        switch form {
        case .paths:
            guard let head = bytes.readCompactOctets() else { return nil }
            draft.head = head.isEmpty ? nil : MessageHead(stored: head)
        case .recipients:
            guard QueuedDraft.readFields(of: &draft, &bytes) else { return nil }
        }
        self.init(number: Int64(number), draft: draft)
    }

    private static func readFields(of draft: inout QueueDraft, _ bytes: inout ByteBuffer) -> Bool {
        guard let fields = bytes.readInteger(as: UInt8.self).map(Fields.init), Fields.all.isSuperset(of: fields) else { return false }
        if fields.contains(.head) {
            guard let head = bytes.readCompactOctets(), !head.isEmpty else { return false }
            draft.head = MessageHead(stored: head)
        }
        if fields.contains(.sender) {
            guard let sender = bytes.readSigned() else { return false }
            draft.sender = AccountID(rawValue: sender)
        }
        if fields.contains(.envelopeID) {
            guard let id = bytes.readCompactText() else { return false }
            draft.envelopeID = id
        }
        if fields.contains(.notBefore) {
            guard let time = bytes.readSigned() else { return false }
            draft.notBefore = Timestamp(rawValue: time)
        }
        if fields.contains(.priority) {
            guard let priority = bytes.readInteger(as: Int8.self) else { return false }
            draft.priority = priority
        }
        if fields.contains(.deliverBy) {
            guard let time = bytes.readSigned(), let mode = bytes.readInteger(as: UInt8.self), mode < 4 else { return false }
            draft.deliverBy = QueueDraft.Deadline(time: Timestamp(rawValue: time), isReturned: mode & 1 != 0, isTraced: mode & 2 != 0)
        }
        if fields.contains(.origin) {
            guard let origin = bytes.readInteger(as: UInt8.self).flatMap(QueueDraft.Origin.init) else { return false }
            draft.origin = origin
        }
        return true
    }
}

extension ByteBuffer {
    fileprivate mutating func write(_ address: Address) {
        writeCompact(address.localPart)
        writeCompact(address.domain.value)
    }

    fileprivate mutating func write(_ path: ReversePath) {
        switch path {
        case .null: writeInteger(UInt8(0))
        case .mailbox(let address):
            writeInteger(UInt8(1))
            write(address)
        case .unquoted(let address, let localPart):
            writeInteger(UInt8(2))
            write(address)
            writeCompact(localPart)
        }
    }

    /// What its sender asked for, twice, and behind it ORCPT where the number is odd; its path.
    fileprivate mutating func write(_ recipient: QueuedRecipient) {
        writeInteger(recipient.notify.rawValue << 1 | (recipient.original == nil ? 0 : 1))
        if let original = recipient.original { writeCompact(original) }
        switch recipient.path {
        case .postmaster: writeInteger(UInt8(0))
        case .mailbox(let address):
            writeInteger(UInt8(1))
            write(address)
        }
    }

    fileprivate mutating func readRecipient(_ form: QueuedDraft.Form) -> QueuedRecipient? {
        var (notify, original): (QueuedRecipient.Notify, String?) = ([], nil)
        if case .recipients = form {
            guard let asked = readInteger(as: UInt8.self) else { return nil }
            notify = QueuedRecipient.Notify(rawValue: asked >> 1)
            if asked & 1 == 1 {
                guard let text = readCompactText() else { return nil }
                original = text
            }
        }
        switch readInteger(as: UInt8.self) {
        case 0: return QueuedRecipient(.postmaster, notify: notify, original: original)
        case 1: return readAddress().map { QueuedRecipient(.mailbox($0), notify: notify, original: original) }
        default: return nil
        }
    }

    fileprivate mutating func readAddress() -> Address? {
        guard let local = readCompactText(), let domain = readCompactText().flatMap({ Domain($0) }) else { return nil }
        return Address(localPart: local, domain: domain)
    }

    fileprivate mutating func readReversePath() -> ReversePath? {
        switch readInteger(as: UInt8.self) {
        case 0: return .null
        case 1: return readAddress().map { .mailbox($0) }
        case 2:
            guard let address = readAddress(), let local = readCompactText() else { return nil }
            return ReversePath(address, unquoted: local)
        default: return nil
        }
    }
}
