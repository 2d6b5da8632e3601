import Conversation
import NIOCore

extension HTTPExchange {
    private enum End { case idle, header, content, stall, linger }

    private func nextEnd() -> (NIODeadline, End)? {
        let times = setting.times
        if phase == .closed { return nil }
        if let stall = clock.stall { return (stall.since + times.stall, .stall) }
        if phase == .closing { return isStream ? nil : (clock.phaseSince + .seconds(2), .linger) }
        switch phase {
        case .waiting:
            // A connection's own clock counts for its streams.
            if isStream { return nil }
            return (clock.phaseSince + (count == 0 ? times.opening : times.idle), .idle)
        case .header: return (clock.phaseSince + times.header, .header)
        case .busy:
            guard let current, !current.isReceived, current.pipe?.isFull != true else { return nil }
            return (clock.quietSince + times.stall, .content)
        case .closing, .closed: return nil
        }
    }

    /// When the peer will have been waited for long enough; nil: nothing is waited for.
    var deadline: NIODeadline? { nextEnd()?.0 }

    /// The connection's timer has to go off for what is waited for now.
    func arm() {
        if let deadline { connection.wake(at: deadline) }
    }

    /// The connection's timer has gone off, perhaps for another stream, or too early.
    func timerFired(_ now: NIODeadline) {
        guard let (deadline, end) = nextEnd(), let context, deadline <= now else { return }
        switch end {
        case .idle, .linger: context.close(promise: nil)
        case .header: tooSlow()
        case .content:
            if let pipe = current?.pipe { pipe.end(.failure(.tooSlow)) }
            if current?.answer == Answer.none { tooSlow() } else { context.close(promise: nil) }
        case .stall:
            let flushed = flushed
            if let stall = clock.stall, flushed &- stall.flushed >= setting.limits.leastProgress { return clock.stallBegan(flushed: flushed) }
            connection.log("the peer does not read")
            context.close(promise: nil)
        }
    }

    private func tooSlow() {
        if current == nil {
            count += 1
            current = Current(number: count, keepsAlive: false, isHead: false, version: .http1_1, isSecure: connection.facts.tls != nil)
            phase = .busy
        }
        current?.keepsAlive = false
        current?.pending = nil
        send(.refusal(408))
        guard isStream else { return }
        // The peer has not ended the stream, and nobody waits for that.
        clock.stallBegan(flushed: flushed)
    }
}

/// The one timer of a connection is for all its exchanges: each writes down since when it waits, and a stream arms nothing that the one before it has armed.
extension HTTPConnection {
    func join(_ exchange: HTTPExchange) {
        exchange.place = exchanges.count
        exchanges.append(exchange)
    }

    func leave(_ exchange: HTTPExchange) {
        guard let place = exchange.place, let last = exchanges.popLast() else { return }
        exchange.place = nil
        guard last !== exchange else { return }
        exchanges[place] = last
        last.place = place
    }

    func wake(at deadline: NIODeadline) {
        guard timer.isLate(for: deadline), let loop = exchanges.first?.context?.eventLoop else { return }
        // It is disarmed when the channel is gone.
        timer.arm(deadline, on: loop) { self.timerFired() }
    }

    private func timerFired() {
        timer.fired()
        let now = NIODeadline.now()
        // Some of them leave meanwhile.
        for exchange in exchanges { exchange.timerFired(now) }
        if let next = exchanges.compactMap(\.deadline).min() { wake(at: next) }
    }
}
