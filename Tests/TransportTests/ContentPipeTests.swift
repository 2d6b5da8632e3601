import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("content that waits to be asked for")
struct ContentPipeTests {
    @Test("small pieces of large buffers wait together in little memory: a peer that sends octet by octet fills nobody")
    func small() async throws {
        let loop = EmbeddedEventLoop()
        let pipe = ContentPipe(loop) {}
        for number in 0..<1_000 {
            // As TLS gives them: each is a part of 32 KiB.
            var buffer = ByteBufferAllocator().buffer(capacity: 32 * 1024)
            buffer.writeInteger(UInt8(truncatingIfNeeded: number))
            pipe.add(buffer)
        }
        pipe.end(.success(()))
        let waited = try #require(try await pipe.next())
        #expect(Array(waited.readableBytesView) == (0..<1_000).map { UInt8(truncatingIfNeeded: $0) })
        #expect(waited.storageCapacity <= 8 * 1024)
        #expect(try await pipe.next() == nil)
    }

    @Test("large pieces and small ones come in the order they were sent, and count until they are taken")
    func order() async throws {
        let pipe = ContentPipe(EmbeddedEventLoop()) {}
        let sent = [1, 20_000, 2, 3, 8_192, 8_191, 30_000].enumerated().map { ByteBuffer(repeating: UInt8($0.offset), count: $0.element) }
        for piece in sent { pipe.add(piece) }
        #expect(pipe.isFull)
        pipe.end(.success(()))
        var came = ByteBuffer()
        while let piece = try await pipe.next() { came.writeImmutableBuffer(piece) }
        #expect(came == sent.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) })
        #expect(!pipe.isFull)
    }
}
