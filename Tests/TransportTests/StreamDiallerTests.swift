import Conversation
import NIOCore
import NIOPosix
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(20)))
struct StreamDiallerTests {
    /// More than any of these waits for.
    static let long = Duration.seconds(300)

    /// Authorities take a while to read.
    private static let shared = Result { try StreamDialler(group: MultiThreadedEventLoopGroup.singleton) }
    static func dialler() throws -> StreamDialler { try shared.get() }

    static func dial(_ peer: Peer, source: String? = nil) async throws -> any ByteStream {
        try await dialler().dial("127.0.0.1", port: peer.port, source: source, patience: long)
    }

    /// All until the end, or until so many octets are there.
    static func all(_ stream: any ByteStream, _ count: Int = .max) async throws -> String {
        var all = ByteBuffer()
        while all.readableBytes < count, let more = try await stream.read(patience: long) { all.writeImmutableBuffer(more) }
        return String(buffer: all)
    }

    static func fault(_ act: () async throws -> Void) async -> StreamFault? {
        do { try await act() } catch { return error as? StreamFault }
        return nil
    }

    @Test("a stream carries octets both ways, and knows whom it is with")
    func talks() async throws {
        try await Peer.with { peer in
            let stream = try await Self.dial(peer)
            let guest = try await peer.guest()
            try await guest.say("220 here\r\n")
            #expect(try await Self.all(stream, 10) == "220 here\r\n")
            try await stream.write(ByteBuffer(string: "EHLO you\r\n"), patience: Self.long)
            #expect(await guest.hear(10) == "EHLO you\r\n")
            let facts = stream.facts
            #expect(facts.peerAddress == "127.0.0.1" && facts.peerPort == peer.port && facts.isLoopback && facts.tls == nil)
            #expect(facts.localAddress == "127.0.0.1" && facts.localPort == guest.channel.remoteAddress?.port)
            try await guest.finish()
            #expect(try await stream.read(patience: Self.long) == nil)
            #expect(try await stream.read(patience: Self.long) == nil)
            try await stream.write(ByteBuffer(string: "QUIT\r\n"), patience: Self.long)
            #expect(await guest.hear(6) == "QUIT\r\n")
            stream.close()
            #expect(await guest.hear(1) == "")
        }
    }

    @Test("a fixed address to come from; of the other family it is an error")
    func source() async throws {
        try await Peer.with { peer in
            let stream = try await Self.dial(peer, source: "127.0.0.3")
            #expect(try await peer.guest().channel.remoteAddress?.ipAddress == "127.0.0.3")
            #expect(stream.facts.localAddress == "127.0.0.3")
            stream.close()
            guard case .unreachable = await Self.fault({ _ = try await Self.dial(peer, source: "::1") }) else {
                Issue.record("it came from IPv6 to IPv4")
                return
            }
        }
    }

    @Test(
        "where nobody listens, and what is no address, is unreachable: nothing is looked up", arguments: ["127.0.0.1", "localhost", "", "127.0.0.1.", "::1%lo"])
    func unreachable(address: String) async throws {
        var port = 0
        try await Peer.with { port = $0.port }
        // A port that is bound, and at which nobody listens.
        let bound = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        defer { bound.close(promise: nil) }
        port = bound.localAddress?.port ?? port
        let fault = await Self.fault { _ = try await Self.dialler().dial(address, port: port, source: nil, patience: Self.long) }
        guard case .unreachable(let reason) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(!reason.isEmpty && !reason.contains("\n"))
        #expect(reason == (address == "127.0.0.1" ? "Connection refused" : "not an IP address: \(address)"))
    }

    @Test("a silent peer: the read ends when patience does, and what comes later is not lost")
    func silence() async throws {
        try await Peer.with { peer in
            let stream = try await Self.dial(peer)
            let guest = try await peer.guest()
            #expect(await Self.fault { _ = try await stream.read(patience: .milliseconds(5)) } == .timedOut)
            #expect(await Self.fault { _ = try await stream.read(patience: .zero) } == .timedOut)
            try await guest.say("late")
            #expect(try await Self.all(stream, 4) == "late")
        }
    }

    @Test("a peer that does not read: the write ends when patience does")
    func stalled() async throws {
        try await Peer.with(autoRead: false) { peer in
            let stream = try await Self.dial(peer)
            let much = ByteBuffer(repeating: 0x41, count: 64 << 20)
            #expect(await Self.fault { try await stream.write(much, patience: .milliseconds(30)) } == .timedOut)
        }
    }

    @Test("a flood is held to 64 KiB and a read more; it all comes when it is read")
    func flood() async throws {
        try await Peer.with { peer in
            let stream = try await Self.dial(peer)
            let guest = try await peer.guest()
            let size = 20 << 20
            async let said: Void = guest.channel.writeAndFlush(ByteBuffer(repeating: 0x2B, count: size)).get()
            var (count, most) = (0, 0)
            while count < size, let bytes = try await stream.read(patience: Self.long) {
                count += bytes.readableBytes
                most = max(most, bytes.readableBytes)
            }
            try await said
            #expect(count == size)
            #expect(most <= StreamSizes.held + LineSizes.largestReceive)
        }
    }

    @Test("a flood that nobody reads stays with the peer")
    func unreadFlood() async throws {
        try await Peer.with { peer in
            let stream = try #require(try await Self.dial(peer) as? ChannelStream)
            let guest = try await peer.guest()
            let said: EventLoopFuture<Void> = guest.channel.writeAndFlush(ByteBuffer(repeating: 0x2B, count: 64 << 20))
            while try await Self.unread(stream) < StreamSizes.held { await Task.yield() }
            #expect(try await Self.unread(stream) <= StreamSizes.held + LineSizes.largestReceive)
            stream.close()
            await #expect(throws: (any Error).self) { try await said.get() }
        }
    }

    static func unread(_ stream: ChannelStream) async throws -> Int {
        let handler = stream.handler
        return try await handler.eventLoop.submit { handler.value.unread }.get()
    }

    @Test("after a write error what the peer said before is read: TRAPS §1.13")
    func lastWords() async throws {
        try await Peer.with(autoRead: false) { peer in
            let stream = try await Self.dial(peer)
            let guest = try await peer.guest()
            try await guest.say("550 5.7.1 Listed\r\n")
            async let fault = Self.fault { try await stream.write(ByteBuffer(repeating: 0x41, count: 64 << 20), patience: Self.long) }
            // With octets unread, the system answers the rest with a reset.
            try await guest.channel.close().get()
            #expect(await fault == .closed)
            #expect(try await Self.all(stream, 18) == "550 5.7.1 Listed\r\n")
            let last = await Self.fault { while try await stream.read(patience: Self.long) != nil {} }
            #expect(last == nil || last == .closed)
            #expect(await Self.fault { try await stream.write(ByteBuffer(string: "x"), patience: Self.long) } == .closed)
        }
    }

    @Test("a reset is a fault, never the end of what was said")
    func reset() async throws {
        try await Peer.with { peer in
            let stream = try await Self.dial(peer)
            let guest = try await peer.guest()
            async let fault = Self.fault { _ = try await stream.read(patience: Self.long) }
            try await guest.reset()
            #expect(await fault == .closed)
        }
    }

    @Test("close, and a task's cancellation, end reads and writes that wait", arguments: [false, true])
    func closes(isCancelled: Bool) async throws {
        try await Peer.with(autoRead: false) { peer in
            let stream = try await Self.dial(peer)
            let reading = Task { await Self.fault { _ = try await stream.read(patience: Self.long) } }
            let writing = Task { await Self.fault { try await stream.write(ByteBuffer(repeating: 0x41, count: 64 << 20), patience: Self.long) } }
            if isCancelled { reading.cancel() } else { stream.close() }
            #expect(await reading.value == .closed)
            #expect(await writing.value == .closed)
        }
    }

    @Test("a stream that nobody holds any more closes")
    func forgotten() async throws {
        try await Peer.with { peer in
            _ = try await Self.dial(peer)
            #expect(try await peer.guest().hear(1) == "")
        }
    }
}
