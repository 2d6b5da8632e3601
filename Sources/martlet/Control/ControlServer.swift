import CLinux
import Glibc
import Logging
import Synchronization
import Threading

/// Takes administrators' orders through the data folder's socket while the server runs.
///
/// - The socket is 0600 in a 0700 folder, and a peer of another user (root excepted) is turned away.
/// - Each connection has a thread of its own, as many as `mostPeers`, for a line and its answer.
final class ControlServer: Sendable {
    static let mostPeers = 8

    private struct State {
        var peers = 0
        var isStopped = false
    }

    private let path: String
    private let listener: Int32
    private let state = Mutex(State())
    private let carryOut: @Sendable (Order, Int64) async -> OrderResult
    private let log: Logger

    /// Listens from now on; `carryOut` is told who gave the order, by the number of the user. The data folder's lock must be held: what lies at `path` is replaced.
    init(path: String, log: Logger, carryOut: @escaping @Sendable (Order, Int64) async -> OrderResult) throws {
        self.path = path
        self.log = log
        self.carryOut = carryOut
        listener = try ControlSocket.make()
        do {
            unlink(path)
            // On Linux the file that bind makes has the socket's own mode: nobody else can connect even for a moment.
            guard fchmod(listener, 0o600) == 0 else { throw SystemFault("protect", path) }
            let listener = listener
            try ControlSocket.withAddress(of: path) { address, length in
                guard bind(listener, address, length) == 0 else { throw SystemFault("listen on", path) }
            }
            guard chmod(path, 0o600) == 0, listen(listener, 16) == 0 else { throw SystemFault("listen on", path) }
            try BlockingThread.start("martlet-order") { [self] in accept() }
        } catch {
            close(listener)
            throw (error as? BlockingThread.Fault).map(SystemFault.init) ?? error
        }
    }

    /// No more orders are taken; those under way are finished by their threads.
    func stop() {
        state.withLock { $0.isStopped = true }
        shutdown(listener, Int32(SHUT_RDWR))
        unlink(path)
    }

    private func accept() {
        while true {
            let peer = Glibc.accept(listener, nil, nil)
            if state.withLock({ $0.isStopped }) {
                if peer >= 0 { close(peer) }
                close(listener)
                return
            }
            guard peer >= 0 else {
                // Out of descriptors or memory: leave the processor to those who will give some back.
                if errno != EINTR, errno != ECONNABORTED { usleep(100_000) }
                continue
            }
            admit(peer)
        }
    }

    private func admit(_ peer: Int32) {
        let user = clinux_peer_uid(peer)
        guard user == Int64(geteuid()) || user == 0 else {
            log.warning("Control connection refused", metadata: ["uid": "\(user)"])
            close(peer)
            return
        }
        let hasRoom = state.withLock { state in
            guard state.peers < ControlServer.mostPeers else { return false }
            state.peers += 1
            return true
        }
        guard hasRoom else {
            // try?: who asks too often may not wait for the answer.
            try? ControlLine(socket: peer).write(
                OrderResult.refused(.init(code: Sysexit.temporaryFailure, text: "the server is busy; try again")))
            close(peer)
            return
        }
        do {
            try BlockingThread.start("martlet-order") { [self] in
                serve(peer, of: user)
                close(peer)
                state.withLock { $0.peers -= 1 }
            }
        } catch {
            close(peer)
            state.withLock { $0.peers -= 1 }
        }
    }

    private func serve(_ peer: Int32, of user: Int64) {
        let line = ControlLine(socket: peer)
        do {
            let order = try line.read(Order.self, patience: ControlLine.patience)
            let answer = Mutex<OrderResult?>(nil)
            let done = Semaphore()
            Task { [carryOut] in
                let result = await carryOut(order, user)
                answer.withLock { $0 = result }
                done.signal()
            }
            done.wait()
            if let result = answer.withLock({ $0 }) { try line.write(result) }
        } catch {
            log.warning("Control order not carried out: \(error)")
            // try?: whoever sent that may be gone.
            try? line.write(OrderResult.refused(.init(code: Sysexit.dataError, text: "the order cannot be read")))
        }
    }
}
