import Glibc
import MailModel
import NIOCore
import Storage

/// Finds the records of a segment without the index, by their headers; what is damaged between them is passed over.
struct RecordScan {
    struct Found {
        let header: RecordHeader
        let position: Int64
        var end: Int64 { position + Int64(RecordHeader.octets) + header.length }
    }

    /// In the order in which they lie. Only those whose octets are all within the file.
    private(set) var records: [Found] = []
    /// Behind the last octet that is not zero, or where the scan began.
    private(set) var end: Int64

    private static let piece = 1 << 20
    private static let magic = Array("MBR".utf8)

    /// From `start` on, which is 0 or a record's end.
    init(_ path: String, from start: Int64) throws {
        end = start
        let fd = try Disk.open(path, O_RDONLY)
        defer { close(fd) }
        let size = Disk.size(of: fd)
        var next = start
        var position = start
        while position < size {
            // A header may lie across two pieces.
            let count = Int(min(Int64(RecordScan.piece + RecordHeader.octets), size - position))
            let octets = try Disk.read(count, from: fd, at: position, path: path)
            octets.withUnsafeReadableBytes { octets in
                if let last = octets.lastIndex(where: { $0 != 0 }) { end = max(end, position + Int64(last) + 1) }
                var offset = Int(max(0, next - position))
                while offset < min(octets.count, RecordScan.piece), let at = RecordScan.find(octets, from: offset) {
                    offset = at + 1
                    guard at + RecordHeader.octets <= octets.count,
                        let header = RecordHeader(ByteBuffer(bytes: octets[at..<at + RecordHeader.octets]))
                    else { continue }
                    let found = Found(header: header, position: position + Int64(at))
                    guard header.isPossible, found.end <= size else { continue }
                    records.append(found)
                    next = found.end
                    offset = Int(min(Int64(octets.count), found.end - position))
                }
            }
            position = max(position + Int64(RecordScan.piece), min(next, size))
        }
        end = max(end, records.last?.end ?? start)
    }

    private static func find(_ octets: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let origin = octets.baseAddress else { return nil }
        var start = start
        while start + magic.count <= octets.count, let found = memchr(origin + start, Int32(magic[0]), octets.count - start) {
            let at = UnsafeRawPointer(found) - origin
            if at + magic.count <= octets.count, memcmp(origin + at, magic, magic.count) == 0 { return at }
            start = at + 1
        }
        return nil
    }
}

extension RecordHeader {
    /// Its numbers fit each other.
    var isPossible: Bool {
        guard size >= 0, size < 1 << 40, body.rawValue > 0, body.rawValue < 1 << 62 else { return false }
        return length == Int64(BodySeal.sealedSize(of: Int(size)))
    }
}
