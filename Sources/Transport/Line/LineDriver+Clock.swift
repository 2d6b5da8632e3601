import NIOCore

/// The one timer of a connection. It is armed for the nearest end there is; when the end has moved away by the time it fires, it is armed
/// again, so that a command costs no timer.
struct Watch {
    private var armed: (deadline: NIODeadline, timer: Scheduled<Void>)?
    /// Since when the peer brought the session too little that it could use, and no work ended.
    private(set) var quietSince = NIODeadline.distantPast
    /// What it brought since then.
    private var trickle = 0
    private(set) var phaseSince = NIODeadline.distantPast
    /// While the peer reads less than we write: since when, and what it had taken then.
    private(set) var stall: (since: NIODeadline, flushed: Int)?

    /// The last patience that was asked for, and the same in the channel's words: conversion is dear, and it seldom changes.
    private var patience = (asked: Duration.zero, amount: TimeAmount.zero)

    /// Nothing has begun yet.
    var isIdle: Bool { phaseSince == .distantPast }

    mutating func progressed() {
        quietSince = .now()
        trickle = 0
    }

    /// The session has used so much of its input; it is progress once there are `least` of it.
    mutating func used(_ octets: Int, least: Int) {
        trickle += max(0, octets)
        if trickle >= least { progressed() }
    }

    /// When it is over, if nothing comes.
    mutating func end(of asked: Duration) -> NIODeadline {
        if patience.asked != asked { patience = (asked, TimeAmount(asked)) }
        return quietSince + patience.amount
    }

    mutating func phaseBegan() { phaseSince = .now() }
    mutating func stallBegan(flushed: Int) { stall = (.now(), flushed) }
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

extension LineDriver {
    private enum End {
        case handshake, stall, linger, patience
    }

    private func nextEnd() -> (NIODeadline, End)? {
        let limits = setting.limits
        if phase == .closed || phase == .ended { return nil }
        if let stall = watch.stall { return (stall.since + TimeAmount(limits.writeStall), .stall) }
        switch phase {
        case .opening, .securing: return (watch.phaseSince + TimeAmount(limits.handshake), .handshake)
        case .closing: return (watch.phaseSince + TimeAmount(limits.linger), .linger)
        case .talking(let talk):
            guard work.isEmpty, talk != .queued, let patience = allowance?.patience else { return nil }
            return (watch.end(of: patience), .patience)
        case .closed, .ended: return nil
        }
    }

    func arm() {
        guard let context, let (deadline, _) = nextEnd(), watch.needsTimer(at: deadline) else { return }
        let timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self else { return }
            watch.fired()
            timerFired()
        }
        watch.arm(timer, at: deadline)
    }

    private func timerFired() {
        guard let (deadline, end) = nextEnd(), let context else { return }
        guard deadline <= .now() else { return arm() }
        switch end {
        case .handshake:
            log("no TLS handshake in time")
            context.close(promise: nil)
        case .stall:
            let flushed = flushed
            if let stall = watch.stall, flushed &- stall.flushed >= LineSizes.progress {
                watch.stallBegan(flushed: flushed)
                return arm()
            }
            log("the peer does not read")
            context.close(promise: nil)
        case .linger: context.close(promise: nil)
        case .patience: expire()
        }
    }
}
