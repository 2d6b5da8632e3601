import Crypto
import FoundationEssentials
import Glibc
import MailModel
import NIOCore
import Storage

/// A part of a catalogue that is sealed by itself.
struct CatalogueSection: Hashable, Sendable {
    enum Kind: UInt8, Sendable {
        case summary = 1
        case account = 2
        case belongings = 3
        case messages = 4
        case queue = 5
        case pairs = 6
    }

    let kind: Kind
    /// Of the account or the mailbox, or the number of the keyspace; 0 for the summary and the queue.
    let id: Int64
    /// Whose it is; 0 for what is nobody's.
    let account: Int64
    /// As of when. A section with the same is the same.
    let modSeq: UInt64
    var position: Int64 = 0
    var length: Int64 = 0

    var label: Label {
        let kind: Label.Kind =
            switch kind {
            case .summary, .account: .catalogueAccounts
            case .belongings: .catalogueAccount
            case .messages: .catalogueMailbox
            case .queue: .catalogueQueue
            case .pairs: .cataloguePairs
            }
        return Label(kind: kind, id: id, account: account, chunk: modSeq)
    }

    func isSame(as other: CatalogueSection) -> Bool { kind == other.kind && id == other.id && account == other.account && modSeq == other.modSeq }

    struct Name: Hashable {
        let kind: Kind
        let id: Int64
    }

    var name: Name { Name(kind: kind, id: id) }
}

/// A file of the sealed catalogue: a head, sections, their table twice, the head once more. A flipped octet costs one section, or nothing.
enum CatalogueLayout {
    struct Head: Hashable, Sendable {
        var sequence: UInt64
        var written: Timestamp
        var tableAt: Int64
        /// Of one of the two.
        var tableLength: Int64

        static let octets = 44
        private static let magic: UInt32 = 0x4D43_5431  // MCT1

        var size: Int64 { tableAt + 2 * tableLength + Int64(Head.octets) }

        func write(to out: inout ByteBuffer) {
            var body = ByteBuffer()
            body.writeInteger(Head.magic)
            body.writeInteger(sequence)
            body.writeInteger(written.rawValue)
            body.writeInteger(tableAt)
            body.writeInteger(tableLength)
            out.writeImmutableBuffer(body)
            out.writeInteger(CatalogueLayout.sum(body))
        }

        init(sequence: UInt64, written: Timestamp, tableAt: Int64, tableLength: Int64) {
            (self.sequence, self.written, self.tableAt, self.tableLength) = (sequence, written, tableAt, tableLength)
        }

        init?(_ bytes: ByteBuffer) {
            guard bytes.readableBytes == Head.octets, let body = bytes.getSlice(at: bytes.readerIndex, length: Head.octets - 8) else { return nil }
            var bytes = bytes
            guard bytes.readInteger(as: UInt32.self) == Head.magic, let sequence = bytes.readInteger(as: UInt64.self),
                let written = bytes.readInteger(as: Int64.self), let at = bytes.readInteger(as: Int64.self),
                let length = bytes.readInteger(as: Int64.self), bytes.readInteger(as: UInt64.self) == CatalogueLayout.sum(body),
                (0...(1 << 42)).contains(at), (0...(1 << 40)).contains(length)
            else { return nil }
            self.init(sequence: sequence, written: Timestamp(rawValue: written), tableAt: at, tableLength: length)
        }
    }

    static func table(_ sections: [CatalogueSection]) -> ByteBuffer {
        var out = ByteBuffer()
        for section in sections {
            out.writeInteger(section.kind.rawValue)
            out.writeInteger(section.id)
            out.writeInteger(section.account)
            out.writeInteger(section.modSeq)
            out.writeInteger(section.position)
            out.writeInteger(section.length)
        }
        out.writeInteger(sum(out))
        return out
    }

    /// Nil when it is not what `table` gives.
    static func sections(_ table: ByteBuffer, before end: Int64) -> [CatalogueSection]? {
        var bytes = table
        guard bytes.readableBytes >= 8, let body = bytes.getSlice(at: bytes.readerIndex, length: bytes.readableBytes - 8),
            bytes.getInteger(at: bytes.writerIndex - 8, as: UInt64.self) == sum(body)
        else { return nil }
        var sections: [CatalogueSection] = []
        while bytes.readableBytes > 8 {
            guard let kind = bytes.readInteger(as: UInt8.self).flatMap(CatalogueSection.Kind.init), let id = bytes.readInteger(as: Int64.self),
                let account = bytes.readInteger(as: Int64.self), let modSeq = bytes.readInteger(as: UInt64.self),
                let position = bytes.readInteger(as: Int64.self), let length = bytes.readInteger(as: Int64.self),
                position >= Int64(Head.octets), length >= 0, length <= end, position <= end - length
            else { return nil }
            sections.append(CatalogueSection(kind: kind, id: id, account: account, modSeq: modSeq, position: position, length: length))
        }
        return sections
    }

    /// FNV-1a: it finds torn writes and flipped bits; what is sealed says by itself that it is whole.
    fileprivate static func sum(_ bytes: ByteBuffer) -> UInt64 {
        bytes.withUnsafeReadableBytes { octets in
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for octet in octets { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01B3 }
            return hash
        }
    }
}

/// A whole file of the catalogue, open to be read by one thread at a time.
final class CatalogueFile {
    let path: String
    let head: CatalogueLayout.Head
    let sections: [CatalogueSection]
    private let byName: [CatalogueSection.Name: CatalogueSection]
    private let fd: Int32

    /// Nil when there is none, or it is torn.
    init?(_ path: String) throws {
        guard access(path, F_OK) == 0 else { return nil }
        let fd = try Disk.open(path, O_RDONLY)
        let size = Disk.size(of: fd)
        let octets = CatalogueLayout.Head.octets
        var found: (CatalogueLayout.Head, [CatalogueSection])?
        for position in [0, size - Int64(octets)] where found == nil && size >= 2 * Int64(octets) {
            guard let head = CatalogueLayout.Head(try Disk.read(octets, from: fd, at: position, path: path)), head.size == size else { continue }
            for at in [head.tableAt, head.tableAt + head.tableLength] where found == nil {
                let table = try Disk.read(Int(head.tableLength), from: fd, at: at, path: path)
                if let sections = CatalogueLayout.sections(table, before: head.tableAt) { found = (head, sections) }
            }
        }
        guard let found else {
            close(fd)
            return nil
        }
        self.path = path
        self.fd = fd
        (head, sections) = found
        byName = Dictionary(found.1.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    deinit { close(fd) }

    subscript(kind: CatalogueSection.Kind, id: Int64) -> CatalogueSection? { byName[CatalogueSection.Name(kind: kind, id: id)] }

    /// As it lies there, sealed.
    func octets(of section: CatalogueSection) throws -> ByteBuffer {
        try Disk.read(Int(section.length), from: fd, at: section.position, path: path)
    }

    /// `corrupt` when it is not what was sealed.
    func open(_ section: CatalogueSection, under key: SymmetricKey) throws -> ByteBuffer {
        let sealed = try octets(of: section)
        return ByteBuffer(bytes: try sealed.withUnsafeReadableBytes { try Seal.open($0, under: key, as: section.label) })
    }
}

/// Writes a file of the catalogue from front to back.
final class CatalogueDraft {
    private let path: String
    private let fd: Int32
    private var position = Int64(CatalogueLayout.Head.octets)
    private var sections: [CatalogueSection] = []
    private var pending = ByteBuffer()

    init(_ path: String) throws {
        self.path = path
        fd = try Disk.open(path, O_WRONLY | O_CREAT | O_TRUNC)
    }

    deinit { close(fd) }

    func add(_ section: CatalogueSection, sealed: ByteBuffer) throws {
        var section = section
        (section.position, section.length) = (position + Int64(pending.readableBytes), Int64(sealed.readableBytes))
        pending.writeImmutableBuffer(sealed)
        sections.append(section)
        if pending.readableBytes > 1 << 20 { try flush() }
    }

    func add(_ section: CatalogueSection, _ plain: ByteBuffer, under key: SymmetricKey) throws {
        let sealed = try Seal.seal(Array(buffer: plain), under: key, as: section.label)
        try add(section, sealed: ByteBuffer(bytes: sealed))
    }

    private func flush() throws {
        try pending.withUnsafeReadableBytes { try Disk.writeAll($0, to: fd, at: position, path: path) }
        position += Int64(pending.readableBytes)
        pending.clear()
    }

    /// Ends the file; on return its octets are durable.
    func finish(sequence: UInt64, written: Timestamp) throws {
        try flush()
        let table = CatalogueLayout.table(sections)
        var head = ByteBuffer()
        CatalogueLayout.Head(sequence: sequence, written: written, tableAt: position, tableLength: Int64(table.readableBytes)).write(to: &head)
        for part in [table, table, head] { pending.writeImmutableBuffer(part) }
        try flush()
        try head.withUnsafeReadableBytes { try Disk.writeAll($0, to: fd, at: 0, path: path) }
        guard fsync(fd) == 0 else { throw Disk.fault("fsync", path) }
    }
}
