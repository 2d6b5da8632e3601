import Glibc
import Testing

/// A blocking connection to a loopback port, of which the greeting has been read.
struct PlainSocket: Sendable {
    let descriptor: Int32

    init(_ port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in(
            sin_family: sa_family_t(AF_INET), sin_port: in_port_t(port).bigEndian, sin_addr: in_addr(s_addr: UInt32(0x7F00_0001).bigEndian),
            sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, 16) }
        }
        try #require(connected == 0)
        try #require(!read().isEmpty)
    }

    func send(_ text: String) {
        let octets = Array(text.utf8)
        #expect(write(descriptor, octets, octets.count) == octets.count)
    }

    /// The same, and waits until the other end's kernel has all of it.
    func deliver(_ text: String) {
        send(text)
        var left: Int32 = 1
        while ioctl(descriptor, UInt(TIOCOUTQ), &left) == 0, left > 0 { sched_yield() }
    }

    func read() -> String {
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    func close() { _ = Glibc.close(descriptor) }
}
