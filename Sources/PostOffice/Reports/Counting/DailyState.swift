/// What `DailyCounts` has counted and not written down, and what room there is.
struct DailyState<Tally: DailyTally>: Sendable {
    private var pending: [ReportDay: Tally] = [:]
    private var room = TallyRoom(Tally.terms)
    private var leftOut = 0
    /// What is written down; nil: not looked at yet.
    var kept: KeptTallies?
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
}

/// What tallies take that are written down.
struct KeptTallies: Sendable {
    private let terms: DailyTerms
    private var days: [String: TallyRoom] = [:]
    private var octets = 0

    init(_ terms: DailyTerms) { self.terms = terms }

    /// Those of a date, and how large they are.
    func sizes(on date: String) -> [ReportDay: Int] { days[date]?.sizes ?? [:] }

    /// Nil: there is none.
    func size(of day: ReportDay) -> Int? { days[day.date]?.sizes[day] }

    /// False: there is no room for so much. Otherwise it has it.
    mutating func reserve(_ size: Int, for day: ReportDay) -> Bool {
        let growth = size - (self.size(of: day) ?? 0)
        guard growth <= 0 || octets + growth <= terms.mostOctets, days[day.date]?.admits(size, for: day) ?? TallyRoom(terms).admits(size, for: day) else {
            return false
        }
        set(size, for: day)
        return true
    }

    /// - parameter size: nil: it is gone.
    mutating func set(_ size: Int?, for day: ReportDay) {
        octets += (size ?? 0) - (self.size(of: day) ?? 0)
        days[day.date, default: TallyRoom(terms)].set(size, for: day)
        if days[day.date]?.sizes.isEmpty == true { days[day.date] = nil }
    }
}
