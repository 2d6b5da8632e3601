import CZlib
package import Conversation
package import NIOCore

/// By zlib, each time with a stream of its own. It holds nothing.
package struct ZlibCompressor: Compressor {
    private static let level: Int32 = 6
    private static let memoryLevel: Int32 = 8
    /// Made at once.
    private static let piece = 64 << 10

    package init() {}

    package func gzip(_ octets: ByteBuffer) throws(CompressedFault) -> ByteBuffer {
        var stream = z_stream()
        // 15 + 16: the longest history, and gzip's frame.
        let status = deflateInit2_(
            &stream, ZlibCompressor.level, Z_DEFLATED, 15 + 16, ZlibCompressor.memoryLevel, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw .unavailable }
        defer { deflateEnd(&stream) }
        var packed = ByteBuffer()
        let last = ZlibCompressor.run(&stream, octets, into: &packed, most: .max) { CZlib.deflate(&$0, Z_FINISH) }
        guard last == Z_STREAM_END else { throw .unavailable }
        return packed
    }

    package func expand(_ octets: ByteBuffer, _ form: CompressedForm, most: Int) throws(CompressedFault) -> ByteBuffer {
        var stream = z_stream()
        let window: Int32 =
            switch form {
            case .gzip: 15 + 16
            case .deflate: -15
            }
        guard inflateInit2_(&stream, window, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { throw .unavailable }
        defer { inflateEnd(&stream) }
        var plain = ByteBuffer()
        let last = ZlibCompressor.run(&stream, octets, into: &plain, most: most) { stream in
            let status = CZlib.inflate(&stream, Z_NO_FLUSH)
            // RFC 1952 §2.2: another member follows, by its first octets.
            guard form == .gzip, status == Z_STREAM_END, stream.avail_in >= 2, let next = stream.next_in, next[0] == 0x1F, next[1] == 0x8B else {
                return status
            }
            return inflateReset(&stream)
        }
        guard plain.readableBytes <= most else { throw .tooLarge }
        switch last {
        case Z_STREAM_END: return plain
        case Z_MEM_ERROR: throw .unavailable
        default: throw .malformed
        }
    }

    /// Goes on until the stream ends, needs more than there is, or has made more than `most`.
    private static func run(
        _ stream: inout z_stream, _ octets: ByteBuffer, into output: inout ByteBuffer, most: Int, _ step: (inout z_stream) -> Int32
    ) -> Int32 {
        octets.withUnsafeReadableBytes { input in
            guard let start = input.baseAddress, input.count <= Int(UInt32.max) else { return Z_BUF_ERROR }
            stream.next_in = UnsafeMutablePointer(mutating: start.assumingMemoryBound(to: Bytef.self))
            stream.avail_in = UInt32(input.count)
            var status = Z_OK
            while status == Z_OK, output.readableBytes <= most {
                output.writeWithUnsafeMutableBytes(minimumWritableBytes: piece) { room in
                    stream.next_out = room.baseAddress?.assumingMemoryBound(to: Bytef.self)
                    stream.avail_out = UInt32(piece)
                    status = step(&stream)
                    return piece - Int(stream.avail_out)
                }
            }
            stream.next_in = nil
            stream.next_out = nil
            return status
        }
    }
}
