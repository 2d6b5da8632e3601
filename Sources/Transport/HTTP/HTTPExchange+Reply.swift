import Conversation
import NIOCore
import NIOHTTP1

/// What goes to the peer.
extension HTTPExchange {
    /// The beginning of an answer, and all of it where it is not streamed.
    func send(_ reply: HTTPReply) {
        guard let context, let current, current.answer == Answer.none else { return }
        let status = HTTPResponseStatus(statusCode: reply.status)
        setting.site.observer?.answered(reply.status, after: .nanoseconds((NIODeadline.now() - clock.phaseSince).nanoseconds))
        var length: Int?
        switch reply.content {
        case .octets(let octets): length = octets.readableBytes
        case .stream(let known, _): length = known
        }
        // Where neither side could tell where it ends (RFC 9112 §6.3), the end of the connection says so.
        if length == nil, current.version.isOld { self.current?.keepsAlive = false }
        if !current.isReceived, !isStream, (current.expected ?? 0) - current.received > HTTPExchange.readPast { self.current?.keepsAlive = false }
        let head = HTTPResponseHead(version: current.version.isOld ? .http1_0 : .http1_1, status: status, headers: fields(reply, status, length))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let isEmpty = current.isHead || !status.mayHaveResponseBody
        switch reply.content {
        case .octets(let octets):
            if !isEmpty, octets.readableBytes > 0 {
                written &+= octets.readableBytes
                context.write(wrapOutboundOut(.body(.byteBuffer(octets))), promise: nil)
            }
            end()
        case .stream:
            if isEmpty {
                end()
            } else {
                self.current?.answer = .begun(left: length)
                // What is heard of it is heard as it is made.
                flushSoon()
            }
        }
    }

    private func fields(_ reply: HTTPReply, _ status: HTTPResponseStatus, _ length: Int?) -> HTTPHeaders {
        let setting = setting
        var headers = HTTPHeaders()
        headers.reserveCapacity(reply.fields.list.count + setting.site.fields.list.count + 4)
        for field in reply.fields.list { headers.add(name: field.name, value: field.value) }
        for field in setting.site.fields.list where !reply.fields.has(field.name) { headers.add(name: field.name, value: field.value) }
        if current?.isSecure == true {
            for field in setting.site.secureFields.list where !reply.fields.has(field.name) { headers.add(name: field.name, value: field.value) }
        }
        headers.add(name: "Date", value: setting.dates.text())
        if let length, status.mayHaveResponseBody { headers.add(name: "Content-Length", value: "\(length)") }
        if !isStream, current?.keepsAlive == false { headers.add(name: "Connection", value: "close") }
        return headers
    }

    private func end() {
        // NIO's encoder does not know of HEAD, and would say the end of the chunks that there are none of.
        if isStream || current?.isHead == false { context?.write(wrapOutboundOut(.end(nil)), promise: nil) }
        current?.answer = .done
        flushSoon()
        // Nobody asks for the rest of its content; on HTTP/1.1 it would stand before the next request.
        if current?.isReceived == true {
            finish()
        } else if !isStream, current?.keepsAlive == false {
            close()
        } else {
            readOn()
        }
    }

    /// The request is answered, and all of it has come.
    func finish() {
        guard let keepsAlive = current?.keepsAlive else { return }
        current = nil
        // The stream ends by itself.
        guard !isStream else {
            phase = .closing
            // Unless the peer takes none of it: nearly always it is over by the end of the read, which arms as well.
            clock.stallBegan(flushed: flushed)
            return partsCame ? () : arm()
        }
        guard keepsAlive, !isStopping else { return close() }
        phase = .waiting
        clock.phaseBegan()
        takeQueued()
        guard phase == .waiting else { return arm() }
        // Nothing more comes.
        guard !hasInputEnded else { return close() }
        if !partsCame { arm() }
        readOn()
    }

    /// Says no more; waits a moment for the peer to read it and to close first.
    func close() {
        guard phase != .closing, phase != .closed, let context else { return }
        phase = .closing
        current?.task?.cancel()
        current?.pipe?.fail()
        current = nil
        queued = CircularBuffer()
        clock.phaseBegan()
        clock.stallBegan(flushed: flushed)
        // Behind all that was written, beside the encoder, which would make something of it.
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.lastWordLeft() }
        do {
            try context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self).writeAndFlush(NIOAny(ByteBuffer()), promise: sent)
        } catch {
            // catch: a stream: there is no encoder, and the stream's end is its own.
            sent.succeed()
        }
        arm()
        if isReadPaused, !hasInputEnded {
            isReadPaused = false
            context.read()
        }
    }

    private func lastWordLeft() {
        guard phase == .closing, let context else { return }
        clock.stallEnded()
        if hasInputEnded || isStream { return context.close(promise: nil) }
        clock.phaseBegan()
        context.close(mode: .output, promise: nil)
        arm()
    }

    /// Small writes of one turn of the loop leave together; those made while the loop reads, with the end of the read.
    private func flushSoon() {
        guard !partsCame, !isFlushScheduled, let context else { return }
        isFlushScheduled = true
        context.eventLoop.assumeIsolated().execute { [self] in
            isFlushScheduled = false
            self.context?.flush()
        }
    }

    // MARK: Streams

    enum Acceptance { case taken, full, closed }

    /// Whether its answer is to be written.
    func streams(_ number: Int) -> Bool {
        guard phase == .busy, current?.number == number, case .begun = current?.answer else { return false }
        return true
    }

    func accept(_ bytes: ByteBuffer, _ number: Int) -> Acceptance {
        guard streams(number), case .begun(let left) = current?.answer, let context else { return .closed }
        if let left {
            guard bytes.readableBytes <= left else {
                // More than was said: nobody may take it for the next answer.
                context.close(promise: nil)
                return .closed
            }
            current?.answer = .begun(left: left - bytes.readableBytes)
        }
        guard bytes.readableBytes > 0 else { return .taken }
        written &+= bytes.readableBytes
        context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
        flushSoon()
        guard context.channel.isWritable else { return .full }
        return .taken
    }

    func write(_ bytes: ByteBuffer, _ number: Int, _ writer: CheckedContinuation<Void, any Error>) {
        switch accept(bytes, number) {
        case .taken: writer.resume()
        case .full: wait(writer)
        case .closed: writer.resume(throwing: CancellationError())
        }
    }

    func wait(_ writer: CheckedContinuation<Void, any Error>) {
        guard phase == .busy, let context else { return writer.resume(throwing: CancellationError()) }
        if context.channel.isWritable { return writer.resume() }
        writers.append(writer)
    }

    func streamed(_ number: Int) {
        guard streams(number), case .begun(let left) = current?.answer else { return }
        guard left == nil || left == 0 else {
            context?.close(promise: nil)
            return
        }
        end()
    }

    func resumeWriters() {
        let waiting = writers
        writers = []
        for writer in waiting { writer.resume() }
    }

    func failWriters() {
        let waiting = writers
        writers = []
        for writer in waiting { writer.resume(throwing: CancellationError()) }
    }

    /// What the peer has taken, about: a measure of progress.
    var flushed: Int {
        // A stream does not say; its stall ends when it takes more.
        if isStream { return 0 }
        // try?: a channel that does not say is taken for one that has sent everything: a measure of progress, no promise.
        let waiting = try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)
        return written &- (waiting ?? 0)
    }
}
