import DequeModule

/// The jobs of one next hop that may go now: the highest priority first (RFC 6710 §5), there the senders in turn, and of a sender the first to come.
struct ReadyJobs: Sendable {
    private struct Band: Sendable {
        var senders = Deque<Int>()
        var jobs: [Int: Deque<DeliverySchedule.JobID>] = [:]
    }

    private var bands: [Int8: Band] = [:]

    mutating func add(_ id: DeliverySchedule.JobID, sender: Int, priority: Int8) {
        var band = bands.removeValue(forKey: priority) ?? Band()
        if band.jobs[sender] == nil { band.senders.append(sender) }
        band.jobs[sender, default: []].append(id)
        bands[priority] = band
    }

    /// Takes one out, which may not be ready any more: who adds a job does not take it back.
    mutating func take() -> DeliverySchedule.JobID? {
        guard let priority = bands.keys.max(), var band = bands.removeValue(forKey: priority) else { return nil }
        guard let sender = band.senders.popFirst(), var queue = band.jobs.removeValue(forKey: sender) else { return nil }
        let id = queue.popFirst()
        if !queue.isEmpty {
            band.jobs[sender] = queue
            band.senders.append(sender)
        }
        if !band.jobs.isEmpty { bands[priority] = band }
        return id
    }
}
