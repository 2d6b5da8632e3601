import Crypto
import FoundationEssentials
import MailModel
import NIOCore
import Storage

/// Who holds a body, beside the body itself: each account's id with the body's key as it is wrapped for it, as in the index's rows of holders. One lies behind
/// the chunks of every record; a later holder's lies in a segment by itself. With the accounts' keys they open every body when the index is lost.
///
/// Big-endian: magic (4), octets of the block (4), body (8), time of arrival (8), count (4), as often account (8) and wrapped key (64), check (8).
struct HolderBlock: Hashable, Sendable {
    struct Holder: Hashable, Sendable {
        let account: AccountID
        /// `HolderBlock.wrappedKey` octets.
        let wrappedKey: [UInt8]
    }

    let body: BodyID
    /// The internal date of its first message; 0: not known.
    let arrived: Timestamp
    let holders: [Holder]

    static let magic: UInt32 = 0x4D42_4831  // MBH1
    static let wrappedKey = Seal.overhead + MasterKey.octets
    /// Octets before the holders.
    static let head = 28
    private static let holder = 8 + wrappedKey
    private static let check = 8
    /// More than any message has recipients.
    static let most = 200_000

    static func octets(holders: Int) -> Int { head + holders * holder + check }
    var octets: Int { HolderBlock.octets(holders: holders.count) }

    func write(to out: inout ByteBuffer) {
        let start = out.writerIndex
        out.writeInteger(HolderBlock.magic)
        out.writeInteger(UInt32(clamping: octets))
        out.writeInteger(body.rawValue)
        out.writeInteger(arrived.rawValue)
        out.writeInteger(UInt32(clamping: holders.count))
        for holder in holders {
            out.writeInteger(holder.account.rawValue)
            out.writeBytes(holder.wrappedKey)
        }
        let sum = out.withUnsafeReadableBytes { octets in HolderBlock.sum(octets[(start - out.readerIndex)...]) }
        out.writeInteger(sum)
    }

    /// How long the block is that begins with those octets; nil when none does.
    static func length(_ bytes: ByteBuffer) -> Int? {
        guard bytes.getInteger(at: bytes.readerIndex, as: UInt32.self) == magic,
            let length = bytes.getInteger(at: bytes.readerIndex + 4, as: UInt32.self),
            let count = bytes.getInteger(at: bytes.readerIndex + 24, as: UInt32.self),
            count <= most, Int(length) == octets(holders: Int(count))
        else { return nil }
        return Int(length)
    }

    /// Nil when no whole block begins there.
    init?(_ bytes: ByteBuffer) {
        guard let length = HolderBlock.length(bytes), var block = bytes.getSlice(at: bytes.readerIndex, length: length) else { return nil }
        let sum = block.withUnsafeReadableBytes { HolderBlock.sum($0[..<(length - HolderBlock.check)]) }
        guard block.getInteger(at: block.readerIndex + length - HolderBlock.check, as: UInt64.self) == sum else { return nil }
        block.moveReaderIndex(forwardBy: 8)
        guard let body = block.readInteger(as: Int64.self), let arrived = block.readInteger(as: Int64.self),
            let count = block.readInteger(as: UInt32.self)
        else { return nil }
        var holders: [Holder] = []
        for _ in 0..<count {
            guard let account = block.readInteger(as: Int64.self), let key = block.readBytes(length: HolderBlock.wrappedKey) else { return nil }
            holders.append(Holder(account: AccountID(rawValue: account), wrappedKey: key))
        }
        self.init(body: BodyID(rawValue: body), arrived: Timestamp(rawValue: arrived), holders: holders)
    }

    init(body: BodyID, arrived: Timestamp, holders: [Holder]) {
        self.body = body
        self.arrived = arrived
        self.holders = holders
    }

    // FNV-1a: it finds torn writes and flipped bits; forgery is what the tags of the wrapped keys are for.
    private static func sum(_ octets: Slice<UnsafeRawBufferPointer>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for octet in UnsafeRawBufferPointer(rebasing: octets) { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01B3 }
        return hash
    }
}

extension HolderBlock.Holder {
    /// The key of `body`, wrapped for the account.
    init(_ key: SymmetricKey, of body: BodyID, for account: AccountID, under accountKey: SymmetricKey, nonce: some DataProtocol) throws {
        let label = Label(kind: .bodyKey, id: body.rawValue, account: account.rawValue)
        self.init(
            account: account,
            wrappedKey: try Seal.seal(key.withUnsafeBytes { Array($0) }, under: accountKey, as: label, nonce: nonce))
    }

    /// `corrupt` when it was not wrapped for that body under that account's key.
    func open(_ body: BodyID, under accountKey: SymmetricKey) throws -> SymmetricKey {
        SymmetricKey(
            data: try Seal.open(wrappedKey, under: accountKey, as: Label(kind: .bodyKey, id: body.rawValue, account: account.rawValue)))
    }
}
