import CLinux
import Glibc
import NIOCore
import Storage

/// The file calls of the store, each with the error it deserves: `full` for a full disk, `unavailable` with the path and the system's words otherwise.
enum Disk {
    static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0o600) throws -> Int32 {
        let fd = clinux_open(path, flags, mode)
        guard fd >= 0 else { throw fault("open", path) }
        return fd
    }

    static func writeAll(_ bytes: UnsafeRawBufferPointer, to fd: Int32, at position: Int64, path: String) throws {
        var done = 0
        while done < bytes.count {
            let count = pwrite(fd, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(position) + off_t(done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw fault("write", path) }
            done += count
        }
    }

    /// Exactly `count` octets; `corrupt` when the file ends before.
    static func read(_ count: Int, from fd: Int32, at position: Int64, path: String) throws -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        var done = 0
        while done < count {
            let got = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count - done) { space -> Int in
                let got = pread(fd, space.baseAddress, count - done, off_t(position) + off_t(done))
                if got < 0, errno == EINTR { return 0 }
                guard got >= 0 else { throw fault("read", path) }
                guard got > 0 else { throw StorageFault.corrupt("\(path): it ends before \(position + Int64(count))") }
                return got
            }
            done += got
        }
        return buffer
    }

    /// Fills `room`; `corrupt` when the file ends before.
    static func read(into room: UnsafeMutableRawBufferPointer, from fd: Int32, at position: Int64, path: String) throws {
        var done = 0
        while done < room.count {
            let got = pread(fd, room.baseAddress.map { $0 + done }, room.count - done, off_t(position) + off_t(done))
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw fault("read", path) }
            guard got > 0 else { throw StorageFault.corrupt("\(path): it ends before \(position + Int64(room.count))") }
            done += got
        }
    }

    /// Copies a file's octets into a new one and syncs it; the new one's folder is the caller's to sync.
    static func copy(_ path: String, to target: String) throws {
        let source = try open(path, O_RDONLY)
        defer { close(source) }
        let copy = try open(target, O_WRONLY | O_CREAT | O_EXCL)
        defer { close(copy) }
        let size = size(of: source)
        var position: Int64 = 0
        while position < size {
            let piece = try read(Int(min(size - position, 1 << 20)), from: source, at: position, path: path)
            try piece.withUnsafeReadableBytes { try writeAll($0, to: copy, at: position, path: target) }
            position += Int64(piece.readableBytes)
        }
        try syncData(copy, path: target)
    }

    static func syncData(_ fd: Int32, path: String) throws {
        guard fdatasync(fd) == 0 else { throw fault("fdatasync", path) }
    }

    /// Makes the names in a folder durable.
    static func syncFolder(_ path: String) throws {
        let fd = try open(path, O_RDONLY | O_DIRECTORY)
        defer { close(fd) }
        guard fsync(fd) == 0 else { throw fault("fsync", path) }
    }

    /// Octets that an unprivileged writer could still write there.
    static func free(at path: String) -> Int64 {
        var facts = statvfs()
        guard statvfs(path, &facts) == 0 else { return .max }
        return Int64(clamping: UInt64(facts.f_bavail).multipliedReportingOverflow(by: UInt64(facts.f_frsize)).partialValue)
    }

    static func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw fault("mkdir", path) }
    }

    static func names(in folder: String) -> [String] {
        guard let handle = opendir(folder) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    static func size(of fd: Int32) -> Int64 {
        var facts = stat()
        return fstat(fd, &facts) == 0 ? Int64(facts.st_size) : 0
    }

    static func fault(_ call: String, _ path: String) -> StorageFault {
        let code = errno
        if code == ENOSPC || code == EDQUOT { return .full }
        return .unavailable("\(call) \(path): \(String(cString: strerror(code)))")
    }
}
