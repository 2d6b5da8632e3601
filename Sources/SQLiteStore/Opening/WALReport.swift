import Glibc
import NIOCore
import Storage

/// What a look at the WAL finds before SQLite reads it. SQLite takes a WAL as far as its checksums go and forgets the rest without a word: right for a commit
/// that a power cut interrupted, wrong for damage, which takes commits along that were answered.
struct WALReport: Equatable {
    enum Verdict: Equatable {
        case missing
        /// It ends with a commit.
        case whole
        /// Its last transaction is not whole: it was being written when the machine stopped.
        case torn
        /// Commits lie behind octets that are not what was written.
        case damaged(String)
    }

    var verdict: Verdict
    /// Frames that SQLite will take.
    var frames = 0

    // https://sqlite.org/fileformat2.html §4.1, §4.2
    private static let header = 32
    private static let frameHeader = 24
    private static let frame = frameHeader + PageTags.page
    private static let magic: UInt32 = 0x377F_0682
    private static let saltsAt = 16

    /// `tags`: nil for a WAL whose pages are not sealed.
    static func inspect(_ path: String, _ tags: PageTags?) throws -> WALReport {
        guard access(path, F_OK) == 0 else {
            guard errno == ENOENT else { throw Disk.fault("open", path) }
            return WALReport(verdict: .missing)
        }
        let fd = try Disk.open(path, O_RDONLY)
        defer { close(fd) }
        let size = Disk.size(of: fd)
        // A header is written whole, before the first frame.
        guard size >= Int64(header + frame) else { return WALReport(verdict: .whole) }
        let octets = try Disk.read(header, from: fd, at: 0, path: path)
        let words = (0..<8).compactMap { octets.getInteger(at: $0 * 4, as: UInt32.self) }
        guard words.count == 8, words[0] & ~1 == magic, Int(words[2]) == PageTags.page else { return WALReport(verdict: .damaged("its header")) }
        var sum = Checksum(isBigEndian: words[0] & 1 == 1)
        octets.withUnsafeReadableBytes { sum.add(UnsafeRawBufferPointer(rebasing: $0[..<24])) }
        guard sum.first == words[6], sum.second == words[7] else { return WALReport(verdict: .damaged("its header")) }
        return try walk(fd, path, size, (words[4], words[5]), sum, tags)
    }

    private static func walk(
        _ fd: Int32, _ path: String, _ size: Int64, _ salts: (UInt32, UInt32), _ start: Checksum, _ tags: PageTags?
    ) throws -> WALReport {
        var report = WALReport(verdict: .whole)
        var sum = start
        var isWhole = true
        var isForged = false
        var committed = 0
        var behind = 0
        var position = Int64(header)
        var number = 0
        while position + Int64(frame) <= size {
            let octets = try Disk.read(frame, from: fd, at: position, path: path)
            position += Int64(frame)
            number += 1
            let isOfThis = octets.getInteger(at: 8, as: UInt32.self) == salts.0 && octets.getInteger(at: 12, as: UInt32.self) == salts.1
            let ends = octets.getInteger(at: 4, as: UInt32.self) != 0
            if isWhole {
                let what = isOfThis ? octets.withUnsafeReadableBytes { sum.take($0, tags) } : .other
                if what == .ours {
                    if ends { committed = number }
                    continue
                }
                isWhole = false
                isForged = what == .anothers
            }
            // Behind the break: frames of this WAL, not of the one that lay here before.
            if isOfThis, ends { behind += 1 }
        }
        report.frames = committed
        // One transaction at most is under way at a time.
        if isForged {
            report.verdict = .damaged("frame \(committed + 1) and what follows was written without the key")
        } else if behind > 1 {
            report.verdict = .damaged("frame \(committed + 1) and what follows, with \(behind) commits or more")
        } else if behind == 1 {
            report.verdict = .torn
        }
        return report
    }

    /// The checksum of a WAL: over words of 32 bits, two at a time.
    private struct Checksum {
        let isBigEndian: Bool
        var first: UInt32 = 0
        var second: UInt32 = 0

        init(isBigEndian: Bool) { self.isBigEndian = isBigEndian }

        mutating func add(_ octets: UnsafeRawBufferPointer) {
            var index = 0
            while index + 8 <= octets.count {
                let (a, b) = (octets.loadUnaligned(fromByteOffset: index, as: UInt32.self), octets.loadUnaligned(fromByteOffset: index + 4, as: UInt32.self))
                first = first &+ (isBigEndian ? UInt32(bigEndian: a) : UInt32(littleEndian: a)) &+ second
                second = second &+ (isBigEndian ? UInt32(bigEndian: b) : UInt32(littleEndian: b)) &+ first
                index += 8
            }
        }

        enum Frame { case ours, anothers, other }

        /// Adds a frame when it is whole: its checksum is this one then, and its page is one that was stored.
        mutating func take(_ frame: UnsafeRawBufferPointer, _ tags: PageTags?) -> Frame {
            var next = self
            next.add(UnsafeRawBufferPointer(rebasing: frame[..<8]))
            let page = UnsafeRawBufferPointer(rebasing: frame[WALReport.frameHeader...])
            next.add(page)
            guard UInt32(bigEndian: frame.loadUnaligned(fromByteOffset: 16, as: UInt32.self)) == next.first,
                UInt32(bigEndian: frame.loadUnaligned(fromByteOffset: 20, as: UInt32.self)) == next.second
            else { return .other }
            if let tags, !tags.fits(UInt32(bigEndian: frame.loadUnaligned(as: UInt32.self)), page) { return .anothers }
            self = next
            return .ours
        }
    }
}
