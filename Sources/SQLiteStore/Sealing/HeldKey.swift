import CLinux
import Crypto
import FoundationEssentials
import MailModel
import NIOCore
import Storage

extension BodyHolder {
    /// How rows and records name it: 0 for the queue, for no account has that number.
    var number: Int64 {
        switch self {
        case .account(let id): id.rawValue
        case .queue: 0
        }
    }

    init(number: Int64) { self = number == 0 ? .queue : .account(AccountID(rawValue: number)) }
}

/// What of a body is one holder's alone.
enum HolderShare: Hashable, Sendable {
    case nothing
    /// What stands before the text.
    case head([UInt8])
    /// The body is no message.
    case kind(OtherDigest.Kind)
    /// The queue's entries.
    case queue([QueuedDraft])

    var head: [UInt8] { if case .head(let octets) = self { octets } else { [] } }
    var isMessage: Bool { if case .kind = self { false } else { true } }

    private static let headForm: UInt8 = 1
    private static let kindForm: UInt8 = 2
    /// Of schema 6; read, and not written.
    private static let queuedPathsForm: UInt8 = 3
    private static let queueForm: UInt8 = 4

    /// Octets that a head takes besides its own.
    static let form = 1

    func encode() -> [UInt8] {
        switch self {
        case .nothing: return []
        case .head(let octets): return [HolderShare.headForm] + octets
        case .kind(let kind): return [HolderShare.kindForm, UInt8(kind.rawValue >> 8), UInt8(kind.rawValue & 0xFF)]
        case .queue(let drafts):
            var out = ByteBuffer(bytes: [HolderShare.queueForm])
            out.writeCompact(UInt64(drafts.count))
            for draft in drafts { draft.encode(into: &out) }
            return Array(buffer: out)
        }
    }

    /// Nil for what `encode` does not give.
    init?(_ octets: Data) {
        guard let form = octets.first else {
            self = .nothing
            return
        }
        let rest = octets.dropFirst()
        switch form {
        case HolderShare.headForm where !rest.isEmpty: self = .head(Array(rest))
        case HolderShare.kindForm where rest.count == 2:
            guard let kind = OtherDigest.Kind(rawValue: UInt16(rest[rest.startIndex]) << 8 | UInt16(rest[rest.startIndex + 1])) else { return nil }
            self = .kind(kind)
        case HolderShare.queueForm, HolderShare.queuedPathsForm:
            var bytes = ByteBuffer(bytes: rest)
            guard let count = bytes.readCount() else { return nil }
            var drafts: [QueuedDraft] = []
            for _ in 0..<count {
                guard let draft = QueuedDraft(&bytes, form == HolderShare.queueForm ? .recipients : .paths) else { return nil }
                drafts.append(draft)
            }
            guard bytes.readableBytes == 0 else { return nil }
            self = .queue(drafts)
        default: return nil
        }
    }
}

/// What a holder's row, and the block of holders beside a body, keep sealed under the holder's key: the body's key and the holder's share. One seal for both, so
/// that a head costs its octets and nothing else.
struct HeldKey {
    let key: SymmetricKey
    let share: HolderShare

    static func label(_ body: BodyID, _ holder: BodyHolder) -> Label { Label(kind: .bodyKey, id: body.rawValue, account: holder.number) }

    func seal(
        _ body: BodyID, for holder: BodyHolder, under holderKey: SymmetricKey, keyID: UInt32 = Seal.currentKeyID, nonce: some DataProtocol
    ) throws -> [UInt8] {
        var plain = key.withUnsafeBytes { Array($0) }
        if share != .nothing { plain += share.encode() }
        defer { plain.withUnsafeMutableBytes { octets in octets.baseAddress.map { clinux_wipe($0, min(MasterKey.octets, octets.count)) } } }
        return try Seal.seal(plain, under: holderKey, as: HeldKey.label(body, holder), keyID: keyID, nonce: nonce)
    }

    /// `corrupt` when it was not sealed for that body and holder.
    static func open(_ sealed: UnsafeRawBufferPointer, _ body: BodyID, for holder: BodyHolder, under holderKey: SymmetricKey) throws -> HeldKey {
        var plain = try Seal.open(sealed, under: holderKey, as: label(body, holder))
        defer { plain.wipe(MasterKey.octets) }
        guard plain.count >= MasterKey.octets, let share = HolderShare(plain.dropFirst(MasterKey.octets)) else {
            throw StorageFault.corrupt("bodyKey \(body.rawValue): what lies with it")
        }
        return HeldKey(key: SymmetricKey(data: plain.prefix(MasterKey.octets)), share: share)
    }

    static func open(_ sealed: [UInt8], _ body: BodyID, for holder: BodyHolder, under holderKey: SymmetricKey) throws -> HeldKey {
        try sealed.withUnsafeBytes { try open($0, body, for: holder, under: holderKey) }
    }
}

extension MasterKey {
    /// Derived (HKDF-SHA256, RFC 5869), so that nothing else must be kept: what the catalogue says of the queue is sealed under it, and what schema 6 had queued.
    /// Entries since have keys of their own (`QueueKey`).
    var queueKey: SymmetricKey {
        HKDF<SHA256>.deriveKey(inputKeyMaterial: key, info: Array("martlet queue".utf8), outputByteCount: 32)
    }
}

extension Catalog {
    /// The key that opens what was sealed for a holder. `noSuchAccount`; `corrupt` where the queue's key is none that there is.
    func key(of holder: BodyHolder, for sealed: UnsafeRawBufferPointer) throws -> SymmetricKey {
        switch holder {
        case .account(let id):
            guard let key = account(id)?.key else { throw StorageFault.noSuchAccount }
            return key
        case .queue:
            let id = Seal.keyID(of: sealed)
            if id == Seal.currentKeyID { return queueKey }
            guard let id, let key = read({ $0.queue.keys[id] })?.key else {
                throw StorageFault.corrupt("the queue has no key \(id ?? 0)")
            }
            return key
        }
    }
}
