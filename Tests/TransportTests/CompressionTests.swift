import NIOCore
import NIOSSL
import Testing

@testable import Transport

@Suite("COMPRESS (RFC 4978)", .timeLimit(.minutes(10)))
struct CompressionTests {
    /// The other end of a compressed connection.
    private final class Peer {
        let client: Client
        private let deflater: Deflater
        private let inflater = Inflater()
        private var plain = ByteBuffer()

        init(_ client: Client) throws {
            self.client = client
            deflater = try Deflater()
        }

        func packed(_ text: String) throws -> ByteBuffer { try deflater.deflate(ByteBuffer(string: text)) }
        func send(_ text: String) async throws { try await client.send(try packed(text)) }

        /// The next line without its CRLF; nil once the server has closed.
        func line() async throws -> String? {
            while true {
                if let end = plain.readableBytesView.firstIndex(of: 10) {
                    return plain.readString(length: end - plain.readerIndex + 1).map { String($0.dropLast(1)) }
                }
                guard var bytes = await client.bytes() else { return nil }
                while bytes.readableBytes > 0 || inflater.isHolding {
                    plain.writeImmutableBuffer(try inflater.inflate(&bytes, most: 1 << 16))
                }
            }
        }
    }

    private func compressed(_ port: Int, tls: TLSConfiguration? = nil) async throws -> Peer {
        let client = try await Client.connect(port, tls: tls)
        _ = await client.line()
        try await client.send("COMPRESS\n")
        #expect(await client.line() == "DEFLATED")
        return try Peer(client)
    }

    @Test("both ways are deflated behind the answer, under TLS too")
    func talk() async throws {
        for tls in [nil, trusting()] {
            let security: Security = tls == nil ? .plain : .implicitTLS(try Stage.shelf())
            try await Stage.with(security: security) { stage in
                let peer = try await compressed(stage.port, tls: tls)
                for number in 0..<20 {
                    try await peer.send("ECHO \(number)\n")
                    #expect(try await peer.line() == "OK \(number)")
                }
                try await peer.send((0..<5_000).map { "ECHO \($0)\n" }.joined() + "QUIT\n")
                for number in 0..<5_000 { #expect(try await peer.line() == "OK \(number)") }
                #expect(try await peer.line() == "BYE")
                #expect(try await peer.line() == nil)
            }
        }
    }

    @Test("what comes with the command but behind it is in the stream; before it, it is not")
    func pipelined() async throws {
        try await Stage.with { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            let peer = try Peer(client)
            var bytes = ByteBuffer(string: "ECHO before\nCOMPRESS\n")
            bytes.writeImmutableBuffer(try peer.packed("ECHO behind\n"))
            try await client.send(bytes)
            #expect(await client.lines(2) == ["OK before", "DEFLATED"])
            #expect(try await peer.line() == "OK behind")
        }
    }

    @Test("a stream cut anywhere is read")
    func cut() async throws {
        try await Stage.with { stage in
            let peer = try await compressed(stage.port)
            for byte in try peer.packed("ECHO one\nECHO two\n").readableBytesView {
                try await peer.client.send(ByteBuffer(bytes: [byte]))
            }
            #expect(try await peer.line() == "OK one")
            #expect(try await peer.line() == "OK two")
        }
    }

    @Test(
        "what is no stream, or ends one, closes the connection",
        arguments: [[0xFF, 0xFF, 0xFF, 0xFF], [0x03, 0x00], Array("ECHO plain\n".utf8)] as [[UInt8]])
    func broken(_ bytes: [UInt8]) async throws {
        try await Stage.with { stage in
            let peer = try await compressed(stage.port)
            try await peer.client.send(ByteBuffer(bytes: bytes))
            #expect(try await peer.line() == nil)
        }
    }

    @Test("large answers and the words of a server that stops come deflated")
    func streams() async throws {
        try await Stage.with { stage in
            let peer = try await compressed(stage.port)
            try await peer.send("STREAM 3000000\n")
            #expect(try await peer.line() == String(repeating: "x", count: 3_000_000) + "DONE streamed")
            async let stopping: Void = stage.listeners.stop(grace: .seconds(5))
            #expect(try await peer.line() == "* SHUTDOWN")
            try await peer.client.close()
            await stopping
        }
    }

    @Test("a session that waits has nothing inflated for it; then all of it comes")
    func backPressure() async throws {
        let worker = ToyWorker()
        let gate = worker.gate("slow")
        try await Stage.with(worker) { stage in
            let peer = try await compressed(stage.port)
            // 70 KB on the wire would be 14 MB of commands.
            let bomb = "ECHO " + String(repeating: "a", count: 100) + "\n"
            try await peer.send("RECORD slow\nSYNC\n" + String(repeating: bomb, count: 140_000) + "ECHO end\n")
            gate.open()
            #expect(try await peer.line() == "DONE slow")
            #expect(try await peer.line() == "SYNCED")
            var answers = 0
            while let line = try await peer.line(), line != "OK end" { answers += 1 }
            #expect(answers == 140_000)
        }
    }

    @Test("a connection that rests loses nothing of its streams")
    func resting() async throws {
        var limits = LineLimits()
        limits.compressionRest = .microseconds(1)
        try await Stage.with(limits: limits) { stage in
            let peer = try await compressed(stage.port)
            for number in 0..<200 {
                try await peer.send("ECHO the same words again and again \(number % 7)\n")
                #expect(try await peer.line() == "OK the same words again and again \(number % 7)")
            }
        }
    }

    @Test("an inflater gives no more than is asked for, however much there is")
    func bomb() throws {
        var packed = try Deflater().deflate(ByteBuffer(repeating: 0, count: 20_000_000))
        #expect(packed.readableBytes < 200_000)
        let inflater = Inflater()
        var total = 0
        repeat {
            let piece = try inflater.inflate(&packed, most: 1_000)
            #expect(piece.readableBytes <= 1_000 && piece.capacity <= 8_192)
            total += piece.readableBytes
        } while packed.readableBytes > 0 || inflater.isHolding
        #expect(total == 20_000_000)
    }

    @Test(
        "at rest there is but the history, and what refers to it is read; another deflater goes on where one left off")
    func rest() throws {
        let inflater = Inflater()
        var deflater = try Deflater()
        var total = 0
        for round in 0..<100 {
            let text = "line \(round % 3): " + String(repeating: "the same old story; ", count: 30) + "\n"
            if round % 10 == 9 { deflater = try Deflater() }
            var packed = try deflater.deflate(ByteBuffer(string: text))
            #expect(String(buffer: try inflater.inflate(&packed, most: 1 << 20)) == text)
            total += text.utf8.count
            inflater.rest()
            let resting = try #require(inflater.resting)
            #expect(total <= 2_048 ? resting == total : resting <= 32_768)
        }
        #expect(inflater.resting ?? .max < 8_192, "words that repeat themselves are packed")
    }

    @Test("a history that cannot be packed is kept as it is")
    func restWithNoise() throws {
        let inflater = Inflater()
        let deflater = try Deflater()
        var seed: UInt64 = 1951
        for _ in 0..<60 {
            let noise = ByteBuffer(
                bytes: (0..<2_000).map { _ in
                    seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return UInt8(truncatingIfNeeded: seed >> 40)
                })
            var packed = try deflater.deflate(noise)
            var found = ByteBuffer()
            while packed.readableBytes > 0 || inflater.isHolding {
                found.writeImmutableBuffer(try inflater.inflate(&packed, most: 700))
            }
            #expect(found == noise)
            inflater.rest()
        }
        #expect(inflater.resting == 32_768)
    }

    @Test("in the midst of a block there is no rest")
    func noRest() throws {
        let inflater = Inflater()
        var packed = try Deflater().deflate(ByteBuffer(string: "some words, some words, some more words"))
        var half = packed.readSlice(length: packed.readableBytes / 2) ?? ByteBuffer()
        var text = String(buffer: try inflater.inflate(&half, most: 100))
        inflater.rest()
        #expect(inflater.resting == nil)
        text += String(buffer: try inflater.inflate(&packed, most: 100))
        #expect(text == "some words, some words, some more words")
    }

    @Test("no bytes crash it")
    func noise() throws {
        var seed: UInt64 = 4978
        for _ in 0..<2_000 {
            var bytes = ByteBuffer(
                bytes: (0..<64).map { _ in
                    seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return UInt8(truncatingIfNeeded: seed >> 40)
                })
            let inflater = Inflater()
            for _ in 0..<10 where bytes.readableBytes > 0 || inflater.isHolding {
                guard let piece = try? inflater.inflate(&bytes, most: 500) else { break }
                #expect(piece.readableBytes <= 500)
            }
        }
    }
}
