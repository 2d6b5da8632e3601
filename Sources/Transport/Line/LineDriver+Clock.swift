import NIOCore

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
            guard work.isEmpty, talk != .queued, let asked = allowance?.patience else { return nil }
            if patience.asked != asked { patience = (asked, TimeAmount(asked)) }
            return (watch.quietSince + patience.amount, .patience)
        case .closed, .ended: return nil
        }
    }

    func arm() {
        guard let context, let (deadline, _) = nextEnd(), timer.isLate(for: deadline) else { return }
        timer.arm(deadline, on: context.eventLoop) { [weak self] in
            guard let self else { return }
            timer.fired()
            timerFired()
        }
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
