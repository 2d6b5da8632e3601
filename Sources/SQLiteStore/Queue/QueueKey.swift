import Crypto
import FoundationEssentials
import MailModel
import NIOCore
import Storage

/// A key that the queue's shares are sealed under, those of one day together. It is random, and lies sealed under the master key in the index and in a file. When
/// its day is over and the last entry that it seals has left the queue it is destroyed in both: what the queue held then cannot be opened by anybody.
///
/// Seals name it by its id. 1 (`Seal.currentKeyID`) is none of these but the key that the master key gives, under which schema 6 sealed.
struct QueueKey: Sendable {
    let id: UInt32
    let made: Timestamp
    let key: SymmetricKey
    /// Under the master key.
    let sealed: [UInt8]

    /// Seconds for which new entries get it.
    static let age: Int64 = 86_400

    /// A new one.
    init(_ id: UInt32, made: Timestamp, under master: MasterKey) throws {
        (self.id, self.made, key) = (id, made, SymmetricKey(size: .bits256))
        sealed = try Seal.seal(key: key, under: master.key, as: QueueKey.label(id, made))
    }

    /// `corrupt` when it is not what was sealed under the master key.
    init(_ id: UInt32, made: Timestamp, sealed: [UInt8], under master: MasterKey) throws {
        (self.id, self.made, self.sealed) = (id, made, sealed)
        key = try Seal.openKey(sealed, under: master.key, as: QueueKey.label(id, made))
    }

    private static func label(_ id: UInt32, _ made: Timestamp) -> Label {
        Label(kind: .queueKey, id: Int64(id), chunk: UInt64(bitPattern: made.rawValue))
    }

    /// Whether new entries get it. One from the future, as of a clock that was ahead once, is not waited for.
    func isCurrent(at now: Timestamp) -> Bool { (0..<QueueKey.age).contains(now.rawValue &- made.rawValue) }
}

// A key's file: `keys/queue-ID.key`, beside those of accounts.
extension QueueKey {
    private static let magic: UInt32 = 0x4D51_4B31  // MQK1

    fileprivate var octets: ByteBuffer {
        var out = ByteBuffer()
        out.writeInteger(QueueKey.magic)
        out.writeInteger(id)
        out.writeInteger(made.rawValue)
        out.writeInteger(UInt16(clamping: sealed.count))
        out.writeBytes(sealed)
        return out
    }

    /// Nil for what is no such file.
    fileprivate init?(_ octets: ByteBuffer, under master: MasterKey) throws {
        var octets = octets
        guard octets.readInteger(as: UInt32.self) == QueueKey.magic, let id = octets.readInteger(as: UInt32.self),
            let made = octets.readInteger(as: Int64.self), let length = octets.readInteger(as: UInt16.self),
            let sealed = octets.readBytes(length: Int(length)), octets.readableBytes == 0
        else { return nil }
        try self.init(id, made: Timestamp(rawValue: made), sealed: sealed, under: master)
    }
}

extension KeyFolder {
    private static let queuePrefix = "queue-"

    func file(ofQueueKey id: UInt32) -> String { "\(path)/\(KeyFolder.queuePrefix)\(id).key" }

    /// Ids of the queue's keys that have a file, rising.
    func queueKeys() -> [UInt32] {
        Disk.names(in: path).compactMap { name in
            name.hasPrefix(KeyFolder.queuePrefix) && name.hasSuffix(".key") ? UInt32(name.dropFirst(KeyFolder.queuePrefix.count).dropLast(4)) : nil
        }.sorted()
    }

    /// Nil when there is none, or it is no such file; `corrupt` when it does not open.
    func queueKey(_ id: UInt32, under master: MasterKey) throws -> QueueKey? {
        guard let octets = try octets(of: file(ofQueueKey: id)), let key = try QueueKey(octets, under: master), key.id == id else { return nil }
        return key
    }

    /// In one piece or not at all; on return it is durable.
    func write(_ key: QueueKey) throws { try write(key.octets, to: file(ofQueueKey: key.id)) }

    /// Overwrites the file and removes it.
    func erase(queueKey id: UInt32) throws { try erase(file(ofQueueKey: id)) }

    /// Writes the files that are missing of the index's keys, and has the queue know those that the index has lost.
    func complete(_ queue: inout QueueTable, _ master: MasterKey) throws {
        let present = queueKeys()
        for (id, key) in queue.keys where !present.contains(id) { try write(key) }
        for id in present where queue.keys[id] == nil {
            // try?: a file that does not open is told by `store recover`, and opens nothing.
            if let key = try? queueKey(id, under: master) { queue.adopt(key) }
        }
    }
}
