import NIOCore

/// Since when a peer is waited for. How long that may be, and what comes then, is its owner's to say.
struct PeerClock {
    /// Since the present phase began.
    private(set) var phaseSince = NIODeadline.distantPast
    /// Since when the peer brought too little that could be used.
    private(set) var quietSince = NIODeadline.distantPast
    /// Octets that it brought since then.
    private var trickle = 0
    /// While the peer reads less than we write: since when, and the octets that it had taken then.
    private(set) var stall: (since: NIODeadline, flushed: Int)?

    /// Nothing has begun yet.
    var isIdle: Bool { phaseSince == .distantPast }

    mutating func phaseBegan() {
        progressed()
        phaseSince = quietSince
    }

    mutating func progressed() {
        quietSince = .now()
        trickle = 0
    }

    /// So many octets that came were used; it is progress once there are `least` of them.
    mutating func used(_ octets: Int, least: Int) {
        trickle += max(0, octets)
        if trickle >= least { progressed() }
    }

    mutating func stallBegan(flushed: Int) { stall = (.now(), flushed) }
    mutating func stallEnded() { stall = nil }
}

/// The one timer of a connection, whatever number of ends it has. It goes off at the earliest that it was asked for, or before: when that end has moved away
/// meanwhile, it is armed again, so that what a peer does costs no timer.
struct LazyTimer {
    private var armed: (deadline: NIODeadline, task: Scheduled<Void>)?

    /// Whether it has to be armed to go off at `deadline` or before. What it is armed with costs memory: ask first.
    func isLate(for deadline: NIODeadline) -> Bool { armed.map { $0.deadline > deadline } ?? true }

    /// Once it goes off, `fired` has to be said first.
    mutating func arm(_ deadline: NIODeadline, on loop: any EventLoop, _ fire: @escaping () -> Void) {
        disarm()
        armed = (deadline, loop.assumeIsolated().scheduleTask(deadline: deadline, fire))
    }

    mutating func fired() { armed = nil }

    mutating func disarm() {
        armed?.task.cancel()
        armed = nil
    }
}
