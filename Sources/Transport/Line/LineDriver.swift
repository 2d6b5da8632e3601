import Conversation
import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// Runs one connection's session, on its event loop. The last handler of the pipeline, with nothing but TLS before it; compression, inside TLS, is its own.
///
/// Invariants: everything here happens on the connection's event loop; the session is called by `talk` and by what `talk` calls, never
/// from within itself; what session and work write goes through `output`, in the order written; a connection that waits holds an empty
/// `output`, and of `input` only what the session could not use. See `docs/decisions/0003-line-driver.md`.
final class LineDriver<Worker: LineWorker>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let worker: Worker
    let setting: LineSetting
    let visit: Visit
    var executor: LoopExecutor { visit.executor }
    var id: UInt64 { visit.facts.id }

    var phase: LinePhase
    var context: ChannelHandlerContext?
    /// From `begin` on.
    var session: Worker.Session?
    /// What the session allowed when it was last asked.
    var allowance: SessionAllowance?
    var link: LoopLink<Worker>?
    var work = WorkQueue<Worker.Session.Outcome>()
    var watch = PeerClock()
    /// Armed for the nearest end there is.
    var timer = LazyTimer()
    /// What the session's patience was last, and the same in the channel's words: conversion is dear, and it seldom changes.
    var patience = (asked: Duration.zero, amount: TimeAmount.zero)
    /// From the end of a handshake until the session hears of it.
    var agreed: TLSFacts?

    /// Since the session asked for it.
    var compression: Compression?
    var input = ByteBuffer()
    var output = ByteBuffer()
    /// Works that wait in `Link.write` for the peer to read.
    var writers: [CheckedContinuation<Void, any Error>] = []
    /// Octets given to the channel.
    var written = 0
    var writtenInTurn = 0
    /// Octets received after the last word.
    var discarded = 0

    var turn = Turn(.distantPast)
    var reading = LineReading.wanted
    // What others asked for, in whatever phase: independent of each other and of it.
    var isPoked = false
    /// The server stops.
    var isStopping = false
    /// Gathered output leaves at the end of this turn of the loop.
    var isFlushScheduled = false

    init(_ worker: Worker, _ setting: LineSetting, _ visit: Visit) {
        self.worker = worker
        self.setting = setting
        self.visit = visit
        if case .implicitTLS = setting.security { phase = .opening } else { phase = .talking(.resting(for: .input)) }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { open(context) }
    }

    func channelActive(context: ChannelHandlerContext) { open(context) }

    private func open(_ context: ChannelHandlerContext) {
        guard watch.isIdle else { return }
        watch.phaseBegan()
        switch setting.security {
        case .implicitTLS(let shelf, let rules): awaitHandshake(context, shelf, rules)
        case .plain, .startTLS: begin(tls: nil)
        }
        arm()
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        switch phase {
        case .talking:
            if let compression {
                if compression.packed.readableBytes == 0 { compression.packed = bytes } else { compression.packed.writeImmutableBuffer(bytes) }
            } else if input.readableBytes == 0 {
                input = bytes
            } else {
                input.writeImmutableBuffer(bytes)
            }
        case .closing:
            discarded += bytes.readableBytes
            if discarded > LineSizes.discarded { context.close(promise: nil) }
        case .opening, .securing:
            // Bytes that never went through TLS (CVE-2011-0411): what a broken handshake leaves behind.
            log("plain text in the middle of a TLS handshake")
            context.close(promise: nil)
        case .closed, .ended: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if phase.isTalking { talk() }
        if mayRead { context.read() } else { reading.pause() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        // The last word has a clock of its own.
        guard phase != .closing else { return }
        guard context.channel.isWritable else {
            watch.stallBegan(flushed: flushed)
            return arm()
        }
        watch.stallEnded()
        resumeWriters()
        if phase.isTalking { talk() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted: handshakeCompleted()
        case ChannelEvent.inputClosed: inputEnded(context)
        case is ChannelShouldQuiesceEvent: stop()
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The peer closed without TLS's goodbye: `inputClosed` follows.
        if let error = error as? NIOSSLError, error == .uncleanShutdown { return }
        log("\(error)")
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { shut() }

    func handlerRemoved(context: ChannelHandlerContext) {
        shut()
        self.context = nil
    }

    private func inputEnded(_ context: ChannelHandlerContext) {
        reading = .ended
        switch phase {
        case .talking: talk()
        case .opening, .securing, .closing: context.close(promise: nil)
        case .closed, .ended: break
        }
    }

    /// The channel is gone.
    private func shut() {
        guard phase != .closed, phase != .ended else { return }
        phase = .closed
        timer.disarm()
        compression?.timer?.cancel()
        compression = nil
        input = ByteBuffer()
        output = ByteBuffer()
        failWriters()
        link?.unhook()
        work.cancel()
        end()
    }

    /// Once the channel is gone and all work has ended: the session's end.
    func end() {
        guard phase == .closed, work.hasEnded else { return }
        phase = .ended
        if let session { worker.closed(session) }
        session = nil
        link = nil
        visit.ended()
    }

    func log(_ message: @autoclosure () -> String) {
        setting.logger.debug("\(message())", metadata: ["connection": "\(id)"])
    }
}
