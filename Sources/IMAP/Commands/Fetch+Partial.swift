import MailModel

// PARTIAL (RFC 9394 §3.3).
extension CommandExecution {
    /// The messages of the page that is asked for, of those that CHANGEDSINCE leaves.
    func page(of places: [Range<Int>], _ arguments: FetchArguments, _ numbering: Numbering) throws -> [Range<Int>] {
        guard let partial = arguments.partial else { return places }
        guard numbering == .uid else { throw Ending(.bad("PARTIAL needs UID FETCH")) }
        let eligible = try arguments.changedSince.map { try changed(since: $0, places) } ?? places
        let wanted = partial.places(of: eligible.reduce(0) { $0 + $1.count })
        var before = 0
        return eligible.compactMap { range in
            let shown = wanted.clamped(to: before..<before + range.count)
            defer { before += range.count }
            let start = range.lowerBound - before
            return shown.isEmpty ? nil : start + shown.lowerBound..<start + shown.upperBound
        }
    }

    private func changed(since modSeq: ModSeq, _ places: [Range<Int>]) throws -> [Range<Int>] {
        let view = try selectedView()
        try view.rows.require(places)
        let live = view.current
        var found: [Range<Int>] = []
        for range in places {
            try view.rows.forEach(in: range) { index, known in
                guard let row = try live.row(known.uid), row.modSeq > modSeq else { return true }
                if let last = found.last, last.upperBound == index {
                    found[found.count - 1] = last.lowerBound..<index + 1
                } else {
                    found.append(index..<index + 1)
                }
                return true
            }
        }
        return found
    }
}
