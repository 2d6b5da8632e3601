import Glibc
import Logging
import MailModel
import Storage

/// Compares the files of bodies with what the index says of them, at start, and says aloud what it finds.
///
/// Behind the last indexed octet of a segment lie zeros, or a record that was being written when the machine stopped, or whole records: deliveries that were not
/// yet answered, or mail whose place in the index is lost. Nobody can tell these two apart here, so whole records are kept. What the index does not know is set
/// aside and never removed, but for files in which nothing was ever finished.
struct BodyAudit {
    /// The highest id that a segment ever had.
    private(set) var lastSegment: Int64 = 0
    /// The highest id of a body whose record was found where the index does not look.
    private(set) var lastBody: Int64 = 0
    /// Segments with records that the index does not know, which must not be removed.
    private(set) var segmentsKept: Set<Int64> = []
    /// Records that were found and are not in the index.
    private(set) var unknownRecords = 0
    /// One line each.
    private(set) var faults: [String] = []

    private let folder: BodyFolder
    private let aside: AsideFolder
    private let log: Logger

    init(_ connection: Connection, _ folder: BodyFolder, _ aside: AsideFolder, _ log: Logger) throws {
        self.folder = folder
        self.aside = aside
        self.log = log
        lastBody = try RecordFile.highestBody(setAsideIn: folder)
        try segments(connection)
        try largeFiles(connection)
    }

    private mutating func note(_ fault: String) {
        log.error("\(fault)")
        faults.append(fault)
    }

    private mutating func segments(_ connection: Connection) throws {
        var indexed: [Int64: Int64] = [:]
        var unread: [ClosedRange<Int64>] = []
        try connection.scan("indexed", of: "segment", by: "id") {
            indexed[$0.int(0)] = $0.int(1)
        } missed: { ids, error in
            unread.append(ids)
            note("Of some segments the index does not say how far they go: \(error)")
        }
        let present = folder.segmentIDs().filter { IndexRange.id.contains($0) }
        indexed = indexed.filter { IndexRange.id.contains($0.key) }
        lastSegment = max(present.max() ?? 0, indexed.keys.max() ?? 0)
        for id in present.sorted() {
            if let end = indexed[id] {
                try tail(of: id, from: end)
            } else if unread.contains(where: { $0.contains(id) }) {
                // Whatever lies there, it stays.
                segmentsKept.insert(id)
            } else {
                try unknown(id)
            }
        }
        for id in indexed.keys.sorted() where !present.contains(id) { note("Bodies are missing: \(folder.segment(id)) is not there") }
    }

    private mutating func tail(of id: Int64, from end: Int64) throws {
        let path = folder.segment(id)
        let fd = try Disk.open(path, O_RDWR)
        defer { close(fd) }
        let size = Disk.size(of: fd)
        guard end >= 0, size >= end else { return note("Bodies are missing: \(path) has \(size) octets of \(end)") }
        guard size > end else { return }
        let found = try Found(fd, path, from: end)
        if found.isAnything {
            keep(found, "segment \(id)")
            segmentsKept.insert(id)
            return
        }
        if found.strange > 0 { log.warning("Segment \(id): cut \(found.strange) octets of a body that was being written") }
        if ftruncate(fd, off_t(end)) != 0 { throw Disk.fault("ftruncate", path) }
    }

    /// What lies in a file from some octet on.
    private struct Found {
        var bodies = 0
        var lastBody: Int64 = 0
        /// Holders of bodies, by themselves.
        var holders = 0
        /// Octets that are neither zeros nor part of something whole.
        var strange: Int64 = 0
        var isAnything: Bool { bodies > 0 || holders > 0 }

        init(_ fd: Int32, _ path: String, from start: Int64) throws {
            var scan = RecordScan(fd: fd, path: path, position: start)
            while let record = try scan.next() {
                switch record.content {
                case .body(let header, _):
                    bodies += 1
                    if IndexRange.id.contains(header.body.rawValue) { lastBody = max(lastBody, header.body.rawValue) }
                case .holders: holders += 1
                }
            }
            strange = scan.strange
        }
    }

    private mutating func keep(_ found: Found, _ what: String) {
        unknownRecords += found.bodies
        lastBody = max(lastBody, found.lastBody)
        log.warning(
            "\(found.bodies) bodies that the index does not know are kept in \(what): deliveries under way when the server stopped, or lost mail; see `martlet store recover`"
        )
    }

    private mutating func unknown(_ id: Int64) throws {
        let fd = try Disk.open(folder.segment(id), O_RDONLY)
        defer { close(fd) }
        let found = try Found(fd, folder.segment(id), from: 0)
        guard found.isAnything || found.strange > 0 else {
            // Made, and nothing was ever written to it.
            if unlink(folder.segment(id)) != 0 { throw Disk.fault("unlink", folder.segment(id)) }
            return
        }
        let name = try aside.take("\(id).mbs", from: folder.segments)
        keep(found, "aside/\(name), a segment that the index does not know")
    }

    private mutating func largeFiles(_ connection: Connection) throws {
        for body in folder.fileIDs().sorted() {
            do {
                guard try connection.number("SELECT 1 FROM body WHERE id=? AND segment=0", .int(body.rawValue)) == nil else { continue }
            } catch {
                note("Whether \(folder.file(body)) is in use cannot be read: \(error)")
                continue
            }
            lastBody = max(lastBody, body.rawValue < 1 << 62 ? body.rawValue : 0)
            let path = folder.file(body)
            if try isUnfinished(path) {
                log.notice("Removed \(path), a body that was still coming in")
                if unlink(path) != 0 { throw Disk.fault("unlink", path) }
                continue
            }
            let name = try aside.take("\(body.rawValue).mbl", from: folder.large)
            unknownRecords += 1
            log.warning(
                "A body that the index does not know is kept as aside/\(name): a delivery under way when the server stopped, or lost mail; see `martlet store recover`"
            )
        }
    }

    /// Its header, which is written last, is not there yet: nobody has its key.
    private func isUnfinished(_ path: String) throws -> Bool {
        let fd = try Disk.open(path, O_RDONLY)
        defer { close(fd) }
        let count = min(Int64(RecordHeader.octets), Disk.size(of: fd))
        return try Disk.read(Int(count), from: fd, at: 0, path: path).readableBytesView.allSatisfy { $0 == 0 }
    }
}
