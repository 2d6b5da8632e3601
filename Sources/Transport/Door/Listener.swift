package import Conversation
package import Logging
import MailModel
import NIOCore
import NIOPosix
import Synchronization

/// Where and how connections come in.
package struct Endpoint: Sendable {
    /// An IP address or a host name; `::` takes IPv4 too. Of a UNIX socket its path, for messages.
    package var host: String
    /// 0 for any free one.
    package var port: Int
    package var security: Security
    /// A UNIX stream socket that is bound already, in place of host and port; whoever listens there closes it. Its peers are programs of this machine.
    package var socket: CInt?
    package var limits = LineLimits()
    /// What a connection that is not let in is told, with its CRLF (SMTP `421 4.7.0 …`, IMAP `* BYE …`).
    package var farewell: @Sendable (Doorkeeper.Refusal) -> String = { _ in "" }

    package init(host: String, port: Int, security: Security) {
        self.host = host
        self.port = port
        self.security = security
    }
}

/// A bound port, and the connections that came by it.
package final class Listener: Sendable {
    private struct Guest {
        let channel: any Channel
        let address: IPAddress
    }

    private struct State {
        var guests: [UInt64: Guest] = [:]
        var isStopping = false
        /// Those that stop it.
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    /// An address the system does not let us have.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    private let server: any Channel
    private let house: House

    /// What the channel initialisers see; apart from `server`, which is there only once they are.
    private final class House: Sendable {
        let state = Mutex(State())
        let doorkeeper: Doorkeeper
        let farewells = Farewell.Count()
        init(_ doorkeeper: Doorkeeper) { self.doorkeeper = doorkeeper }

        func enter(_ id: UInt64, _ guest: Guest) -> Bool {
            state.withLock { state in
                guard !state.isStopping else { return false }
                state.guests[id] = guest
                return true
            }
        }

        func leave(_ id: UInt64) {
            let (guest, waiting) = state.withLock { state -> (Guest?, [CheckedContinuation<Void, Never>]) in
                let guest = state.guests.removeValue(forKey: id)
                guard state.guests.isEmpty else { return (guest, []) }
                defer { state.waiting = [] }
                return (guest, state.waiting)
            }
            if let guest { doorkeeper.leave(guest.address) }
            waiting.forEach { $0.resume() }
        }
    }

    private init(_ server: any Channel, _ house: House) {
        self.server = server
        self.house = house
    }

    package static func bind(
        _ endpoint: Endpoint, _ worker: some LineWorker, threads: Threads, doorkeeper: Doorkeeper, logger: Logger
    ) async throws(Fault) -> Listener {
        let house = House(doorkeeper)
        let setting = LineSetting(endpoint.security, endpoint.limits, logger) { house.leave($0) }
        let bootstrap = ServerBootstrap(group: threads.group)
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptPause(logger)) }
            }
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: LineSizes.lowWater, high: LineSizes.highWater))
            .childChannelOption(.recvAllocator, value: ReceiveSizes())
            .childChannelInitializer { channel in
                guard endpoint.socket != nil else {
                    return channel.eventLoop.makeCompletedFuture {
                        guard let address = IPAddress(channel.remoteAddress) else { throw ChannelError.ioOnClosedChannel }
                        try greet(channel, address, localUser: nil, worker, setting, endpoint, house, threads)
                    }
                }
                return PeerCredentials.ask(channel).flatMapThrowing { peer in
                    guard let address = IPAddress.localPeer else { throw ChannelError.ioOnClosedChannel }
                    try greet(channel, address, localUser: peer.user, worker, setting, endpoint, house, threads)
                }
            }
        do {
            if let socket = endpoint.socket { return Listener(try await bootstrap.withBoundSocket(socket).get(), house) }
            let network =
                bootstrap
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.socketOption(.so_keepalive), value: 1)
            return Listener(try await network.bind(host: endpoint.host, port: endpoint.port).get(), house)
        } catch {
            throw Fault(description: "cannot listen on \(endpoint.socket == nil ? "\(endpoint.host) port \(endpoint.port)" : endpoint.host): \(error)")
        }
    }

    /// On the connection's loop, before its first byte.
    private static func greet(
        _ channel: any Channel, _ address: IPAddress, localUser: UInt32?, _ worker: some LineWorker, _ setting: LineSetting, _ endpoint: Endpoint,
        _ house: House, _ threads: Threads
    ) throws {
        guard let executor = threads.executor(of: channel.eventLoop) else { throw ChannelError.ioOnClosedChannel }
        if let refusal = house.doorkeeper.enter(address) {
            return try Farewell.say(endpoint.farewell(refusal), to: channel, endpoint.security, house.farewells)
        }
        let id = house.doorkeeper.number()
        guard house.enter(id, Guest(channel: channel, address: address)) else {
            house.doorkeeper.leave(address)
            throw ChannelError.ioOnClosedChannel
        }
        let driver = LineDriver(worker, setting, executor: executor, id: id, localUser: localUser)
        do { try channel.pipeline.syncOperations.addHandler(driver) } catch {
            house.leave(id)
            throw error
        }
    }

    /// The port it is bound to.
    package var port: Int { server.localAddress?.port ?? 0 }

    /// Connections that are open, or whose work has not ended.
    package var connections: Int { house.state.withLock { $0.guests.count } }

    /// Takes no further connections, lets every session say goodbye once its work has ended, closes what is still open after `grace`, and
    /// returns when all have gone and their work has ended.
    package func stop(grace: Duration = .seconds(5)) async {
        // try?: a listener that is closed already takes nobody.
        try? await server.close().get()
        let guests = house.state.withLock { state in
            state.isStopping = true
            return Array(state.guests.values)
        }
        for guest in guests { guest.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        let timer = server.eventLoop.scheduleTask(in: TimeAmount(grace)) { [house] in
            for guest in house.state.withLock({ Array($0.guests.values) }) { guest.channel.close(promise: nil) }
        }
        await withCheckedContinuation { continuation in
            let isEmpty = house.state.withLock { state in
                if !state.guests.isEmpty { state.waiting.append(continuation) }
                return state.guests.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
        timer.cancel()
    }
}
