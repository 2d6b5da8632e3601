import Conversation
import NIOCore

/// What goes to the peer.
extension LineDriver {
    enum Acceptance {
        case taken
        /// Taken; others on the event loop should have their turn before more.
        case takenForThisTurn
        /// Taken; more only once the peer has read.
        case full
        case closed
    }

    /// A write of work under way.
    func accept(_ bytes: ByteBuffer) -> Acceptance {
        guard phase.takesOutput, let context else { return .closed }
        // Deflating takes its time.
        writtenInTurn += compression == nil ? bytes.readableBytes : 8 * bytes.readableBytes
        if bytes.readableBytes < LineSizes.piece {
            output.writeImmutableBuffer(bytes)
        } else if phase.isTalking {
            release()
            send(bytes, context)
        } else {
            output.writeImmutableBuffer(bytes)
        }
        guard case .talking(let talk) = phase else { return .full }
        if output.readableBytes >= LineSizes.piece {
            release()
        } else if output.readableBytes > 0, talk != .underWay {
            scheduleFlush(context)
        }
        if !context.channel.isWritable { return .full }
        guard writtenInTurn > setting.limits.turn.output else { return .taken }
        writtenInTurn = 0
        return .takenForThisTurn
    }

    /// Small writes of one turn of the loop leave together.
    private func scheduleFlush(_ context: ChannelHandlerContext) {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        context.eventLoop.assumeIsolated().execute { [self] in
            isFlushScheduled = false
            if phase.isTalking { release() }
        }
    }

    /// Sends what was gathered.
    func release() {
        guard output.readableBytes > 0, let context else { return }
        let bytes = output
        output = ByteBuffer()
        send(bytes, context)
    }

    private func send(_ plain: ByteBuffer, _ context: ChannelHandlerContext) {
        let bytes = packed(plain)
        written &+= bytes.readableBytes
        context.writeAndFlush(NIOAny(bytes), promise: nil)
    }

    func wait(_ writer: CheckedContinuation<Void, any Error>) {
        guard phase.takesOutput else { return writer.resume(throwing: CancellationError()) }
        if phase.isTalking, context?.channel.isWritable == true { return writer.resume() }
        writers.append(writer)
    }

    func resumeWriters() {
        let waiting = writers
        writers = []
        writtenInTurn = 0
        for writer in waiting { writer.resume() }
    }

    func failWriters() {
        let waiting = writers
        writers = []
        for writer in waiting { writer.resume(throwing: CancellationError()) }
    }

    /// What the kernel has taken, about: a measure of progress.
    var flushed: Int {
        // try?: a channel that does not say is taken for one that has sent everything: a measure of progress, no promise.
        let waiting = try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)
        return written &- (waiting ?? 0)
    }

    /// Sends the last word; once it has left, waits a moment for the peer to close first.
    func close() {
        guard phase.isTalking, let context else {
            if phase == .securing { context?.close(promise: nil) }
            return
        }
        phase = .closing
        watch.phaseBegan()
        watch.stallBegan(flushed: flushed)
        input = ByteBuffer()
        failWriters()
        let last = packed(output)
        output = ByteBuffer()
        written &+= last.readableBytes
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [weak self] result in self?.lastWordLeft(result) }
        context.writeAndFlush(NIOAny(last), promise: sent)
        if reading == .paused {
            reading = .wanted
            context.read()
        }
        arm()
    }

    private func lastWordLeft(_ result: Result<Void, any Error>) {
        guard phase == .closing, let context else { return }
        guard case .success = result, reading != .ended else {
            context.close(promise: nil)
            return
        }
        watch.stallEnded()
        watch.phaseBegan()
        context.close(mode: .output, promise: nil)
        arm()
    }
}
