/// What `DailyCounts` has counted and not written down, and what room there is.
struct DailyState<Tally: DailyTally>: Sendable {
    private var pending: [ReportDay: Tally] = [:]
    private var room = TallyRoom(Tally.terms)
    private var leftOut = 0
    /// What is written down, by date; nil: not looked at yet.
    var kept: [String: TallyRoom]?
    private var keptOctets = 0
    /// Days before it are gone.
    var prunedTo = ""
    /// The last call of `flush`.
    var last: Task<Void, Never>?

    init() {}

    mutating func count(_ new: Tally, on day: ReportDay) {
        // Only `tally` has it now, so that adding to it copies nothing.
        var tally = pending.removeValue(forKey: day)
        let own = day.domain.value.utf8.count + 100
        let known = tally.map { $0.size } ?? 0
        var isCounted = false
        if let form = new.forms.first(where: { room.admits(known + $0.size + own, for: day) }) {
            if tally == nil { tally = form } else { tally?.add(form) }
            isCounted = true
        } else if let old = tally {
            // Perhaps it takes no more than it did.
            for form in new.forms where !isCounted {
                let sum = old.adding(form)
                guard room.admits(sum.size + own, for: day) else { continue }
                tally = sum
                isCounted = true
            }
        }
        if !isCounted { leftOut += 1 }
        guard let tally else { return }
        room.set(tally.size + own, for: day)
        pending[day] = tally
    }

    mutating func takePending() -> (pending: [ReportDay: Tally], leftOut: Int) {
        defer {
            pending = [:]
            room = TallyRoom(Tally.terms)
            leftOut = 0
        }
        return (pending, leftOut)
    }

    /// What was counted since comes behind it.
    mutating func putBack(_ tallies: [ReportDay: Tally]) {
        let later = takePending()
        leftOut = later.leftOut
        for (day, tally) in tallies { count(tally, on: day) }
        for (day, tally) in later.pending { count(tally, on: day) }
    }

    /// False: there is no room for so much. Otherwise it has it.
    mutating func reserve(_ size: Int, for day: ReportDay) -> Bool {
        let room = kept?[day.date] ?? TallyRoom(Tally.terms)
        let growth = size - room.sizes[day, default: 0]
        guard room.admits(size, for: day), growth <= 0 || keptOctets + growth <= Tally.terms.mostOctets else { return false }
        keep(size, for: day)
        return true
    }

    /// - parameter size: nil: it is gone.
    mutating func keep(_ size: Int?, for day: ReportDay) {
        let before = kept?[day.date]?.sizes[day] ?? 0
        kept?[day.date, default: TallyRoom(Tally.terms)].set(size, for: day)
        if kept?[day.date]?.sizes.isEmpty == true { kept?[day.date] = nil }
        keptOctets += (size ?? 0) - before
    }
}
