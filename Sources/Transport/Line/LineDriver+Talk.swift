import Conversation
import NIOCore

/// The session's turn.
extension LineDriver {
    func begin(tls: TLSFacts?) {
        guard let context else { return }
        var facts = visit.facts
        facts.tls = tls
        link = LoopLink(self, facts, context.eventLoop)
        session = worker.session()
        phase = .talking(.resting(for: .input))
        session?.begin(facts, &output)
        watch.progressed()
        talk()
    }

    /// Lets the session go on until it needs the peer, an outcome, or room for what it writes.
    ///
    /// Or until it has had its share of the loop's time: then it is called again behind the others. Called from within (by work that ends, writes or
    /// closes at once), or while it waits for its turn, it does nothing: the turn under way, or the one to come, sees to it.
    func talk() {
        guard case .talking(.resting(var need)) = phase else { return }
        phase = .talking(.underWay)
        turn = Turn(setting.limits.turn.clock())
        turn: while phase == .talking(.underWay) {
            if output.readableBytes >= LineSizes.piece { release() }
            guard context?.channel.isWritable == true else { break }
            guard !turn.isOver(setting.limits.turn) else {
                waitForTurn()
                break
            }
            if isPoked {
                isPoked = false
                session?.poke()
            }
            need = work.count >= setting.limits.work ? .outcome : .input
            if need == .outcome, !absorb() { break }
            let held = input.readableBytes
            guard let step = session?.advance(&input, &output) else { break }
            allowance = session?.allowance()
            watch.used(held - input.readableBytes, least: allowance?.leastProgress ?? 1)
            need = .input
            switch step {
            case .again: turn.step()
            case .work(let work):
                turn.step()
                begin(work)
                absorb()
            case .more, .wait:
                if case .wait = step { need = .outcome }
                if absorb() || isPoked { continue }
                if case .more = step, inflate() { continue }
                break turn
            case .startTLS: startTLS()
            case .compress: startCompression()
            case .close: close()
            }
        }
        if phase == .talking(.underWay) { phase = .talking(.resting(for: need)) }
        settle()
    }

    private func waitForTurn() {
        phase = .talking(.queued)
        executor.enqueue(turn: { [self] in
            guard phase == .talking(.queued) else { return }
            phase = .talking(.resting(for: .input))
            talk()
        })
    }

    private func begin(_ work: Worker.Session.Work) {
        guard let context, let link else { return }
        let (worker, loop) = (worker, context.eventLoop)
        let piece = self.work.begin()
        let here = NIOLoopBound((driver: self, piece: piece), eventLoop: loop)
        piece.task = Task.immediate(executorPreference: executor) {
            let outcome = await worker.perform(work, link)
            if loop.inEventLoop {
                here.value.driver.ended(here.value.piece, outcome)
            } else {
                loop.execute { here.value.driver.ended(here.value.piece, outcome) }
            }
        }
    }

    private func ended(_ piece: WorkQueue<Worker.Session.Outcome>.Piece, _ outcome: Worker.Session.Outcome) {
        work.end(piece, outcome)
        switch phase {
        // What ends while the connection waits for its turn is absorbed in it.
        case .talking(.resting):
            if absorb() { talk() }
        case .closed: end()
        case .opening, .talking(.underWay), .talking(.queued), .securing, .closing, .ended: break
        }
    }

    /// False when the oldest work has not ended, or there is none.
    @discardableResult
    private func absorb() -> Bool {
        guard let outcome = work.next() else { return false }
        session?.absorb(outcome, &output)
        watch.progressed()
        return true
    }

    /// The end of a turn: sends what it brought, lets go of what it does not need, and sees to the clock and the reading.
    private func settle() {
        guard case .talking(let talk) = phase else { return arm() }
        allowance = session?.allowance()
        release()
        if input.readableBytes == 0 {
            input = ByteBuffer()
        } else if talk == .resting(for: .input), input.readableBytes > LineSizes.unused + (allowance?.inputLimit ?? 0), isWritable {
            log("the session takes no input")
            context?.close(promise: nil)
            return
        } else if input.capacity > 2 * input.readableBytes + 512 {
            // The channel and TLS use their buffers again; what is left of one is little.
            input = ByteBuffer(buffer: input, spare: 0)
        }
        if isStopping, work.isEmpty {
            session?.shutdown(&output)
            return close()
        }
        if reading == .ended, work.isEmpty, isWritable, talk != .queued { return close() }
        arm()
        if reading == .paused, mayRead {
            reading = .wanted
            context?.read()
        }
    }

    private var isWritable: Bool { context?.channel.isWritable == true }

    /// Whether there is room for more from the peer.
    var mayRead: Bool {
        guard reading != .ended else { return false }
        return switch phase {
        case .opening, .securing, .closing: true
        case .talking(let talk):
            talk != .queued && (isWritable || input.readableBytes == 0)
                && (talk != .resting(for: .outcome) || input.readableBytes < (allowance?.inputLimit ?? 0))
                && (compression?.packed.readableBytes ?? 0) < LineSizes.piece
        case .closed, .ended: false
        }
    }

    func poked() {
        isPoked = true
        if phase.isTalking { talk() }
    }

    /// The server stops: the goodbye comes as soon as no work is under way.
    func stop() {
        isStopping = true
        switch phase {
        case .opening, .securing: context?.close(promise: nil)
        case .talking(.resting), .talking(.queued): settle()
        case .talking(.underWay), .closing, .closed, .ended: break
        }
    }

    /// The peer was silent for the session's patience.
    func expire() {
        var goesOn = false
        if let answer = session?.expire(&output) { goesOn = answer }
        guard goesOn else { return close() }
        watch.progressed()
        talk()
    }
}

extension ByteBuffer {
    /// A copy of what is readable, in storage of its own that is no larger than it must.
    init(buffer: ByteBuffer, spare: Int) {
        self = ByteBufferAllocator().buffer(capacity: buffer.readableBytes + spare)
        writeImmutableBuffer(buffer)
    }
}
