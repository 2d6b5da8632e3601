import CLinux
import Crypto
import FoundationEssentials
import Storage

/// The 32 octets under which every account's key is wrapped. Nothing prints it, and its page in memory is not swapped where the system lets us (docs/security/memory.md).
package struct MasterKey: Sendable, CustomStringConvertible {
    let key: SymmetricKey

    package static let octets = 32

    /// Nil unless there are 32 octets.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == MasterKey.octets else { return nil }
        key = bytes.withContiguousStorageIfAvailable { SymmetricKey(data: UnsafeRawBufferPointer($0)) } ?? SymmetricKey(data: Array(bytes))
        // It stays where it is until the last copy of `key` is gone, which overwrites it.
        key.withUnsafeBytes { octets in octets.baseAddress.map { _ = clinux_lock($0, octets.count) } }
    }

    /// 32 octets for that purpose, the same after every start (HKDF-SHA256, RFC 5869).
    package func secret(for purpose: String) -> [UInt8] {
        HKDF<SHA256>.deriveKey(inputKeyMaterial: key, info: Array(purpose.utf8), outputByteCount: 32).withUnsafeBytes { Array($0) }
    }

    package var description: String { "MasterKey" }
}

/// What a ciphertext is the ciphertext of. It is authenticated with it, so that two records that are swapped are both refused; it names no
/// file and no offset, so that a record can be moved without its key.
struct Label {
    enum Kind: UInt8 {
        case check = 1
        case accountKey = 2
        case bodyKey = 3
        case bodyChunk = 4
        case outline = 5
        case mailboxName = 6
        case subscription = 7
        case annotation = 8
        case accountName = 9
        case catalogueAccounts = 10
        case catalogueAccount = 11
        case catalogueMailbox = 12
        /// Never read by another run of the program.
        case parked = 13
        case change = 14
        case catalogueQueue = 15
        case accessList = 16
        case queueKey = 17
        case queueAttempt = 18
        case trace = 19
        case searchHead = 20
        case searchWords = 21
        case searchPostings = 22
        case pair = 23
        case cataloguePairs = 24
    }

    let kind: Kind
    let id: Int64
    var account: Int64 = 0
    var chunk: UInt64 = 0

    private static let octets = 29

    func bytes(keyID: UInt32) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Label.octets) { room, count in
            let room = UnsafeMutableRawBufferPointer(room)
            room[0] = kind.rawValue
            room.storeBytes(of: id.bigEndian, toByteOffset: 1, as: Int64.self)
            room.storeBytes(of: account.bigEndian, toByteOffset: 9, as: Int64.self)
            room.storeBytes(of: chunk.bigEndian, toByteOffset: 17, as: UInt64.self)
            room.storeBytes(of: keyID.bigEndian, toByteOffset: 25, as: UInt32.self)
            count = Label.octets
        }
    }
}

/// AES-256-GCM with a random nonce: key id (4 octets), nonce (12), ciphertext, tag (16).
enum Seal {
    /// The generation of key that seals today. A key that is replaced gets a higher one.
    static let currentKeyID: UInt32 = 1
    static let overhead = 4 + 12 + 16

    /// `nonce`: 12 octets that were drawn for this and nothing else. `keyID`: what the seal is to say of which key it was.
    static func seal(
        _ plain: some DataProtocol, under key: SymmetricKey, as label: Label, keyID: UInt32 = currentKeyID,
        nonce: some DataProtocol = RandomOctets.draw(RandomOctets.nonce)
    ) throws -> [UInt8] {
        let key = try SealingKey(key)
        return try withOctets(of: plain) { plain in
            try [UInt8](unsafeUninitializedCapacity: overhead + plain.count) { room, count in
                let room = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(room)[..<(overhead + plain.count)])
                room.storeBytes(of: keyID.bigEndian, as: UInt32.self)
                try withOctets(of: nonce) { nonce in
                    guard nonce.count == RandomOctets.nonce else { throw StorageFault.unavailable("a nonce of another size") }
                    UnsafeMutableRawBufferPointer(rebasing: room[4..<text]).copyMemory(from: nonce)
                }
                try label.bytes(keyID: keyID).withUnsafeBytes { label in
                    try key.seal(
                        plain, nonce: UnsafeRawBufferPointer(rebasing: room[4..<text]), authenticating: label,
                        into: UnsafeMutableRawBufferPointer(rebasing: room[text..<(room.count - SealingKey.tag)]),
                        tag: UnsafeMutableRawBufferPointer(rebasing: room[(room.count - SealingKey.tag)...]))
                }
                count = room.count
            }
        }
    }

    /// Where the ciphertext begins.
    private static let text = 4 + RandomOctets.nonce

    /// In one piece, which most are already.
    private static func withOctets<Value>(of octets: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        if let value = try octets.withContiguousStorageIfAvailable({ try body(UnsafeRawBufferPointer($0)) }) { return value }
        return try Array(octets).withUnsafeBytes(body)
    }

    /// Of which key a seal says that it was; nil where it is too short to say anything.
    static func keyID(of sealed: UnsafeRawBufferPointer) -> UInt32? {
        sealed.count >= 4 ? UInt32(bigEndian: sealed.loadUnaligned(as: UInt32.self)) : nil
    }

    static func keyID(of sealed: [UInt8]) -> UInt32? { sealed.withUnsafeBytes { keyID(of: $0) } }

    /// `corrupt` when it is not what was sealed under that key and label.
    static func open(_ sealed: [UInt8], under key: SymmetricKey, as label: Label) throws -> Data {
        try sealed.withUnsafeBytes { try open($0, under: key, as: label) }
    }

    static func open(_ sealed: UnsafeRawBufferPointer, under key: SymmetricKey, as label: Label) throws -> Data {
        guard sealed.count >= overhead else { throw StorageFault.corrupt("\(label.kind) \(label.id): too short") }
        let keyID = UInt32(bigEndian: sealed.loadUnaligned(as: UInt32.self))
        let key = try SealingKey(key)
        var plain = Data(count: sealed.count - overhead)
        let isWhole = plain.withUnsafeMutableBytes { plain in
            label.bytes(keyID: keyID).withUnsafeBytes { label in
                key.open(
                    UnsafeRawBufferPointer(rebasing: sealed[text..<(sealed.count - SealingKey.tag)]),
                    tag: UnsafeRawBufferPointer(rebasing: sealed[(sealed.count - SealingKey.tag)...]),
                    nonce: UnsafeRawBufferPointer(rebasing: sealed[4..<text]), authenticating: label, into: plain)
            }
        }
        guard isWhole else { throw StorageFault.corrupt("\(label.kind) \(label.id): not what was stored, or stored under another key") }
        return plain
    }

    /// The same of a key, of which nothing else is left in memory.
    static func openKey(_ sealed: [UInt8], under key: SymmetricKey, as label: Label) throws -> SymmetricKey {
        var plain = try open(sealed, under: key, as: label)
        defer { plain.wipe(plain.count) }
        return SymmetricKey(data: plain)
    }

    /// Seals a key, of which no copy is made in between.
    static func seal(key: SymmetricKey, under other: SymmetricKey, as label: Label) throws -> [UInt8] {
        try key.withUnsafeBytes { try seal($0.bindMemory(to: UInt8.self), under: other, as: label) }
    }
}

extension Data {
    /// Overwrites the first `count` octets. Nobody else may hold the value, or they keep theirs.
    mutating func wipe(_ count: Int) {
        withUnsafeMutableBytes { octets in octets.baseAddress.map { clinux_wipe($0, octets.prefix(count).count) } }
    }
}
