import MailModel
import NIOCore
import PostOffice
import Storage

// What a client that was away has missed (RFC 7162 §3.2.5, §3.2.6).
extension CommandExecution {
    /// SELECT (QRESYNC …): what has gone since `point`, then what has changed or come.
    mutating func resynchronise(_ opened: MailboxView, from point: ResyncPoint) async throws {
        // RFC 7162 §3.2.5: another UIDVALIDITY, and the client's copy is worth nothing.
        guard point.uidValidity == opened.rows.uidValidity, point.modSeq < opened.rows.highestModSeq else { return }
        let known = point.knownUIDs
        try await writeVanished(since: point.modSeq, among: known ?? .all, in: opened, above: withRows(of: opened) { try opened.lastMatch(point.sample) })
        let rows = opened.rows
        var index = 0
        while index < rows.count {
            let slice = index..<min(rows.count, (index / CommandExecution.resyncSlice + 1) * CommandExecution.resyncSlice)
            try await withRows(of: opened) { try rows.require(slice) }
            try rows.forEach(in: slice) { place, row in
                index = place + 1
                if row.modSeq > point.modSeq, known?.contains(row.uid) ?? true {
                    output.writeChanged(place + 1, row, try rows.further(of: row), opened, dialect)
                }
                return output.readableBytes < CommandExecution.flushSize
            }
            if output.readableBytes >= CommandExecution.flushSize { try await flush() } else { await Task.yield() }
        }
    }

    /// Rows that are looked at before others have their turn.
    private static let resyncSlice = 16_384

    /// UID FETCH … (CHANGEDSINCE … VANISHED).
    mutating func tellVanished(_ arguments: FetchArguments, _ numbering: Numbering) async throws {
        guard numbering == .uid else { throw Ending(.bad("VANISHED is for UID FETCH")) }
        guard dialect.hasVanished else { throw Ending(.bad("QRESYNC is not enabled")) }
        guard let view, let modSeq = arguments.changedSince else { return }
        // "*" reaches up to the last UID that there was: what is gone above the last message counts too.
        let last = max(view.rows.uidNext.rawValue - 1, 1)
        let asked = arguments.set.resolved(last: last) ?? view.saved
        try await writeVanished(since: modSeq, among: asked, in: view, above: 0)
    }

    /// Of `known` what left the mailbox after `modSeq`, without what the client will yet be told of as news. The log goes back to the mailbox's
    /// first day, so nothing has to be guessed.
    private mutating func writeVanished(
        since modSeq: ModSeq, among known: NumberSet, in view: MailboxView, above floor: UInt32
    ) async throws {
        // The log is read after the rows were taken, so what it lacks is among them.
        var gone = try await mailroom.expunged(since: modSeq, in: view.mailbox).intersection(known)
        if floor > 0 { gone = floor == .max ? NumberSet() : gone.intersection(NumberSet(floor + 1...UInt32.max)) }
        guard !gone.isEmpty else { return }
        let known = try await withRows(of: view) { NumberSet(try view.rows.rows(gone).lazy.map(\.row.uid)) }
        output.writeVanished(gone.subtracting(known), earlier: true)
        try await flushIfFull()
    }
}

extension NumberSet {
    /// Every number.
    fileprivate static let all = NumberSet(1...UInt32.max)
}

extension MailboxView {
    /// The highest UID of the sample that stands at the number the client has it at: what has gone up to there the client knows
    /// (RFC 7162 §3.2.5.2). 0 when there is none.
    fileprivate func lastMatch(_ sample: ResyncPoint.Sample?) throws -> UInt32 {
        guard let sample else { return 0 }
        try rows.require(sample.numbers.ranges.lazy.map { Int($0.lowerBound) - 1..<Int($0.upperBound) })
        var found: UInt32 = 0
        for (number, uid) in zip(sample.numbers.numbers, sample.uids.numbers) {
            guard let row = try rows.row(at: Int(number) - 1) else { break }
            if row.uid.rawValue == uid { found = uid }
        }
        return found
    }
}
