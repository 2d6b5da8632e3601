import Crypto
import FoundationEssentials
import MailModel
import NIOCore
import Storage

/// Who holds a body, beside the body itself: each holder's number with the body's key as it is wrapped for it (`HeldKey`), as in the index's rows of holders. One
/// lies behind the chunks of every record; a later holder's lies in a segment by itself. With the holders' keys they open every body when the index is lost.
///
/// Big-endian: magic (4), octets of the block (4), body (8), time of arrival (8), count (4), as often account (8) and wrapped key (64), check (8). Where a holder
/// has a share besides the key there is another magic, and before each wrapped key stands its length (4).
struct HolderBlock: Hashable, Sendable {
    struct Holder: Hashable, Sendable {
        /// 0: the queue.
        let account: AccountID
        /// `HolderBlock.wrappedKey` octets, and those of the holder's share.
        let wrappedKey: [UInt8]

        var holder: BodyHolder { BodyHolder(number: account.rawValue) }
    }

    let body: BodyID
    /// The internal date of its first message; 0: not known.
    let arrived: Timestamp
    let holders: [Holder]

    static let magic: UInt32 = 0x4D42_4831  // MBH1
    private static let magicWithShares: UInt32 = 0x4D42_4832  // MBH2
    static let wrappedKey = Seal.overhead + MasterKey.octets
    /// Octets before the holders.
    static let head = 28
    private static let holder = 8 + wrappedKey
    private static let check = 8
    /// More than any message has recipients.
    static let most = 200_000

    /// More than any block has: shares of 500 octets for 100,000 holders.
    static let mostOctets = 64 << 20

    /// Of a block of holders without shares.
    static func octets(holders: Int) -> Int { head + holders * holder + check }
    var octets: Int {
        hasShares ? HolderBlock.head + holders.reduce(0) { $0 + 12 + $1.wrappedKey.count } + HolderBlock.check : HolderBlock.octets(holders: holders.count)
    }

    private var hasShares: Bool { holders.contains { $0.wrappedKey.count != HolderBlock.wrappedKey } }

    func write(to out: inout ByteBuffer) {
        let start = out.writerIndex
        let hasShares = hasShares
        out.writeInteger(hasShares ? HolderBlock.magicWithShares : HolderBlock.magic)
        out.writeInteger(UInt32(clamping: octets))
        out.writeInteger(body.rawValue)
        out.writeInteger(arrived.rawValue)
        out.writeInteger(UInt32(clamping: holders.count))
        for holder in holders {
            out.writeInteger(holder.account.rawValue)
            if hasShares { out.writeInteger(UInt32(clamping: holder.wrappedKey.count)) }
            out.writeBytes(holder.wrappedKey)
        }
        let sum = out.withUnsafeReadableBytes { octets in
            let block = octets[(start - out.readerIndex)...]
            return hasShares ? HolderBlock.wordSum(block) : HolderBlock.sum(block)
        }
        out.writeInteger(sum)
    }

    /// How long the block is that begins with those octets; nil when none does.
    static func length(_ bytes: ByteBuffer) -> Int? {
        guard let kind = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self), kind == magic || kind == magicWithShares,
            let length = bytes.getInteger(at: bytes.readerIndex + 4, as: UInt32.self).map({ Int($0) }),
            let count = bytes.getInteger(at: bytes.readerIndex + 24, as: UInt32.self), count <= most
        else { return nil }
        let least = octets(holders: Int(count))
        return kind == magic ? length == least ? length : nil : (least...mostOctets).contains(length) ? length : nil
    }

    /// Nil when no whole block begins there.
    init?(_ bytes: ByteBuffer) {
        guard let length = HolderBlock.length(bytes), var block = bytes.getSlice(at: bytes.readerIndex, length: length) else { return nil }
        let hasShares = block.getInteger(at: block.readerIndex, as: UInt32.self) == HolderBlock.magicWithShares
        let sum = block.withUnsafeReadableBytes { octets in
            let block = octets[..<(length - HolderBlock.check)]
            return hasShares ? HolderBlock.wordSum(block) : HolderBlock.sum(block)
        }
        guard block.getInteger(at: block.readerIndex + length - HolderBlock.check, as: UInt64.self) == sum else { return nil }
        block.moveReaderIndex(forwardBy: 8)
        guard let body = block.readInteger(as: Int64.self), let arrived = block.readInteger(as: Int64.self),
            let count = block.readInteger(as: UInt32.self)
        else { return nil }
        var holders: [Holder] = []
        for _ in 0..<count {
            guard let account = block.readInteger(as: Int64.self) else { return nil }
            var length = HolderBlock.wrappedKey
            if hasShares {
                guard let own = block.readInteger(as: UInt32.self), own >= HolderBlock.wrappedKey, own <= block.readableBytes else { return nil }
                length = Int(own)
            }
            guard let key = block.readBytes(length: length) else { return nil }
            holders.append(Holder(account: AccountID(rawValue: account), wrappedKey: key))
        }
        guard block.readableBytes == HolderBlock.check else { return nil }
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

    /// The same for longer blocks, eight octets at a time.
    private static func wordSum(_ octets: Slice<UnsafeRawBufferPointer>) -> UInt64 {
        let octets = UnsafeRawBufferPointer(rebasing: octets)
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        var index = 0
        while index + 8 <= octets.count {
            hash = (hash ^ UInt64(bigEndian: octets.loadUnaligned(fromByteOffset: index, as: UInt64.self))) &* 0x100_0000_01B3
            hash ^= hash >> 29
            index += 8
        }
        while index < octets.count {
            hash = (hash ^ UInt64(octets[index])) &* 0x100_0000_01B3
            index += 1
        }
        return hash
    }
}

extension HolderBlock.Holder {
    /// The key of `body` with the holder's share, wrapped for it.
    init(
        _ key: SymmetricKey, _ share: HolderShare = .nothing, of body: BodyID, for holder: BodyHolder, under holderKey: SymmetricKey,
        keyID: UInt32 = Seal.currentKeyID, nonce: some DataProtocol
    ) throws {
        self.init(
            account: AccountID(rawValue: holder.number),
            wrappedKey: try HeldKey(key: key, share: share).seal(body, for: holder, under: holderKey, keyID: keyID, nonce: nonce))
    }

    /// `corrupt` when it was not wrapped for that body under that holder's key.
    func open(_ body: BodyID, under holderKey: SymmetricKey) throws -> HeldKey {
        try HeldKey.open(wrappedKey, body, for: holder, under: holderKey)
    }
}
