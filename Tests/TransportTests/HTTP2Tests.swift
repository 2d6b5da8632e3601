import Conversation
import NIOCore
import NIOEmbedded
import NIOHPACK
import Testing

@testable import Transport

@Suite("HTTP/2")
struct HTTP2Tests {
    /// A connection that speaks in frames made by hand (RFC 9113 §4.1).
    private struct Peer {
        struct Frame {
            let type: UInt8
            let flags: UInt8
            let stream: UInt32
            var payload: ByteBuffer
            /// Of a header.
            var status: String?
        }

        /// What headers have told of later ones.
        private final class Table {
            var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
        }

        let client: Client
        private let table = Table()

        /// - parameter early: sent behind the preface, before anything of the server's is read.
        init(_ port: Int, early: ByteBuffer = ByteBuffer()) async throws {
            client = try await Client.connect(port)
            try await client.secure(trusting { $0.applicationProtocols = ["h2"] }, name: "mx.example.org")
            var opening = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            opening.writeImmutableBuffer(Self.frame(4, 0, 0, []))
            opening.writeImmutableBuffer(early)
            try await client.send(opening)
            // What the server sets holds once it is acknowledged.
            let head = try #require(await client.octets(9)).readableBytesView
            #expect(head[head.startIndex + 3] == 4)
            _ = await client.octets(Int(head[head.startIndex + 1]) << 8 | Int(head[head.startIndex + 2]))
            try await send(4, 1, 0, [])
        }

        static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> ByteBuffer {
            var bytes = ByteBuffer()
            bytes.writeInteger(UInt32(payload.count) << 8 | UInt32(type))
            bytes.writeInteger(flags)
            bytes.writeInteger(stream)
            bytes.writeBytes(payload)
            return bytes
        }

        func send(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) async throws {
            try await client.send(Self.frame(type, flags, stream, payload))
        }

        /// Literal fields that are not indexed (RFC 7541 §6.2.2).
        static func fields(_ fields: [(String, String)]) -> [UInt8] {
            var bytes: [UInt8] = []
            for (name, value) in fields {
                bytes.append(0)
                for text in [name, value] {
                    bytes.append(UInt8(text.utf8.count))
                    bytes += Array(text.utf8)
                }
            }
            return bytes
        }

        /// HEADERS that end the stream, and CONTINUATIONs where they are long (RFC 9113 §6.10).
        static func headers(_ stream: UInt32, _ block: [UInt8]) -> ByteBuffer {
            var bytes = ByteBuffer()
            for start in stride(from: 0, to: block.count, by: 16_384) {
                let end = min(block.count, start + 16_384)
                let isLast: UInt8 = end == block.count ? 4 : 0
                bytes.writeImmutableBuffer(frame(start == 0 ? 1 : 9, isLast | (start == 0 ? 1 : 0), stream, Array(block[start..<end])))
            }
            return bytes
        }

        /// So many octets of fields, as they count.
        static func long(_ octets: Int) -> [UInt8] {
            fields((0..<octets / 132).map { ("x", String(repeating: "a", count: 98 + ($0 & 1))) })
        }

        static func get(_ path: String, _ method: String = "GET") -> [UInt8] {
            fields([(":method", method), (":scheme", "https"), (":path", path), (":authority", "mx.example.org")])
        }

        /// The next frame that is not SETTINGS, PING or WINDOW_UPDATE; nil once the server has closed.
        func next() async -> Frame? {
            while let head = await client.octets(9).map({ Array($0.readableBytesView) }) {
                let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
                guard let payload = length == 0 ? ByteBuffer() : await client.octets(length) else { return nil }
                let stream = head[5...8].reduce(0) { $0 << 8 | UInt32($1) }
                guard head[3] != 4, head[3] != 6, head[3] != 8 else { continue }
                var frame = Frame(type: head[3], flags: head[4], stream: stream, payload: payload)
                if frame.type == 1 {
                    var block = payload
                    // catch: no header: it has no status.
                    do { frame.status = try table.decoder.decodeHeaders(from: &block).first(name: ":status") } catch {}
                }
                return frame
            }
            return nil
        }

        /// Until a stream's end: whether its status is the 200 of HPACK's table, and its content.
        func answer(_ stream: UInt32) async throws -> (isOK: Bool, content: String)? {
            var (isOK, content) = (false, "")
            while var frame = await next() {
                guard frame.stream == stream else { continue }
                switch frame.type {
                case 1: isOK = frame.payload.getInteger(at: frame.payload.readerIndex) == UInt8(0x88)
                case 0:
                    let count = frame.payload.readableBytes
                    content += frame.payload.readString(length: count) ?? ""
                    if count > 0 {
                        let increment = withUnsafeBytes(of: UInt32(count).bigEndian) { Array($0) }
                        try await send(8, 0, 0, increment)
                        if frame.flags & 1 == 0 { try await send(8, 0, stream, increment) }
                    }
                default: return nil
                }
                if frame.flags & 1 == 1 { return (isOK, content) }
            }
            return nil
        }
    }

    private func with(limits: HTTPLimits = WebStage.patient, _ body: (Peer, WebStage) async throws -> Void) async throws {
        try await WebStage.with(.implicitTLS(Stage.shelf()), limits: limits) { stage in
            let peer = try await Peer(stage.port)
            try await body(peer, stage)
            peer.client.channel.close(promise: nil)
        }
    }

    @Test("requests are answered, many at once, with and without content")
    func requests() async throws {
        try await with { peer, _ in
            for number in 0..<50 { try await peer.send(1, 5, UInt32(2 * number + 1), Peer.get("/hello/\(number)")) }
            var contents: [String: Int] = [:]
            var ends = 0
            while ends < 50, let frame = await peer.next() {
                if frame.type == 0 { contents[String(buffer: frame.payload), default: 0] += 1 }
                ends += frame.flags & 1 == 1 ? 1 : 0
            }
            #expect((0..<50).allSatisfy { contents["hello \($0)"] == 1 })
            try await peer.send(1, 4, 201, Peer.get("/echo", "POST") + Peer.fields([("content-type", "text/plain")]))
            try await peer.send(0, 0, 201, Array("o".utf8))
            try await peer.send(0, 1, 201, Array("k".utf8))
            let echo = try await peer.answer(201)
            #expect(echo?.isOK == true && echo?.content == "ok")
            try await peer.send(1, 5, 203, Peer.get("/nowhere"))
            #expect(try await peer.answer(203)?.isOK == false)
            try await peer.send(1, 5, 205, Peer.get("/hello/there", "HEAD"))
            let head = try await peer.answer(205)
            #expect(head?.isOK == true && head?.content == "")
        }
    }

    @Test("a stream of 1 MB arrives whole under flow control; one that breaks off is reset")
    func streams() async throws {
        try await with { peer, _ in
            try await peer.send(1, 5, 1, Peer.get("/stream/1000000"))
            let answer = try await peer.answer(1)
            #expect(answer?.isOK == true && answer?.content.utf8.count == 1_000_000)
            try await peer.send(1, 5, 3, Peer.get("/broken"))
            #expect(try await peer.answer(3) == nil)
            try await peer.send(1, 5, 5, Peer.get("/hello/next"))
            #expect(try await peer.answer(5)?.content == "hello next")
        }
    }

    @Test("content beyond the limit is answered 413 on its stream, and the others go on")
    func content() async throws {
        try await with { peer, _ in
            try await peer.send(1, 4, 1, Peer.get("/echo", "POST") + Peer.fields([("content-type", "text/plain"), ("content-length", "100001")]))
            var isRefused = false
            while let frame = await peer.next() {
                if frame.type == 1 { isRefused = frame.payload.readableBytesView.first != 0x88 }
                if frame.flags & 1 == 1 || frame.type == 3 { break }
            }
            #expect(isRefused)
            try await peer.send(1, 5, 3, Peer.get("/hello/next"))
            #expect(try await peer.answer(3)?.content == "hello next")
        }
    }

    @Test("a stop says GOAWAY, finishes what is under way, and takes no more")
    func stops() async throws {
        try await with { peer, stage in
            try await peer.send(1, 5, 1, Peer.get("/wait"))
            while stage.routes.ledger.withLock({ $0.began }) == 0 { await Task.yield() }
            async let stopped: Void = stage.listener.stop(grace: .seconds(600))
            #expect(await peer.next()?.type == 7)
            stage.routes.gate.open()
            #expect(try await peer.answer(1)?.content == "waited")
            peer.client.channel.close(promise: nil)
            await stopped
        }
    }

    @Test("a stream that is reset ends its handler")
    func resets() async throws {
        try await with { peer, stage in
            try await peer.send(1, 5, 1, Peer.get("/wait"))
            while stage.routes.ledger.withLock({ $0.began }) == 0 { await Task.yield() }
            try await peer.send(3, 0, 1, [0, 0, 0, 8])
            for await _ in stage.routes.ended { break }
            #expect(stage.routes.ledger.withLock { $0.cancelled } == 1)
        }
    }

    @Test("floods end the connection: rapid reset (CVE-2023-44487), CONTINUATION, SETTINGS, PING, empty DATA", arguments: 0..<5)
    func floods(kind: Int) async throws {
        try await with { peer, stage in
            var flood = ByteBuffer()
            func add(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) {
                flood.writeImmutableBuffer(Peer.frame(type, flags, stream, payload))
            }
            switch kind {
            case 0:
                for number in 0..<5_000 {
                    add(1, 5, UInt32(2 * number + 1), Peer.get("/wait"))
                    add(3, 0, UInt32(2 * number + 1), [0, 0, 0, 8])
                }
            case 1:
                add(1, 1, 1, Peer.get("/"))
                for _ in 0..<5_000 { add(9, 0, 1, []) }
            case 2: for _ in 0..<20_000 { add(4, 0, 0, [0, 3, 0, 0, 0, 100]) }
            case 3: for _ in 0..<20_000 { add(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]) }
            default:
                add(1, 4, 1, Peer.get("/count", "POST"))
                for _ in 0..<5_000 { add(0, 0, 1, []) }
            }
            // The server may have closed before all is written.
            peer.client.channel.writeAndFlush(flood, promise: nil)
            while await peer.next() != nil {}
            let other = try await Peer(stage.port)
            try await other.send(1, 5, 1, Peer.get("/hello/others"))
            #expect(try await other.answer(1)?.content == "hello others")
            other.client.channel.close(promise: nil)
        }
    }

    @Test("a stream whose peer takes nothing, or sends nothing more, is reset: it holds its connection no longer", arguments: ["taking", "sending", "refused"])
    func idleStreams(kind: String) async throws {
        var limits = WebStage.patient
        limits.stall = .milliseconds(50)
        try await with(limits: limits) { peer, _ in
            switch kind {
            case "taking":
                try await peer.send(4, 0, 0, [0, 4, 0, 0, 0, 0])
                try await peer.send(1, 5, 1, Peer.get("/hello/you"))
            case "sending": try await peer.send(1, 4, 1, Peer.get("/echo", "POST") + Peer.fields([("content-type", "text/plain")]))
            default: try await peer.send(1, 4, 1, Peer.fields([(":method", "CONNECT"), (":authority", "other.example:25")]))
            }
            var isReset = false
            while !isReset, let frame = await peer.next() { isReset = frame.type == 3 && frame.stream == 1 }
            #expect(isReset)
        }
    }

    @Test(
        "R70: a header of more than 8192 octets is answered 431 on its stream, whether or not it waited for what we allow, and the connection lives",
        arguments: [12_000, 17_000, 33_000, 64_000], [false, true])
    func headers(octets: Int, isEarly: Bool) async throws {
        try await WebStage.with(.implicitTLS(Stage.shelf())) { stage in
            let first = Peer.headers(1, Peer.get("/") + Peer.long(octets))
            let peer = try await Peer(stage.port, early: isEarly ? first : ByteBuffer())
            if !isEarly { try await peer.client.send(first) }
            var status: String?
            while let frame = await peer.next() {
                if frame.stream == 1, frame.type == 1 { status = frame.status }
                if frame.flags & 1 == 1 || frame.type != 1 && frame.type != 0 { break }
            }
            #expect(status == "431")
            try await peer.send(1, 5, 3, Peer.get("/hello/next"))
            #expect(try await peer.answer(3)?.content == "hello next")
            peer.client.channel.close(promise: nil)
        }
    }

    @Test("a header of more than 64 KiB ends the connection, which is said", arguments: [70_000, 90_000])
    func endlessHeaders(octets: Int) async throws {
        try await with { peer, _ in
            // The server may have closed before all is written.
            peer.client.channel.writeAndFlush(Peer.headers(1, Peer.get("/") + Peer.long(octets)), promise: nil)
            #expect(await peer.next()?.type == 7)
            #expect(await peer.next() == nil)
        }
    }

    @Test(
        "the client's preface and its frames may come in any pieces; its acknowledgement is not told twice", arguments: [1, 2, 5, 9, 10, 33, 1_000])
    func pieces(size: Int) throws {
        let settings = Peer.frame(4, 0, 0, [0, 3, 0, 0, 0, 100])
        let (acknowledgement, request) = (Peer.frame(4, 1, 0, []), Peer.headers(1, Peer.get("/")))
        var opening = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        opening.writeImmutableBuffer(settings)
        var (sent, expected) = (opening, opening)
        for frame in [request, acknowledgement, request, settings] { sent.writeImmutableBuffer(frame) }
        for frame in [acknowledgement, request, request, settings] { expected.writeImmutableBuffer(frame) }
        let inlet = HTTP2Inlet()
        let channel = EmbeddedChannel(handler: inlet)
        while let piece = sent.readSlice(length: min(size, sent.readableBytes)), piece.readableBytes > 0 { try channel.writeInbound(piece) }
        var got = ByteBuffer()
        while let piece = try channel.readInbound(as: ByteBuffer.self) { got.writeImmutableBuffer(piece) }
        #expect(got == expected)
        inlet.end()
        try channel.writeInbound(request)
        #expect(try channel.readInbound(as: ByteBuffer.self) == nil)
        #expect(try channel.finish().isClean)
    }

    @Test(
        "what is no preface of HTTP/2 is left to its reader",
        arguments: ["GET / HTTP/1.1\r\nHost: x", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\u{8}\u{6}\0\0\0\0\012345678", "PRI"])
    func noPreface(text: String) throws {
        let channel = EmbeddedChannel(handler: HTTP2Inlet())
        try channel.writeInbound(ByteBuffer(string: text))
        #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: text))
        #expect(try channel.finish().isClean)
    }

    @Test(
        "a method that nobody knows is answered 501, one that is known 405 or 404; OPTIONS * is for the server",
        arguments: [
            ("FOO", "/", "501"), ("FOO", "/nowhere", "501"), ("PROPFIND", "/", "405"), ("DELETE", "/nowhere", "404"), ("OPTIONS", "*", "204"),
            ("GET", "*", "400"),
        ])
    func methods(method: String, path: String, status: String) async throws {
        try await with { peer, _ in
            try await peer.send(1, 5, 1, Peer.get(path, method))
            #expect(await peer.next()?.status == status)
        }
    }

    @Test("each of a connection's streams has its own time, by one timer")
    func streamTimes() async throws {
        var limits = WebStage.patient
        limits.stall = .milliseconds(50)
        try await with(limits: limits) { peer, stage in
            // What waits for its handler is not waited for; what sends nothing more is, one behind the other.
            try await peer.send(1, 5, 1, Peer.get("/wait"))
            for stream in [3, 5, 7] as [UInt32] {
                try await peer.send(1, 4, stream, Peer.get("/echo", "POST") + Peer.fields([("content-type", "text/plain")]))
                var isOver = false
                while !isOver, let frame = await peer.next() { isOver = frame.stream == stream && frame.type == 3 }
                #expect(isOver)
            }
            stage.routes.gate.open()
            #expect(try await peer.answer(1)?.content == "waited")
        }
    }

    @Test("RFC 8441: a WebSocket on a stream, beside other requests")
    func webSocket() async throws {
        try await with { peer, stage in
            let opening = Peer.fields([
                (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/socket"), (":authority", "mx.example.org"),
                ("sec-websocket-version", "13"),
            ])
            try await peer.send(1, 4, 1, opening)
            #expect(await peer.next()?.payload.readableBytesView.first == 0x88)
            // "hi", masked with zeros.
            try await peer.send(0, 0, 1, [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])
            var echoed = ByteBuffer()
            while echoed.readableBytes < 4, let frame = await peer.next() { echoed.writeImmutableBuffer(frame.payload) }
            #expect(Array(echoed.readableBytesView) == [0x81, 2, 0x68, 0x69])
            try await peer.send(1, 5, 3, Peer.get("/hello/beside"))
            #expect(try await peer.answer(3)?.content == "hello beside")
            try await peer.send(0, 0, 1, [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8])
            for await _ in stage.routes.ended { break }
            try await peer.send(1, 5, 5, opening.isEmpty ? [] : Peer.fields([(":method", "CONNECT"), (":authority", "other.example:25")]))
            #expect(try await peer.answer(5)?.isOK != true)
        }
    }
}
