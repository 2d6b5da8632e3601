import Crypto
import FoundationEssentials
import Glibc
import MailModel
import MessageFormat
import NIOCore
import Storage
import Synchronization
import Threading

/// Reads bodies and outlines on a reader's thread, with that thread's own connection.
///
/// `@unchecked Sendable`: a reader is lent to one job at a time by `Readers`.
final class BodyReader: @unchecked Sendable {
    let connection: Connection
    let folder: BodyFolder
    let catalog: Catalog
    /// What is read from the disk lies here until it is opened; used again, for new pages cost more than the reading.
    private var scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var files: [Int64: Int32] = [:]
    fileprivate var generation = 0
    private static let mostOpenFiles = 32
    private static let mostScratch = 2 << 20

    init(_ file: IndexFile, folder: BodyFolder, catalog: Catalog) throws {
        connection = try file.connect(.reader)
        self.folder = folder
        self.catalog = catalog
    }

    deinit {
        for fd in files.values { close(fd) }
        scratch.deallocate()
    }

    /// Of the message, head and text.
    func read(_ range: Range<Int>?, of body: BodyID, for account: AccountID) throws -> ByteBuffer {
        try read(range, of: body, by: .account(account)) { $0.head }
    }

    /// Of the body alone, whoever holds it.
    func readText(_ range: Range<Int>?, of body: BodyID, by holder: BodyHolder) throws -> ByteBuffer {
        try read(range, of: body, by: holder) { _ in [] }
    }

    /// `head`: what stands before the body, by the holder's share.
    func read(_ range: Range<Int>?, of body: BodyID, by holder: BodyHolder, head: (HolderShare) throws -> [UInt8]) throws -> ByteBuffer {
        if case .account(let account) = holder, catalog.account(account) == nil { throw StorageFault.noSuchAccount }
        do {
            return try readOnce(range, of: body, by: holder, head)
        } catch StorageFault.unavailable {
            // Compaction may have moved it between the look-up and the read.
            forgetFiles()
            return try readOnce(range, of: body, by: holder, head)
        }
    }

    private func readOnce(
        _ range: Range<Int>?, of body: BodyID, by holder: BodyHolder, _ head: (HolderShare) throws -> [UInt8]
    ) throws -> ByteBuffer {
        let statement = try connection.prepare(
            "SELECT holder.sealed_key, body.segment, body.position, body.size FROM holder JOIN body ON body.id=holder.body WHERE holder.body=? AND holder.account=?"
        )
        try statement.bind([.int(body.rawValue), .int(holder.number)])
        guard try statement.step() else { throw StorageFault.noSuchMessage }
        let (wrapped, segment, position, size) = (statement.blob(0), statement.int(1), statement.int(2), Int(statement.int(3)))
        statement.reset()
        try BodyPlace.check(body.rawValue, segment: segment, position: position, size: Int64(size))
        let held = try wrapped.withUnsafeBytes { try HeldKey.open($0, body, for: holder, under: catalog.key(of: holder, for: $0)) }
        let head = try head(held.share)
        let whole = 0..<head.count + size
        let wanted = (range ?? whole).clamped(to: whole)
        let before = head[wanted.clamped(to: 0..<head.count)]
        let text = max(0, wanted.lowerBound - head.count)..<max(0, wanted.upperBound - head.count)
        // Of an empty body that is read to its end the only chunk is opened, for it may be damaged.
        guard !text.isEmpty || size == 0 && wanted.upperBound == whole.upperBound else { return ByteBuffer(bytes: before) }
        return try open(text, of: body, key: held.key, size: size, segment: segment, position: position, behind: before)
    }

    /// Octets of a body whose key is at hand. `before`, which they come behind, is empty unless they are its first.
    func open(
        _ wanted: Range<Int>, of body: BodyID, key: SymmetricKey, size: Int, segment: Int64, position: Int64, behind before: ArraySlice<UInt8> = []
    ) throws -> ByteBuffer {
        let path = segment == 0 ? folder.file(body) : folder.segment(segment)
        let fd = try segment == 0 ? Disk.open(path, O_RDONLY) : file(segment, path)
        defer { if segment == 0 { close(fd) } }
        let last = BodySeal.chunks(of: size) - 1
        let first = wanted.lowerBound / BodySeal.chunk
        let end = wanted.isEmpty ? 0 : (wanted.upperBound - 1) / BodySeal.chunk
        let stride = BodySeal.chunk + BodySeal.tag
        let from = first * stride
        let to = end == last ? BodySeal.sealedSize(of: size) : (end + 1) * stride
        var out = ByteBufferAllocator().buffer(capacity: before.count + to - from)
        if !before.isEmpty { out.writeBytes(before) }
        try withScratch(to - from) { octets in
            try Disk.read(into: octets, from: fd, at: position + Int64(RecordHeader.octets + from), path: path)
            try BodySeal(key: key, body: body).open(UnsafeRawBufferPointer(octets), chunks: first...end, of: size, into: &out)
        }
        out.moveReaderIndex(forwardBy: wanted.lowerBound - first * BodySeal.chunk)
        return out.readSlice(length: before.count + wanted.count) ?? ByteBuffer()
    }

    /// Lends `count` octets of memory. What is larger than usual is not kept.
    func withScratch(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
        if scratch.count < count {
            scratch.deallocate()
            scratch = .allocate(byteCount: count, alignment: 16)
        }
        defer {
            if scratch.count > BodyReader.mostScratch {
                scratch.deallocate()
                scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            }
        }
        try body(UnsafeMutableRawBufferPointer(rebasing: scratch[..<count]))
    }

    /// A record as it lies there, sealed.
    func raw(_ segment: Int64, _ position: Int64, _ length: Int) throws -> ByteBuffer {
        let path = folder.segment(segment)
        return try Disk.read(length, from: try file(segment, path), at: position, path: path)
    }

    /// Closes the segments it keeps open, so that removed ones give back their space.
    func forgetFiles() {
        for fd in files.values { close(fd) }
        files.removeAll()
    }

    func file(_ segment: Int64, _ path: String) throws -> Int32 {
        if let fd = files[segment] { return fd }
        if files.count >= BodyReader.mostOpenFiles, let (old, fd) = files.first {
            close(fd)
            files[old] = nil
        }
        let fd = try Disk.open(path, O_RDONLY)
        files[segment] = fd
        return fd
    }
}

/// A few readers, each with a thread's worth of work at a time.
final class Readers: Sendable {
    private let pool: BlockingPool
    private let free: Mutex<[BodyReader]>
    private let generation = Atomic<Int>(0)

    init(count: Int, make: () throws -> BodyReader) throws {
        free = Mutex(try (0..<count).map { _ in try make() })
        pool = BlockingPool(name: "martlet-read", threads: count, refusal: StorageFault.closed)
    }

    func run<Value: Sendable>(_ body: @escaping @Sendable (BodyReader) throws -> Value) async throws -> Value {
        try await pool.run { [self] in
            // As many readers as threads: one is always free.
            guard let reader = free.withLock({ $0.popLast() }) else { throw StorageFault.unavailable("no reader is free") }
            let generation = generation.load(ordering: .relaxed)
            if reader.generation != generation {
                reader.forgetFiles()
                reader.generation = generation
            }
            defer { free.withLock { $0.append(reader) } }
            return try body(reader)
        }
    }

    /// Has every reader close its files before its next job.
    func forgetFiles() { generation.add(1, ordering: .relaxed) }

    func close() {
        pool.close()
        free.withLock { $0.removeAll() }
    }
}
