import Glibc
import NIOCore
import Storage
import Synchronization

/// Appends records to the newest segment, a batch at a time, and makes each batch durable. One thread at a time uses it.
///
/// Ahead of the records lie zeros, written and synced along with them, a mebibyte at a time: a sync of octets that replace others has no size and no blocks
/// to note in the file system's journal, which is half its price. They are cut off when the segment is full or the store is closed, or at the next start.
/// A segment whose sync or write failed is never written again: what the system kept of it is not known. The next batch begins a new one.
final class SegmentWriter {
    private let folder: BodyFolder
    private struct Segment {
        let id: Int64
        let fd: Int32
        var end: Int64 = 0
        /// Up to where zeros lie behind `end`.
        var zeroed: Int64 = 0
    }

    private var current: Segment?
    private var nextID: Int64
    /// The id of the segment that is open, or 0; read by any thread.
    let currentID = Atomic<Int64>(0)

    /// A segment takes no new batch past it; 64 MiB keeps compaction steps short.
    static let fullAt: Int64 = 64 << 20
    private static let ahead = 1 << 20
    private static let zeros = [UInt8](repeating: 0, count: ahead)

    /// `lastID`: the highest id that any segment ever had.
    init(folder: BodyFolder, lastID: Int64) {
        self.folder = folder
        nextID = lastID + 1
    }

    deinit { close() }

    /// Ends the segment that is open, without its zeros. A later `write` would begin another.
    func close() {
        if let current, current.zeroed > current.end { _ = ftruncate(current.fd, off_t(current.end)) }
        abandon()
    }

    /// Where each record comes to lie. They are there for good once `sync` has returned. After an error of either nothing of them counts.
    func write(_ records: [BodyRecord]) throws -> [BodyPlace] {
        guard !records.isEmpty else { return [] }
        do {
            let segment = try open()
            let path = folder.segment(segment.id)
            var places: [BodyPlace] = []
            places.reserveCapacity(records.count)
            var batch = ByteBufferAllocator().buffer(capacity: min(records.reduce(0) { $0 + $1.octets }, 1 << 20))
            var position = segment.end
            var flushed = segment.end
            for record in records {
                places.append(BodyPlace(segment: segment.id, position: position, length: Int64(record.octets)))
                for piece in [record.header, record.chunks, record.holders] { batch.writeImmutableBuffer(piece) }
                position += Int64(record.octets)
                if batch.readableBytes >= 1 << 20 {
                    try batch.withUnsafeReadableBytes { try Disk.writeAll($0, to: segment.fd, at: flushed, path: path) }
                    flushed = position
                    batch.clear()
                }
            }
            try batch.withUnsafeReadableBytes { try Disk.writeAll($0, to: segment.fd, at: flushed, path: path) }
            current?.end = position
            if position > segment.zeroed { writeZeros(segment.fd, at: position, path) }
            return places
        } catch {
            abandon()
            throw error
        }
    }

    /// Makes durable what was written since; the segment's name is already.
    func sync() throws {
        guard let current else { return }
        do {
            try Disk.syncData(current.fd, path: folder.segment(current.id))
        } catch {
            abandon()
            throw error
        }
    }

    /// That there are none, as on a full disk, harms nobody.
    private func writeZeros(_ fd: Int32, at position: Int64, _ path: String) {
        guard position < SegmentWriter.fullAt else { return }
        current?.zeroed = position + Int64(SegmentWriter.ahead)
        do {
            try SegmentWriter.zeros.withUnsafeBytes { try Disk.writeAll($0, to: fd, at: position, path: path) }
        } catch {
            _ = ftruncate(fd, off_t(position))
        }
    }

    private func open() throws -> Segment {
        if let current, current.end < SegmentWriter.fullAt { return current }
        close()
        let id = nextID
        nextID += 1
        let fd = try Disk.open(folder.segment(id), O_RDWR | O_CREAT | O_EXCL)
        let new = Segment(id: id, fd: fd)
        current = new
        currentID.store(id, ordering: .relaxed)
        try Disk.syncFolder(folder.segments)
        return new
    }

    private func abandon() {
        if let current { Glibc.close(current.fd) }
        current = nil
        currentID.store(0, ordering: .relaxed)
    }
}
