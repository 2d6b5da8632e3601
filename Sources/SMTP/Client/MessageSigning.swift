import NIOCore
package import PostOffice

/// Writes DKIM signatures before messages as they go out (RFC 6376 §5). A message is read once to hash, and again as it is sent: none of it is held.
package struct MessageSigning: Sendable {
    private let desk: SigningDesk

    /// In octets: work of well under a millisecond.
    private static let piece = 32 * 1024

    package init(_ desk: SigningDesk) { self.desk = desk }

    /// `SMTPCarrier.Signing`.
    package func sign(_ message: OutgoingMessage) async throws -> OutgoingMessage {
        guard var signer = try await desk.signer(for: message) else { return message }
        // What is hashed is what goes out, whatever ends the lines here.
        var encoder = TextEncoder(doublesDots: false)
        var offset = 0
        while offset < message.size {
            try Task.checkCancellation()
            let bytes = try await message.read(offset..<min(offset + MessageSigning.piece, message.size))
            guard bytes.readableBytes > 0 else { throw SevenBitConversion.Unreadable() }
            offset += bytes.readableBytes
            var line = ByteBuffer()
            encoder.encode(bytes, into: &line)
            signer.take(line)
        }
        var end = ByteBuffer()
        encoder.finish(into: &end)
        signer.take(end)
        // A signature by RSA takes a millisecond.
        let fields = await offLoop { [signer] in
            var signer = signer
            return signer.finish()
        }
        guard fields.readableBytes > 0 else { return message }
        let length = fields.readableBytes
        return OutgoingMessage(message, size: length + message.size) { range in
            let own = range.clamped(to: 0..<length)
            guard range.upperBound > length else { return fields.getSlice(at: fields.readerIndex + own.lowerBound, length: own.count) ?? ByteBuffer() }
            var rest = try await message.read(max(0, range.lowerBound - length)..<(range.upperBound - length))
            guard !own.isEmpty else { return rest }
            var octets = fields.getSlice(at: fields.readerIndex + own.lowerBound, length: own.count) ?? ByteBuffer()
            octets.writeBuffer(&rest)
            return octets
        }
    }
}
