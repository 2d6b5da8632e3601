import NIOCore

/// The one timer of an exchange. When its end has moved away by the time it fires, it is armed again, so that a request costs no timer.
struct ExchangeClock {
    private var armed: (deadline: NIODeadline, timer: Scheduled<Void>)?
    private(set) var phaseSince = NIODeadline.distantPast
    /// Since when too little of a request's content has come, and how much.
    private(set) var quietSince = NIODeadline.distantPast
    private var trickle = 0
    /// While the peer reads less than we write: since when, and what it had taken then.
    private(set) var stall: (since: NIODeadline, flushed: Int)?

    /// Nothing has begun yet.
    var isIdle: Bool { phaseSince == .distantPast }

    mutating func phaseBegan() {
        phaseSince = .now()
        quietSince = phaseSince
        trickle = 0
    }

    mutating func progressed(_ octets: Int, least: Int) {
        trickle += octets
        guard trickle >= least else { return }
        quietSince = .now()
        trickle = 0
    }

    mutating func stallBegan(_ flushed: Int) { stall = (.now(), flushed) }
    mutating func stallEnded() { stall = nil }

    /// True when no timer goes off at `deadline` or before; the old one is then forgotten.
    mutating func needsTimer(at deadline: NIODeadline) -> Bool {
        if let armed, armed.deadline <= deadline { return false }
        disarm()
        return true
    }

    mutating func arm(_ timer: Scheduled<Void>, at deadline: NIODeadline) { armed = (deadline, timer) }
    mutating func fired() { armed = nil }

    mutating func disarm() {
        armed?.timer.cancel()
        armed = nil
    }
}

extension HTTPExchange {
    private enum End { case idle, header, content, stall, linger }

    private func nextEnd() -> (NIODeadline, End)? {
        let limits = setting.limits
        if phase == .closed { return nil }
        if let stall = clock.stall { return (stall.since + TimeAmount(limits.stall), .stall) }
        if phase == .closing { return isStream ? nil : (clock.phaseSince + .seconds(2), .linger) }
        switch phase {
        case .waiting:
            // A connection's own clock counts for its streams.
            if isStream { return nil }
            return (clock.phaseSince + TimeAmount(count == 0 ? limits.opening : limits.idle), .idle)
        case .header: return (clock.phaseSince + TimeAmount(limits.header), .header)
        case .busy:
            guard let current, !current.isReceived, current.pipe?.isFull != true else { return nil }
            return (clock.quietSince + TimeAmount(limits.stall), .content)
        case .closing, .closed: return nil
        }
    }

    func arm() {
        guard let context, let (deadline, _) = nextEnd(), clock.needsTimer(at: deadline) else { return }
        let timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self else { return }
            clock.fired()
            timerFired()
        }
        clock.arm(timer, at: deadline)
    }

    private func timerFired() {
        guard let (deadline, end) = nextEnd(), let context else { return }
        guard deadline <= .now() else { return arm() }
        switch end {
        case .idle, .linger: context.close(promise: nil)
        case .header: tooSlow()
        case .content:
            if let pipe = current?.pipe { pipe.end(.failure(.tooSlow)) }
            if current?.answer == Answer.none { tooSlow() } else { context.close(promise: nil) }
        case .stall:
            let flushed = flushed
            if let stall = clock.stall, flushed &- stall.flushed >= setting.limits.leastProgress {
                clock.stallBegan(flushed)
                return arm()
            }
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
        clock.stallBegan(flushed)
        arm()
    }
}
