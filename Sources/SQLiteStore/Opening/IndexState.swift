import Glibc
import MailModel
import Storage

/// What a data folder has of an index, before anything in it is opened or changed.
enum IndexState: Equatable {
    /// None, and nothing that would need one.
    case new
    /// Pages without trailers, as schemas before 5 have them.
    case plain
    case sealed

    /// Octets of SQLite's header that are looked at, and where in it they lie (https://sqlite.org/fileformat2.html §1.3).
    private static let header = 100
    private static let pageSizeAt = 16
    private static let reservedAt = 20
    private static let magic = Array("SQLite format 3\0".utf8)
    /// Pages that are tried with the key where the first does not fit it.
    private static let mostTried: Int64 = 256

    /// `corrupt`: what has no index, or one that is none; `unavailable`: another's key. Changes nothing.
    static func examine(_ folder: String, _ tags: PageTags) throws -> IndexState {
        let path = folder + "/" + IndexFile.name
        var facts = stat()
        let isThere = stat(path, &facts) == 0
        guard isThere || errno == ENOENT else { throw Disk.fault("open", path) }
        guard isThere, facts.st_size > 0 else {
            try refuseOrphans(folder, isThere ? "\(path) is empty" : "there is no \(path)")
            return .new
        }
        guard facts.st_mode & S_IFMT == S_IFREG else {
            throw StorageFault.corrupt("\(path) is no file; \(advice)")
        }
        let fd = try Disk.open(path, O_RDONLY)
        defer { close(fd) }
        let size = Disk.size(of: fd)
        guard size >= Int64(header) else { throw StorageFault.corrupt("\(path) is no index: it has \(size) octets; \(advice)") }
        let octets = try Disk.read(header, from: fd, at: 0, path: path)
        let says = octets.getBytes(at: 0, length: header) ?? []
        if Array(says.prefix(magic.count)) == magic, says[reservedAt] == 0 { return .plain }
        let isOurs = Array(says.prefix(magic.count)) == magic && says[pageSizeAt] == UInt8(PageTags.page >> 8) && says[pageSizeAt + 1] == 0
        if isOurs, Int(says[reservedAt]) == PageTags.trailer, try fits(1, fd, path, tags) { return .sealed }
        for page in 2...max(2, min(mostTried, size / Int64(PageTags.page))) where try fits(page, fd, path, tags) {
            // A power cut may have torn it while it was copied from the WAL, which has it still: SQLite finds out.
            if isOurs, Int(says[reservedAt]) == PageTags.trailer { return .sealed }
            throw StorageFault.corrupt("the first page of \(path) is not what was stored; \(advice)")
        }
        guard isOurs else { throw StorageFault.corrupt("\(path) is no index; \(advice)") }
        throw StorageFault.unavailable("the master key is not the one this store was made with")
    }

    static let advice = "put it back from a backup, or see what `martlet store recover` can do without it"

    private static func fits(_ page: Int64, _ fd: Int32, _ path: String, _ tags: PageTags) throws -> Bool {
        let position = (page - 1) * Int64(PageTags.page)
        guard position + Int64(PageTags.page) <= Disk.size(of: fd), let number = UInt32(exactly: page) else { return false }
        return try Disk.read(PageTags.page, from: fd, at: position, path: path).withUnsafeReadableBytes { tags.fits(number, $0) }
    }

    /// Without an index nothing may lie there that only an index can explain: an empty one would make orphans of it.
    private static func refuseOrphans(_ folder: String, _ fault: String) throws {
        var found: [String] = []
        let bodies = Disk.names(in: folder + "/segments").count + Disk.names(in: folder + "/large").count
        if bodies > 0 { found.append("\(bodies) files of mail") }
        for (sub, what) in [("keys", "keys of accounts"), ("catalogue", "a catalogue"), ("aside", "files set aside")]
        where !Disk.names(in: folder + "/" + sub).isEmpty { found.append(what) }
        var wal = stat()
        if stat(folder + "/" + IndexFile.name + "-wal", &wal) == 0, wal.st_size > 0 { found.append("its WAL") }
        let copies = Disk.names(in: folder).filter { $0.hasPrefix(IndexFile.name + ".") }
        if !copies.isEmpty { found.append(copies.sorted().joined(separator: ", ")) }
        guard found.isEmpty else { throw StorageFault.corrupt("\(fault), but \(found.joined(separator: " and ")) are there; \(advice)") }
    }
}

extension PageTags {
    /// Whether a whole page, with its trailer, is one that was written as `number`.
    func fits(_ number: UInt32, _ page: UnsafeRawBufferPointer) -> Bool {
        guard page.count == PageTags.page else { return false }
        return check(
            number, UnsafeRawBufferPointer(rebasing: page[..<PageTags.content]), UnsafeRawBufferPointer(rebasing: page[PageTags.content...]))
    }
}
