import Conversation
import Glibc
import NIOCore
import NIOSSL
import NIOTLS
import Synchronization

/// The stream's end in its channel's pipeline; on the channel's event loop alone.
///
/// It reads ahead, up to `StreamSizes.held`: when a write fails, what the peer said before is here, or is read by NIO before the channel closes (which it
/// does only for who waits for it).
final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct Waiting<Value: Sendable> {
        let promise: EventLoopPromise<Value>
        let timer: Scheduled<Void>
        func end(_ result: Result<Value, any Error>) {
            timer.cancel()
            promise.completeWith(result)
        }
    }

    private let loop: any EventLoop
    private var context: ChannelHandlerContext?
    private var held = ByteBuffer()
    /// Nothing comes behind what is held; success: the peer has said all.
    private var end: Result<ByteBuffer?, StreamFault>?
    private var reader: Waiting<ByteBuffer?>?
    private var writer: Waiting<Void>?
    private var handshake: (waiting: Waiting<TLSFacts>, terms: TLSTerms)?
    /// What DANE has against who was met: it is known before the handshake fails by it.
    private let objection = Objection()

    private final class Objection: Sendable {
        let first = Mutex<TLSFailure?>(nil)
    }

    init(_ loop: any EventLoop) { self.loop = loop }

    // MARK: What the stream asks for

    /// Octets that nobody has read yet.
    var unread: Int { held.readableBytes }

    func read(_ patience: TimeAmount) -> EventLoopFuture<ByteBuffer?> {
        if held.readableBytes > 0 {
            let bytes = held
            held = ByteBuffer()
            pull()
            return loop.makeSucceededFuture(bytes)
        }
        switch end {
        case .success: return loop.makeSucceededFuture(nil)
        case .failure(let fault): return loop.makeFailedFuture(fault)
        case nil: break
        }
        guard reader == nil, handshake == nil else { return loop.makeFailedFuture(StreamFault.closed) }
        guard patience > .zero else { return loop.makeFailedFuture(StreamFault.timedOut) }
        let waiting: Waiting<ByteBuffer?> = wait(patience) { $0.endRead(.failure(StreamFault.timedOut)) }
        reader = waiting
        pull()
        return waiting.promise.futureResult
    }

    func write(_ bytes: ByteBuffer, _ patience: TimeAmount) -> EventLoopFuture<Void> {
        guard let context, context.channel.isActive, writer == nil, handshake == nil else { return loop.makeFailedFuture(StreamFault.closed) }
        let waiting: Waiting<Void> = wait(patience) { $0.endWrite(.failure(StreamFault.timedOut)) }
        writer = waiting
        let written = loop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [weak self] result in
            // One that has run out of patience is not this one.
            guard let self, writer?.promise.futureResult === waiting.promise.futureResult else { return }
            endWrite(result.mapError { _ in StreamFault.closed })
        }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: written)
        return waiting.promise.futureResult
    }

    func startTLS(_ terms: TLSTerms, _ contexts: ClientContexts, _ patience: TimeAmount) -> EventLoopFuture<TLSFacts> {
        held = ByteBuffer()
        guard let context, context.channel.isActive, end == nil, handshake == nil, reader == nil, writer == nil else {
            return loop.makeFailedFuture(StreamFault.tls(TLSFailure(.validation, "the connection was closed")))
        }
        let waiting: Waiting<TLSFacts> = wait(patience) { $0.failTLS("the handshake took too long") }
        handshake = (waiting, terms)
        do {
            let handler = try contexts.handler(terms) { [objection] failure in objection.first.withLock { $0 = failure } }
            try context.pipeline.syncOperations.addHandler(handler, position: .before(self))
            pull()
        } catch let StreamFault.tls(failure) {
            failTLS(failure)
        } catch {
            failTLS(oneLine(error))
        }
        return waiting.promise.futureResult
    }

    func close() {
        finish(.failure(.closed))
        endWrite(.failure(StreamFault.closed))
        context?.close(promise: nil)
    }

    // MARK: What comes

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish(.failure(.closed))
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        pull()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        guard end == nil, bytes.readableBytes > 0 else { return }
        if reader != nil { return endRead(.success(bytes)) }
        guard held.readableBytes + bytes.readableBytes <= StreamSizes.mostHeld else { return finish(.failure(.closed)) }
        if held.readableBytes == 0 { held = bytes } else { held.writeImmutableBuffer(bytes) }
    }

    func channelReadComplete(context: ChannelHandlerContext) { pull() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            if handshake != nil { failTLS("closed in the midst of the handshake") } else { finish(.success(nil)) }
        case TLSUserEvent.handshakeCompleted: handshakeCompleted()
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let handshake { return failTLS(reason(error, handshake.terms, context)) }
        // A peer that ends TLS without saying so (RFC 8446 §6.1) may have been cut short.
        finish(.failure(.closed))
        if case NIOSSLError.uncleanShutdown = error { return }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if handshake != nil { failTLS("closed in the midst of the handshake") }
        finish(.failure(.closed))
        endWrite(.failure(StreamFault.closed))
    }

    // MARK: How it ends

    private func handshakeCompleted() {
        guard let (waiting, terms) = handshake, let context else { return }
        let operations = context.pipeline.syncOperations
        if case .authorities(let names) = terms.verification {
            do {
                guard let leaf = try operations.nioSSL_peerCertificate() else { return failTLS("no certificate was shown") }
                let holder = try CertificateNames(leaf)
                guard names.contains(where: holder.cover) else {
                    return failTLS("the certificate is for \(holder.written), not for \(names.joined(separator: ", "))", .hostMismatch)
                }
            } catch {
                return failTLS("a certificate that cannot be read: \(oneLine(error))")
            }
        }
        handshake = nil
        waiting.end(.success(TLSFacts(version: version(operations), serverName: terms.serverName)))
        pull()
    }

    /// Why a handshake broke off with an error.
    private func reason(_ error: any Error, _ terms: TLSTerms, _ context: ChannelHandlerContext) -> TLSFailure {
        if let objection = objection.first.withLock({ $0 }) { return objection }
        let text = oneLine(error)
        guard case .authorities = terms.verification, TLSErrorWords.isOfTrust(error) else {
            return TLSFailure(.validation, text, isSpoken: !TLSErrorWords.isForeign(error))
        }
        // try?: a certificate that is not at hand is one that nobody vouches for.
        guard let leaf = try? context.pipeline.syncOperations.nioSSL_peerCertificate(), leaf.notValidAfter < time(nil) else {
            return TLSFailure(.notTrusted, text)
        }
        return TLSFailure(.expired, "the certificate has expired")
    }

    private func version(_ operations: ChannelPipeline.SynchronousOperations) -> String {
        // try?: a version that cannot be told is the least.
        switch try? operations.nioSSL_tlsVersion() {
        case .tlsv13: "TLSv1.3"
        case .tlsv12: "TLSv1.2"
        case .tlsv11: "TLSv1.1"
        default: "TLSv1"
        }
    }

    private func failTLS(_ reason: String, _ kind: TLSFailure.Kind = .validation) { failTLS(TLSFailure(kind, reason)) }

    private func failTLS(_ failure: TLSFailure) {
        guard let (waiting, _) = handshake else { return }
        handshake = nil
        waiting.end(.failure(StreamFault.tls(failure)))
        finish(.failure(.closed))
        context?.close(promise: nil)
    }

    /// Nothing more comes; the first reason holds.
    private func finish(_ result: Result<ByteBuffer?, StreamFault>) {
        if end == nil { end = result }
        if case .failure = result, let (waiting, _) = handshake {
            handshake = nil
            waiting.end(.failure(StreamFault.tls(TLSFailure(.validation, "the connection was closed"))))
        }
        endRead(result.mapError { $0 })
    }

    private func endRead(_ result: Result<ByteBuffer?, any Error>) {
        guard let waiting = reader else { return }
        reader = nil
        waiting.end(result)
    }

    private func endWrite(_ result: Result<Void, any Error>) {
        guard let waiting = writer else { return }
        writer = nil
        waiting.end(result)
    }

    /// Asks for more where there is room.
    private func pull() {
        guard let context, end == nil, held.readableBytes < StreamSizes.held else { return }
        context.read()
    }

    private func wait<Value: Sendable>(_ patience: TimeAmount, _ expire: @escaping (StreamHandler) -> Void) -> Waiting<Value> {
        let timer = loop.assumeIsolated().scheduleTask(in: patience) { [weak self] in
            if let self { expire(self) }
        }
        return Waiting(promise: loop.makePromise(), timer: timer)
    }
}
