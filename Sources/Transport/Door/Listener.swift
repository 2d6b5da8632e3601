import Conversation
import Logging
package import MailModel
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
    package var localSocket: CInt?
    /// A TCP socket that listens at host and port already; whoever listens there closes it.
    package var portSocket: CInt?
    package var limits = LineLimits()
    /// Peers that begin with a PROXY header, which says for whom they ask; they must, and nobody else is believed.
    package var proxies: NetworkList = .none
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
    private struct Connection {
        let channel: any Channel
        /// What the doorkeeper counts it by.
        let address: IPAddress
    }

    private struct State {
        var connections: [UInt64: Connection] = [:]
        var isStopping = false
        /// Those that stop it.
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    /// An address the system does not let us have.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
        /// errno, where the system has said why.
        package let code: CInt?

        package init(description: String, code: CInt? = nil) { (self.description, self.code) = (description, code) }
    }

    private let server: any Channel
    private let house: House

    /// What the channel initialisers see; apart from `server`, which is there only once they are.
    private final class House: Sendable {
        let state = Mutex(State())
        let doorkeeper: Doorkeeper
        let farewells = Farewell.Count()
        init(_ doorkeeper: Doorkeeper) { self.doorkeeper = doorkeeper }

        /// Counts a connection, and holds it until it leaves; a refusal otherwise. Throws when the listener stops.
        func admit(_ id: UInt64, _ channel: any Channel, _ address: IPAddress, isLocal: Bool = false) throws -> Doorkeeper.Refusal? {
            if let refusal = doorkeeper.enter(address, isLocal: isLocal) { return refusal }
            let isIn = state.withLock { state in
                guard !state.isStopping else { return false }
                state.connections[id] = Connection(channel: channel, address: address)
                return true
            }
            guard isIn else {
                doorkeeper.leave(address)
                throw ChannelError.ioOnClosedChannel
            }
            return nil
        }

        func leave(_ id: UInt64) {
            let (connection, waiting) = state.withLock { state -> (Connection?, [CheckedContinuation<Void, Never>]) in
                let connection = state.connections.removeValue(forKey: id)
                guard state.connections.isEmpty else { return (connection, []) }
                defer { state.waiting = [] }
                return (connection, state.waiting)
            }
            if let connection { doorkeeper.leave(connection.address) }
            waiting.forEach { $0.resume() }
        }
    }

    private init(_ server: any Channel, _ house: House) {
        self.server = server
        self.house = house
    }

    static func bind(
        _ endpoint: Endpoint, _ guest: some Guest, threads: Threads, doorkeeper: Doorkeeper, logger: Logger
    ) async throws(Fault) -> Listener {
        let house = House(doorkeeper)
        let door = Door(endpoint: endpoint, guest: guest, house: house, threads: threads, logger: logger)
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
                guard endpoint.localSocket != nil else { return channel.eventLoop.makeCompletedFuture { try door.came(channel) } }
                return PeerCredentials.ask(channel).flatMapThrowing { peer in try door.came(channel, localUser: peer.user) }
            }
        do {
            if let socket = endpoint.localSocket { return Listener(try await bootstrap.withBoundSocket(socket).get(), house) }
            let network =
                bootstrap
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.socketOption(.so_keepalive), value: 1)
            if let socket = endpoint.portSocket { return Listener(try await network.withBoundSocket(socket).get(), house) }
            return Listener(try await network.bind(host: endpoint.host, port: endpoint.port).get(), house)
        } catch {
            throw Fault(
                description: "cannot listen on \(endpoint.localSocket == nil ? "\(endpoint.host) port \(endpoint.port)" : endpoint.host): \(oneLine(error))",
                code: (error as? IOError)?.errnoCode)
        }
    }

    /// The way in. Everything happens on the connection's loop.
    private struct Door: Sendable {
        let endpoint: Endpoint
        let guest: any Guest
        let house: House
        let threads: Threads
        let logger: Logger

        /// By the network; before its first octet.
        func came(_ channel: any Channel) throws {
            guard let peer = IPAddress(channel.remoteAddress) else { throw ChannelError.ioOnClosedChannel }
            let facts = ConnectionFacts(
                id: house.doorkeeper.number(), peerAddress: peer.description, peerPort: channel.remoteAddress?.port ?? 0,
                localAddress: IPAddress(channel.localAddress)?.description ?? "", localPort: channel.localAddress?.port ?? 0, isLoopback: peer.isLoopback)
            guard endpoint.proxies.contains(peer) else { return try greet(channel, facts, peer) }
            // It is counted as the proxy's until it says whose it is.
            if try house.admit(facts.id, channel, peer) != nil { throw ChannelError.ioOnClosedChannel }
            let proxied = Proxied(facts.id, house)
            channel.closeFuture.assumeIsolated().whenComplete { _ in proxied.leave() }
            let door = ProxyDoor(patience: endpoint.limits.handshake, logger) { header in
                proxied.leave()
                switch header {
                case .own: try greet(channel, facts, peer)
                case .passedOn(let client, let server):
                    let passedOn = ConnectionFacts(
                        id: facts.id, peerAddress: client.address.description, peerPort: client.port, localAddress: server.address.description,
                        localPort: server.port, isLoopback: client.address.isLoopback)
                    try greet(channel, passedOn, client.address)
                }
            }
            try channel.pipeline.syncOperations.addHandler(door)
        }

        /// A connection that waits for its PROXY header; it leaves once.
        private final class Proxied {
            private let id: UInt64
            private var house: House?

            init(_ id: UInt64, _ house: House) {
                self.id = id
                self.house = house
            }

            func leave() {
                house?.leave(id)
                house = nil
            }
        }

        /// By a UNIX socket.
        func came(_ channel: any Channel, localUser: UInt32) throws {
            guard let peer = IPAddress.localPeer else { throw ChannelError.ioOnClosedChannel }
            let facts = ConnectionFacts(
                id: house.doorkeeper.number(), peerAddress: peer.description, peerPort: 0, localAddress: peer.description, localPort: 0, isLoopback: true,
                localUser: localUser)
            try greet(channel, facts, peer)
        }

        private func greet(_ channel: any Channel, _ facts: ConnectionFacts, _ address: IPAddress) throws {
            guard let executor = threads.executor(of: channel.eventLoop) else { throw ChannelError.ioOnClosedChannel }
            if let refusal = try house.admit(facts.id, channel, address, isLocal: facts.localUser != nil) {
                return try guest.turnAway(channel, refusal, house.farewells)
            }
            do {
                try guest.enter(channel, Visit(facts: facts, peer: address, executor: executor) { [house] in house.leave(facts.id) })
            } catch {
                house.leave(facts.id)
                throw error
            }
        }
    }

    /// The port it is bound to.
    package var port: Int { server.localAddress?.port ?? 0 }

    /// Connections that are open, or whose work has not ended.
    package var connections: Int { house.state.withLock { $0.connections.count } }

    /// Closes the connections of whom it is meant for, at once and without a word.
    package func expel(_ isMeant: (IPAddress) -> Bool) {
        let connections = house.state.withLock { $0.connections.values.filter { isMeant($0.address) } }
        for connection in connections { connection.channel.close(promise: nil) }
    }

    /// Takes no further connections, lets every session say goodbye once its work has ended, closes what is still open after `grace`, and
    /// returns when all have gone and their work has ended.
    package func stop(grace: Duration = .seconds(5)) async {
        // try?: a listener that is closed already takes nobody.
        try? await server.close().get()
        let connections = house.state.withLock { state in
            state.isStopping = true
            return Array(state.connections.values)
        }
        for connection in connections { connection.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        let timer = server.eventLoop.scheduleTask(in: TimeAmount(grace)) { [house] in
            for connection in house.state.withLock({ Array($0.connections.values) }) { connection.channel.close(promise: nil) }
        }
        await withCheckedContinuation { continuation in
            let isEmpty = house.state.withLock { state in
                if !state.connections.isEmpty { state.waiting.append(continuation) }
                return state.connections.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
        timer.cancel()
    }
}
