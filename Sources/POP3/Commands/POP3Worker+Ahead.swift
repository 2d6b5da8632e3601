import PostOffice
import Storage

// Messages that nobody has asked for yet (`ReadAhead`).
extension POP3Worker {
    /// Nil when there is no room, or one of them cannot be read.
    func readAhead(_ range: Range<Int>, _ maildrop: Maildrop) async -> AheadBatch? {
        var rows: [MessageRow] = []
        do {
            try maildrop.rows.forEach(in: range) { _, row in
                rows.append(row)
                return true
            }
        } catch {
            // catch: nothing is read ahead; who retrieves them is told.
            return nil
        }
        guard rows.count == range.count, let loan = maildrops.lend(octets: rows.reduce(0) { $0 + Int($1.size) }),
            // try?: nothing is read ahead; who retrieves them is told.
            let bodies = try? await mailroom.read(rows, in: maildrop),
            zip(rows, bodies).allSatisfy({ Int($0.size) == $1.readableBytes })
        else { return nil }
        return AheadBatch(range, bodies, loan)
    }
}
