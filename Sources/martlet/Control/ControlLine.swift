import CLinux
import FoundationEssentials
import Glibc

/// One JSON object a line, both ways, over a connected UNIX socket.
struct ControlLine {
    /// Octets; a longer line is refused.
    static let longest = 4 << 20
    /// Seconds a peer may be silent in the middle of a line.
    static let patience = 10

    let socket: Int32

    /// Throws `SystemFault` with ETIMEDOUT, EMSGSIZE, ECONNRESET or what the system said. `patience` in seconds; nil waits for ever.
    func read<Value: Decodable>(_ type: Value.Type, patience: Int?) throws -> Value {
        var timeout = timeval(tv_sec: patience ?? 0, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 8192)
        while true {
            let count = recv(socket, &chunk, chunk.count, 0)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { throw SystemFault("read", "the control socket", code: ETIMEDOUT) }
            guard count >= 0 else { throw SystemFault("read", "the control socket") }
            guard count > 0 else { throw SystemFault("read", "the control socket", code: ECONNRESET) }
            line += chunk[..<count]
            guard line.count <= ControlLine.longest else {
                throw SystemFault("read", "the control socket", code: EMSGSIZE)
            }
            if line.last == UInt8(ascii: "\n") { return try JSONDecoder().decode(type, from: Data(line.dropLast())) }
        }
    }

    func write(_ value: some Encodable) throws {
        var timeout = timeval(tv_sec: ControlLine.patience, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        // JSON without line ends: the encoder writes them only when it is told to be pretty.
        var line = Array(try JSONEncoder().encode(value))
        line.append(UInt8(ascii: "\n"))
        var done = 0
        while done < line.count {
            let count = line.withUnsafeBytes {
                send(socket, $0.baseAddress.map { $0 + done }, line.count - done, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemFault("write", "the control socket") }
            done += count
        }
    }
}

/// The socket in the data folder, whose path may be longer than a socket's address can hold.
enum ControlSocket {
    /// Calls `body` with an address that means `path`.
    static func withAddress<Result>(
        of path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result
    ) throws -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path) - 1
        var name = path
        var folder: Int32 = -1
        defer { if folder >= 0 { close(folder) } }
        if name.utf8.count > room, let slash = path.lastIndex(of: "/") {
            // The folder's own descriptor stands for its long path.
            folder = clinux_open(String(path[..<slash]), O_RDONLY | O_DIRECTORY, 0)
            guard folder >= 0 else { throw SystemFault("open", path) }
            name = "/proc/self/fd/\(folder)" + path[slash...]
        }
        guard name.utf8.count <= room else { throw SystemFault("open", path, code: ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name.utf8) }
        return try withUnsafePointer(to: &address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    static func make() throws -> Int32 {
        let file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { throw SystemFault("make", "a socket") }
        return file
    }
}
