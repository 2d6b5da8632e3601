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

// As it lies sealed.
extension QueuedDraft {
    func encode(into out: inout ByteBuffer) {
        out.writeCompact(UInt64(bitPattern: number))
        out.writeCompact(draft.transaction.value)
        out.writeInteger(draft.traits.rawValue)
        out.writeSigned(draft.arrived.rawValue)
        switch draft.reversePath {
        case .null: out.writeInteger(UInt8(0))
        case .mailbox(let address):
            out.writeInteger(UInt8(1))
            out.write(address)
        case .unquoted(let address, let localPart):
            out.writeInteger(UInt8(2))
            out.write(address)
            out.writeCompact(localPart)
        }
        out.writeCompact(UInt64(draft.recipients.count))
        for recipient in draft.recipients {
            switch recipient {
            case .postmaster: out.writeInteger(UInt8(0))
            case .mailbox(let address):
                out.writeInteger(UInt8(1))
                out.write(address)
            }
        }
        out.writeCompact(draft.head?.octets ?? [])
    }

    init?(_ bytes: inout ByteBuffer) {
        guard let number = bytes.readCompact(), number <= 0xFFFF, let transaction = bytes.readCompactText().flatMap({ TransactionID($0) }),
            let traits = bytes.readInteger(as: UInt8.self), let arrived = bytes.readSigned(), let path = bytes.readReversePath(),
            let count = bytes.readCount()
        else { return nil }
        var recipients: [ForwardPath] = []
        for _ in 0..<count {
            switch bytes.readInteger(as: UInt8.self) {
            case 0: recipients.append(.postmaster)
            case 1:
                guard let address = bytes.readAddress() else { return nil }
                recipients.append(.mailbox(address))
            default: return nil
            }
        }
        guard let head = bytes.readCompactOctets() else { return nil }
        self.init(
            number: Int64(number),
            draft: QueueDraft(
                transaction: transaction, reversePath: path, recipients: recipients, traits: QueueDraft.Traits(rawValue: traits),
                arrived: Timestamp(rawValue: arrived), head: head.isEmpty ? nil : MessageHead(stored: head)))
    }
}

extension ByteBuffer {
    fileprivate mutating func write(_ address: Address) {
        writeCompact(address.localPart)
        writeCompact(address.domain.value)
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
