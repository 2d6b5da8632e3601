import MailModel
import MessageFormat
import NIOCore
import PostOffice
import Storage

/// A message on its way into a FETCH answer.
struct FetchedMessage: Sendable {
    let number: Int
    var row: MessageRow
    /// The keywords that the row's flags have no bits for; nearly always none.
    var further = FurtherKeywords()
    /// Expunged, and the client was not told.
    let isGone: Bool
    /// `row` differs from what the client was told.
    var isNews: Bool
    /// `\Seen` was set just now.
    var showsFlags = false
    /// Where the plan needs it, and it could be read.
    var outline: EncodedOutline?
    /// The same decoded, where an item needs more of it than can be read in place.
    private(set) var values: MessageOutline?

    func knownOutline() throws -> EncodedOutline {
        guard let outline else { throw StorageFault.corrupt("body \(row.body.rawValue): its outline was not read") }
        return outline
    }

    mutating func decode() throws {
        guard values == nil else { return }
        do { values = try knownOutline().decoded() } catch let error as OutlineCorrupt { throw corrupt(error) }
    }

    func knownValues() throws -> MessageOutline {
        guard let values else { throw StorageFault.corrupt("body \(row.body.rawValue): its outline was not decoded") }
        return values
    }

    func corrupt(_ error: OutlineCorrupt) -> StorageFault { .corrupt("outline of body \(row.body.rawValue): \(error)") }
}

/// The connection had to be closed in the middle of an answer.
struct BrokenOff: Error {
    let cause: any Error
}

/// Messages that are answered together; what must be read for them is being read.
struct FetchBatch {
    /// Bodies up to here are read together, in octets.
    static let smallBody = 64 << 10

    let messages: [FetchedMessage]
    let outlines: Task<[EncodedOutline], any Error>?
    private let small: [MessageRow]
    private let bodies: Task<[ByteBuffer]?, Never>?

    /// Begins to read. On a connection's event loop it asks the store at once: what is in memory is here when it returns.
    init(_ messages: [FetchedMessage], _ plan: FetchPlan, _ mailroom: Mailroom, _ mailbox: OpenMailbox, on executor: (any TaskExecutor)?) {
        self.messages = messages
        let rows = messages.map(\.row)
        outlines =
            plan.needsOutline && !rows.isEmpty
            ? Task.immediate(executorPreference: executor) { try await mailroom.encodedOutlines(of: rows, in: mailbox) } : nil
        let small = plan.readsBodies ? rows.filter { Int($0.size) <= FetchBatch.smallBody } : []
        self.small = small
        // try?: when one of them cannot be read each is read by itself, and the one is told.
        bodies = small.isEmpty ? nil : Task.immediate(executorPreference: executor) { try? await mailroom.read(small, in: mailbox) }
    }

    /// The small ones; none when one of them cannot be read, which is left to be found out.
    func readBodies() async -> [BodyID: ByteBuffer] {
        guard let bodies = await bodies?.value else { return [:] }
        var found: [BodyID: ByteBuffer] = [:]
        found.reserveCapacity(bodies.count)
        for (row, body) in zip(small, bodies) { found[row.body] = body }
        return found
    }
}

/// Cuts what a FETCH names into batches.
struct FetchBatches {
    /// Messages of a batch: with outlines, of which each may hold a header of 16 KiB; with rows alone.
    private static let most = (outlines: 128, rows: 1_024)
    /// Octets of small bodies of a batch.
    private static let octets = 256 << 10

    private var places: ArraySlice<Range<Int>>
    private let plan: FetchPlan

    init(_ places: [Range<Int>], _ plan: FetchPlan) {
        self.places = places[...]
        self.plan = plan
    }

    /// The rows as the client numbers them, their flags as they are now; none of a batch need have changed since. Nil at the end.
    /// `RowsNotAtHand`, and nothing is taken.
    mutating func next(of view: MailboxView) throws -> [FetchedMessage]? {
        guard !places.isEmpty else { return nil }
        let live = view.current
        let isCurrent = live.highestModSeq == view.rows.highestModSeq && live.count == view.rows.count
        var room = plan.needsOutline || plan.readsBodies ? FetchBatches.most.outlines : FetchBatches.most.rows
        var octets = plan.readsBodies ? FetchBatches.octets : .max
        var found: [FetchedMessage] = []
        found.reserveCapacity(min(room, places.first?.count ?? 0))
        // Taken at the end: what throws before leaves everything to be taken.
        var number = places.startIndex
        var rest = places.first ?? 0..<0
        while room > 0, octets > 0, number < places.endIndex {
            let range = rest.lowerBound..<min(rest.upperBound, rest.lowerBound + room)
            var done = range.upperBound
            try view.rows.forEach(in: range) { index, known in
                guard octets > 0 else {
                    done = index
                    return false
                }
                room -= 1
                let row = isCurrent ? known : try live.row(known.uid)
                if let changedSince = plan.changedSince, (row?.modSeq ?? .zero) <= changedSince { return true }
                let isNews = row.map { $0.flags != known.flags || $0.modSeq != known.modSeq } ?? false
                let further = try row == nil ? view.rows.further(of: known) : live.further(of: row ?? known)
                found.append(FetchedMessage(number: index + 1, row: row ?? known, further: further, isGone: row == nil, isNews: isNews))
                if Int(known.size) <= FetchBatch.smallBody { octets -= Int(known.size) }
                return true
            }
            rest = done..<rest.upperBound
            guard rest.isEmpty else { continue }
            number += 1
            if number < places.endIndex { rest = places[number] }
        }
        places = places[number...]
        if !places.isEmpty { places[places.startIndex] = rest }
        return found
    }
}
