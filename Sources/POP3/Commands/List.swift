import Conversation
import NIOCore
import PostOffice
import Storage

// LIST and UIDL of a whole maildrop (RFC 1939 §5, §7), however large: sent as the client takes it.
extension POP3Worker {
    /// Rows that are written before others get their turn.
    private static let slice = 2_048

    func list(_ listing: Listing, _ link: any Link) async {
        do { try await write(listing, link) } catch {
            // The connection is gone, or the listing broke off: it must not end as if it were whole.
            if error is StorageFault { _ = reply(to: error, listing.column == .octets ? .list : .uidl, link) }
            link.close()
        }
    }

    private func write(_ listing: Listing, _ link: any Link) async throws {
        let rows = listing.maildrop.rows
        var output = ByteBuffer()
        let count = rows.count - listing.marks.count
        let octets = listing.maildrop.octets - listing.marks.octets
        Reply.ok("\(count) messages (\(octets) octets)").write(to: &output)
        for start in stride(from: 0, to: rows.count, by: POP3Worker.slice) {
            let places = start..<start + POP3Worker.slice
            try await mailroom.withRows(of: listing.maildrop) { try rows.require(places) }
            try rows.forEach(in: places) { index, row in
                if !listing.marks.contains(index) { output.writeListing(listing.column, index, row, rows) }
                return true
            }
            try await link.write(output)
            output = ByteBuffer()
        }
        output.writeLastLine()
        try await link.write(output)
    }
}
