import Glibc
import NIOCore
import Storage

/// Overwrites an account's sealed key in old copies of the index: those that migrations keep, and what of an index was set aside. The rest of them stays.
enum KeyErasure {
    private static let piece = 1 << 20

    /// On return no such file in `folder` has those octets.
    static func erase(_ sealed: [UInt8], in folder: String) throws {
        guard !sealed.isEmpty else { return }
        let aside = AsideFolder(in: folder)
        let old = Migration.kept(in: folder).map { folder + "/" + $0 } + aside.names.filter { $0.contains(IndexFile.name) }.map { aside.path + "/" + $0 }
        for path in old { try overwrite(sealed, in: path) }
    }

    private static func overwrite(_ sealed: [UInt8], in path: String) throws {
        let fd = try Disk.open(path, O_RDWR)
        defer { close(fd) }
        let size = Disk.size(of: fd)
        let zeros = [UInt8](repeating: 0, count: sealed.count)
        var position: Int64 = 0
        var isChanged = false
        while position < size {
            // They may lie across two pieces.
            let octets = try Disk.read(Int(min(Int64(piece + sealed.count), size - position)), from: fd, at: position, path: path)
            for at in octets.withUnsafeReadableBytes({ places(of: sealed, in: $0) }) {
                try zeros.withUnsafeBytes { try Disk.writeAll($0, to: fd, at: position + Int64(at), path: path) }
                isChanged = true
            }
            position += Int64(piece)
        }
        if isChanged, fsync(fd) != 0 { throw Disk.fault("fsync", path) }
    }

    private static func places(of sealed: [UInt8], in octets: UnsafeRawBufferPointer) -> [Int] {
        guard let origin = octets.baseAddress, octets.count >= sealed.count else { return [] }
        var found: [Int] = []
        var start = 0
        // The first octets of every sealed key are the same, its nonce is not.
        let probe = 4 + RandomOctets.nonce / 2
        while start + sealed.count <= octets.count,
            let hit = memchr(origin + start + probe, Int32(sealed[probe]), octets.count - sealed.count - start + 1)
        {
            let at = UnsafeRawPointer(hit) - origin - probe
            if memcmp(origin + at, sealed, sealed.count) == 0 { found.append(at) }
            start = at + 1
        }
        return found
    }
}
