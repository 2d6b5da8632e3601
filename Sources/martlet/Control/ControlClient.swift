import CLinux
import Glibc
import Threading

/// Gives an order to the server that holds the data folder.
struct ControlClient {
    let path: String

    /// Nil when no server listens there. It waits on a thread of its own: an answer may take minutes. Throws what `give` does.
    func ask(_ order: Order) async throws -> OrderResult? {
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<OrderResult?, any Error>) in
            do throws(BlockingThread.Fault) {
                try BlockingThread.start("martlet-order") { waiter.resume(with: Result { try give(order) }) }
            } catch {
                waiter.resume(throwing: SystemFault(error))
            }
        }
    }

    /// Nil when no server listens there. Blocks until the answer is there.
    func give(_ order: Order) throws -> OrderResult? {
        let socket = try ControlSocket.make()
        defer { close(socket) }
        let isConnected = try ControlSocket.withAddress(of: path) { address, length in
            while true {
                if connect(socket, address, length) == 0 { return true }
                switch errno {
                case EINTR: continue
                case ENOENT, ECONNREFUSED: return false
                default: throw SystemFault("connect to", path)
                }
            }
        }
        guard isConnected else { return nil }
        // Never a password to somebody else's socket.
        let user = clinux_peer_uid(socket)
        guard user == Int64(geteuid()) || user == 0 || geteuid() == 0 else {
            throw SystemFault("trust", path, code: EPERM)
        }
        let line = ControlLine(socket: socket)
        try line.write(order)
        return try line.read(OrderResult.self, patience: nil)
    }
}
