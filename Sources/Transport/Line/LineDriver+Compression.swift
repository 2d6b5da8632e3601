import NIOCore

/// What a compressed connection holds besides its session.
final class Compression {
    /// What came and was not inflated yet.
    var packed = ByteBuffer()
    let inflater = Inflater()
    var deflater: Deflater?
    var lastUse = NIODeadline.now()
    var timer: Scheduled<Void>?

    var hasInput: Bool { packed.readableBytes > 0 || inflater.isHolding }

    func deflate(_ bytes: ByteBuffer) throws -> ByteBuffer {
        let deflater = try self.deflater ?? Deflater()
        self.deflater = deflater
        return try deflater.deflate(bytes)
    }

    /// Lets go of what it can do without until there is more to say or to read.
    func rest() {
        deflater = nil
        inflater.rest()
    }
}

/// COMPRESS (RFC 4978).
extension LineDriver {
    /// Sends the answer as it is; from then on both ways are deflate streams.
    func startCompression() {
        guard compression == nil, let context else {
            log("the session asks for compression twice")
            self.context?.close(promise: nil)
            return
        }
        release()
        let compression = Compression()
        compression.packed = input
        input = ByteBuffer()
        self.compression = compression
        restLater(compression, context)
    }

    /// More input for a session that has used what there was: as much as one piece. False when there is none.
    func inflate() -> Bool {
        guard let compression, compression.hasInput, let context else { return false }
        do {
            var bytes = ByteBuffer()
            repeat {
                bytes = try compression.inflater.inflate(&compression.packed, most: LineSizes.piece)
            } while bytes.readableBytes == 0 && compression.hasInput
            if compression.packed.readableBytes == 0 { compression.packed = ByteBuffer() }
            turn.inflated += bytes.readableBytes
            used(compression, context)
            if input.readableBytes == 0 { input = bytes } else { input.writeImmutableBuffer(bytes) }
            return bytes.readableBytes > 0
        } catch {
            log("the peer's stream cannot be inflated: \(error)")
            context.close(promise: nil)
            return false
        }
    }

    /// Output as it travels.
    func packed(_ bytes: ByteBuffer) -> ByteBuffer {
        guard let compression, bytes.readableBytes > 0, let context else { return bytes }
        used(compression, context)
        do {
            return try compression.deflate(bytes)
        } catch {
            log("output cannot be deflated: \(error)")
            context.close(promise: nil)
            return ByteBuffer()
        }
    }

    private func used(_ compression: Compression, _ context: ChannelHandlerContext) {
        compression.lastUse = .now()
        if compression.timer == nil { restLater(compression, context) }
    }

    private func restLater(_ compression: Compression, _ context: ChannelHandlerContext) {
        let due = compression.lastUse + TimeAmount(setting.limits.compressionRest)
        compression.timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            [weak self, weak compression] in
            guard let self, let compression else { return }
            compression.timer = nil
            guard let context = self.context, phase.isTalking else { return }
            if compression.lastUse + TimeAmount(setting.limits.compressionRest) > .now() {
                return restLater(compression, context)
            }
            compression.rest()
        }
    }
}
