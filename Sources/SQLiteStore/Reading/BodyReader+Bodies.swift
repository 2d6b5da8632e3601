import Crypto
import Glibc
import MailModel
import NIOCore
import Storage

// Many bodies in one call.
extension BodyReader {
    /// What one needs to open a body.
    private struct Ticket {
        let index: Int
        let body: BodyID
        let key: SymmetricKey
        let head: [UInt8]
        let size: Int
        let segment: Int64
        let position: Int64

        /// Behind its last octet in the segment.
        var end: Int64 { position + Int64(RecordHeader.octets + BodySeal.sealedSize(of: size)) }
    }

    /// Records with no more than this between them are read together.
    private static let widestGap: Int64 = 16 << 10
    /// Octets that are read at once.
    private static let longestRead: Int64 = 1 << 20

    /// `isText`: without what stands before them.
    func read(_ bodies: [BodyID], for account: AccountID, isText: Bool = false) throws -> [ByteBuffer] {
        guard !bodies.isEmpty else { return [] }
        let wanted = bodies.sortedOnce()
        let opened: [ByteBuffer]
        do {
            opened = try readOnce(wanted, for: account, isText: isText)
        } catch StorageFault.unavailable {
            // Compaction may have moved one between the look-up and the read.
            forgetFiles()
            opened = try readOnce(wanted, for: account, isText: isText)
        }
        return try bodies.map { body in
            guard let place = wanted.place(of: body) else { throw StorageFault.noSuchMessage }
            return opened[place]
        }
    }

    private func readOnce(_ wanted: [BodyID], for account: AccountID, isText: Bool) throws -> [ByteBuffer] {
        guard let accountKey = catalog.account(account)?.key else { throw StorageFault.noSuchAccount }
        var tickets: [Ticket] = []
        tickets.reserveCapacity(wanted.count)
        try lookUp(wanted, "body.segment, body.position, body.size", for: account) { index, row in
            let body = wanted[index]
            try BodyPlace.check(body.rawValue, segment: row.int(2), position: row.int(3), size: row.int(4))
            let held = try key(of: body, account, accountKey, in: row)
            tickets.append(
                Ticket(
                    index: index, body: body, key: held.key, head: isText ? [] : held.share.head, size: Int(row.int(4)), segment: row.int(2),
                    position: row.int(3)))
        }
        guard tickets.count == wanted.count else { throw StorageFault.noSuchMessage }
        var opened = [ByteBuffer](repeating: ByteBuffer(), count: wanted.count)
        var together: [Ticket] = []
        for ticket in tickets.sorted(by: { ($0.segment, $0.position) < ($1.segment, $1.position) }) {
            guard ticket.segment != 0, ticket.end - ticket.position <= BodyReader.longestRead else {
                opened[ticket.index] = try open(
                    0..<ticket.size, of: ticket.body, key: ticket.key, size: ticket.size, segment: ticket.segment, position: ticket.position,
                    behind: ticket.head[...])
                continue
            }
            if let first = together.first, let last = together.last,
                first.segment != ticket.segment || ticket.position - last.end > BodyReader.widestGap
                    || ticket.end - first.position > BodyReader.longestRead
            {
                try open(together, into: &opened)
                together.removeAll(keepingCapacity: true)
            }
            together.append(ticket)
        }
        try open(together, into: &opened)
        return opened
    }

    /// Neighbours of one segment, in the order in which they lie.
    private func open(_ tickets: [Ticket], into opened: inout [ByteBuffer]) throws {
        guard let first = tickets.first, let last = tickets.last else { return }
        let path = folder.segment(first.segment)
        let fd = try file(first.segment, path)
        var out = ByteBufferAllocator().buffer(capacity: tickets.reduce(0) { $0 + $1.head.count + $1.size })
        var ranges: [Range<Int>] = []
        try withScratch(Int(last.end - first.position)) { octets in
            try Disk.read(into: octets, from: fd, at: first.position, path: path)
            for ticket in tickets {
                let start = out.writerIndex
                if !ticket.head.isEmpty { out.writeBytes(ticket.head) }
                let record = Int(ticket.position - first.position)..<Int(ticket.end - first.position)
                let chunks = (record.lowerBound + RecordHeader.octets)..<record.upperBound
                try BodySeal(key: ticket.key, body: ticket.body).open(
                    UnsafeRawBufferPointer(rebasing: octets[chunks]), chunks: 0...(BodySeal.chunks(of: ticket.size) - 1), of: ticket.size,
                    into: &out)
                ranges.append(start..<out.writerIndex)
            }
        }
        for (ticket, range) in zip(tickets, ranges) {
            opened[ticket.index] = out.getSlice(at: range.lowerBound, length: range.count) ?? ByteBuffer()
        }
    }
}
