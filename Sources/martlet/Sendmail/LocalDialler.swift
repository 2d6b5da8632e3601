import Conversation
import Glibc
import NIOCore

/// Connects to a UNIX socket of this machine, for a command that does nothing else meanwhile: it blocks.
struct LocalDialler: Dialler {
    /// `address` is the socket's path; the rest means nothing.
    func dial(_ address: String, port: Int, source: String?, patience: Duration) async throws -> any ByteStream {
        let file: Int32
        do { file = try ControlSocket.make() } catch { throw StreamFault.unreachable("\(error)") }
        let stream = LocalStream(file)
        let code = try ControlSocket.withAddress(of: address) { address, length in
            while connect(file, address, length) != 0 { if errno != EINTR { return errno } }
            return 0
        }
        guard code == 0 else { throw StreamFault.unreachable(SystemFault("connect to", address, code: code).description) }
        return stream
    }
}

/// A connected UNIX socket. Blocks its thread.
final class LocalStream: ByteStream, @unchecked Sendable {
    // `@unchecked`: one owner at a time, as `ByteStream` says.
    private let file: Int32
    private var isOpen = true

    init(_ file: Int32) { self.file = file }

    deinit { close() }

    let facts = ConnectionFacts(id: 0, peerAddress: "127.0.0.1", peerPort: 0, localPort: 0, isLoopback: true)

    func read(patience: Duration) async throws -> ByteBuffer? {
        guard try ready(Int16(POLLIN), patience) else { throw StreamFault.timedOut }
        var octets = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = recv(file, &octets, octets.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StreamFault.closed }
            return count == 0 ? nil : ByteBuffer(bytes: octets[..<count])
        }
    }

    func write(_ bytes: ByteBuffer, patience: Duration) async throws {
        var rest = bytes
        while rest.readableBytes > 0 {
            guard try ready(Int16(POLLOUT), patience) else { throw StreamFault.timedOut }
            let count = rest.withUnsafeReadableBytes { send(file, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)) }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { throw StreamFault.closed }
            rest.moveReaderIndex(forwardBy: count)
        }
    }

    func startTLS(_ terms: TLSTerms, patience: Duration) async throws { throw StreamFault.tls(TLSFailure(.notOffered, "there is none on a UNIX socket")) }

    func close() {
        guard isOpen else { return }
        isOpen = false
        Glibc.close(file)
    }

    /// False: not in time.
    private func ready(_ events: Int16, _ patience: Duration) throws -> Bool {
        guard isOpen else { throw StreamFault.closed }
        var waiting = pollfd(fd: file, events: events, revents: 0)
        let milliseconds = Int32(clamping: patience.components.seconds * 1_000 + patience.components.attoseconds / 1_000_000_000_000_000)
        while true {
            let count = poll(&waiting, 1, milliseconds)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StreamFault.closed }
            return count > 0
        }
    }
}
