import Conversation
import NIOCore
import PostOffice
import Storage

// LIST and UIDL of a whole maildrop (RFC 1939 §5, §7), however large: sent as the client takes it.
extension POP3Worker {
    /// Rows that are written before others get their turn.
    private static let slice = 2_048

    func list(_ listing: Listing, _ link: any Link) async {
        let rows = listing.maildrop.rows
        var output = ByteBuffer()
        let count = rows.count - listing.marks.count
        let octets = listing.maildrop.octets - listing.marks.octets
        Reply.ok("\(count) messages (\(octets) octets)").write(to: &output)
        for start in stride(from: 0, to: rows.count, by: POP3Worker.slice) {
            rows.forEach(from: start) { index, row in
                if !listing.marks.contains(index) { output.writeListing(listing.column, index, row, rows) }
                return index + 1 < start + POP3Worker.slice
            }
            // A connection that is closed takes nothing, and the driver knows.
            guard (try? await link.write(output)) != nil else { return }
            output = ByteBuffer()
        }
        output.writeLastLine()
        try? await link.write(output)
    }
}
