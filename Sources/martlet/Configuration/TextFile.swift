import CLinux
import Glibc

/// Small files: configuration, keys, certificates.
enum TextFile {
    /// In octets; a longer one is refused.
    static let longest = 1 << 20

    static func read(_ path: String) throws(SystemFault) -> String {
        let file = clinux_open(path, O_RDONLY, 0)
        guard file >= 0 else { throw SystemFault("open", path) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemFault("read", path) }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
            guard bytes.count <= longest else { throw SystemFault("read", path, code: EFBIG) }
        }
    }

    /// Makes a file that must not be there yet; it is on the disk when this returns.
    static func create(_ path: String, _ text: String, mode: mode_t) throws(SystemFault) {
        try Array(text.utf8).withUnsafeBufferPointer { octets throws(SystemFault) in try create(path, UnsafeRawBufferPointer(octets), mode: mode) }
    }

    /// The same with octets, of which no copy is made.
    static func create(_ path: String, _ octets: UnsafeRawBufferPointer, mode: mode_t) throws(SystemFault) {
        let file = clinux_open(path, O_WRONLY | O_CREAT | O_EXCL, UInt32(mode))
        guard file >= 0 else { throw SystemFault("create", path) }
        defer { close(file) }
        var done = 0
        while done < octets.count {
            let count = Glibc.write(file, octets.baseAddress.map { $0 + done }, octets.count - done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemFault("write", path) }
            done += count
        }
        // The mode holds whatever the umask said.
        guard fchmod(file, mode) == 0, fsync(file) == 0 else { throw SystemFault("write", path) }
        try syncFolder(of: path)
    }

    /// Adds a line to a file that is there; it is on the disk when this returns.
    static func append(_ path: String, _ text: String) throws(SystemFault) {
        let file = clinux_open(path, O_WRONLY | O_APPEND, 0)
        guard file >= 0 else { throw SystemFault("open", path) }
        defer { close(file) }
        let bytes = Array(text.utf8)
        let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        guard count == bytes.count, fsync(file) == 0 else { throw SystemFault("write", path) }
    }

    private static func syncFolder(of path: String) throws(SystemFault) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let file = clinux_open(folder, O_RDONLY | O_DIRECTORY, 0)
        guard file >= 0 else { throw SystemFault("open", folder) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw SystemFault("sync", folder) }
    }
}
