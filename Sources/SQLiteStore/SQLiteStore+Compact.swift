import Crypto
import Glibc
package import Logging
import MailModel
import NIOCore
import Storage

/// What `store compact` did.
package struct CompactionReport: Sendable, Encodable {
    package var segments = 0
    package var bodiesMoved = 0
    /// Octets of disk given back.
    package var freed: Int64 = 0
}

extension SQLiteStore {
    /// Moves the live bodies out of segments of which over half is dead (with `all`: in which anything is), and removes those segments. Safe at any
    /// moment: a body's new place is durable before the index names it, and the old file goes after that commit. No key is needed.
    ///
    /// `rest`: after each step, so many times as long as it took is left to others.
    package func compact(all: Bool = false, rest: Int = 0) async throws -> CompactionReport {
        var report = CompactionReport()
        let worth = try await readers.run { reader -> [(Int64, Int64)] in
            let statement = try reader.connection.prepare("SELECT id, indexed, dead FROM segment WHERE dead > 0 ORDER BY id")
            defer { statement.reset() }
            var found: [(Int64, Int64)] = []
            while try statement.step() {
                if all || statement.int(2) > statement.int(1) / 2 { found.append((statement.int(0), statement.int(2))) }
            }
            return found
        }
        for (segment, dead) in worth where segment != currentSegment && !opening.segmentsKept.contains(segment) {
            let (moved, isGone) = try await remove(segment, rest: rest)
            report.bodiesMoved += moved
            guard isGone else { continue }
            report.segments += 1
            report.freed += dead
        }
        if report.segments > 0 {
            try await change { try $0.write("DELETE FROM former_holder WHERE NOT EXISTS (SELECT 1 FROM body WHERE body.id=former_holder.body)") }
        }
        return report
    }

    /// Compacts every `interval`, leaving four fifths of the time to others, until it is cancelled or the store is closed.
    package func keepCompact(every interval: Duration, log: Logger) async {
        while true {
            do {
                try await Task.sleep(for: interval)
                let report = try await compact(rest: 4)
                guard report.segments > 0 else { continue }
                log.info("Compacted", metadata: ["segments": "\(report.segments)", "moved": "\(report.bodiesMoved)", "freed": "\(report.freed)"])
            } catch is CancellationError {
                return
            } catch StorageFault.closed {
                return
            } catch {
                log.warning("Not compacted: \(error)")
            }
        }
    }

    /// Moves what lives in a segment, and removes it. One at a time: another compaction may want the same one, and has nothing to do once it is gone.
    private func remove(_ segment: Int64, rest: Int) async throws -> (moved: Int, isGone: Bool) {
        await compactions.enter()
        defer { compactions.leave() }
        let isThere = try await readers.run { try $0.connection.number("SELECT 1 FROM segment WHERE id=?", .int(segment)) != nil }
        guard isThere else { return (0, false) }
        let moved = try await empty(segment, rest: rest)
        try await carryHolders(of: segment)
        guard try await change({ try $0.dropSegment(segment) }) else { return (moved, false) }
        unlink(folder.segment(segment))
        readers.forgetFiles()
        return (moved, true)
    }

    /// Moves every live body of a segment to the newest one, 64 at a time.
    private func empty(_ segment: Int64, rest: Int) async throws -> Int {
        var moved = 0
        while true {
            let begun = ContinuousClock.now
            let records = try await readers.run { try $0.records(of: segment, most: 64) }
            guard !records.isEmpty else { return moved }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for record in records { group.addTask { try await self.move(record, from: segment) } }
                try await group.waitForAll()
            }
            moved += records.count
            if rest > 0 { try await Task.sleep(for: begun.duration(to: .now) * rest) }
        }
    }

    private func move(_ raw: RawRecord, from segment: Int64) async throws {
        let record = BodyRecord(raw.block, size: raw.size, chunks: raw.chunks)
        let outgoing = OutgoingBody(content: .record(record), holders: raw.block.holders, staged: nil)
        try await writer.submit(bodies: [outgoing], needsRoom: false) { transaction, places in
            guard let place = places.first else { throw StorageFault.unavailable("a body without a place") }
            try transaction.moved(raw.block.body, from: segment, to: place)
        }
    }

    /// Writes anew what a segment that is about to go says of holders of bodies that lie elsewhere.
    private func carryHolders(of segment: Int64) async throws {
        var position: Int64 = 0
        while true {
            let from = position
            let page = try await readers.run { try $0.laterHolders(in: segment, from: from) }
            if !page.blocks.isEmpty {
                try await change { transaction in transaction.introduced += page.blocks }
            }
            guard let next = page.next else { return }
            position = next
        }
    }
}

/// A body of a segment: its sealed chunks as they lie there, and who holds it now.
struct RawRecord: Sendable {
    let block: HolderBlock
    let size: Int
    let chunks: ByteBuffer
}

extension BodyReader {
    func records(of segment: Int64, most: Int) throws -> [RawRecord] {
        let statement = try connection.prepare("SELECT id, position, length, size FROM body WHERE segment=? LIMIT ?")
        try statement.bind([.int(segment), .int(Int64(most))])
        var places: [(BodyID, Int64, Int, Int)] = []
        while try statement.step() {
            try BodyPlace.check(statement.int(0), segment: segment, position: statement.int(1), size: statement.int(3))
            guard IndexRange.size.contains(statement.int(2)) else { throw StorageFault.corrupt("body \(statement.int(0)): its length is \(statement.int(2))") }
            places.append((BodyID(rawValue: statement.int(0)), statement.int(1), Int(statement.int(2)), Int(statement.int(3))))
        }
        statement.reset()
        return try places.map { body, position, length, size in
            var bytes = try raw(segment, position, length)
            bytes.moveReaderIndex(forwardBy: min(RecordHeader.octets, bytes.readableBytes))
            guard size >= 0, size <= length, let chunks = bytes.readSlice(length: BodySeal.sealedSize(of: size)) else {
                throw StorageFault.corrupt("body \(body.rawValue): its record is too short")
            }
            let arrived = HolderBlock(bytes)?.arrived ?? Timestamp(rawValue: 0)
            return RawRecord(block: HolderBlock(body: body, arrived: arrived, holders: try holders(of: body)), size: size, chunks: chunks)
        }
    }

    /// Who holds a body now.
    func holders(of body: BodyID) throws -> [HolderBlock.Holder] {
        let statement = try connection.prepare("SELECT account, sealed_key FROM holder WHERE body=? ORDER BY account")
        try statement.bind([.int(body.rawValue)])
        defer { statement.reset() }
        var holders: [HolderBlock.Holder] = []
        while try statement.step() {
            let wrapped = statement.blob(1)
            // What is no key opens nothing.
            guard wrapped.count >= HolderBlock.wrappedKey else { continue }
            holders.append(HolderBlock.Holder(account: AccountID(rawValue: statement.int(0)), wrappedKey: wrapped))
        }
        return holders
    }

    /// From `from` on, about a mebibyte's later holders that hold a body still, and where to go on; nil: that was all.
    fileprivate func laterHolders(in segment: Int64, from: Int64) throws -> (blocks: [HolderBlock], next: Int64?) {
        let path = folder.segment(segment)
        var scan = RecordScan(fd: try file(segment, path), path: path, position: from)
        var blocks: [HolderBlock] = []
        while let found = try scan.next() {
            if case .holders(let block) = found.content {
                let living = try holders(of: block.body).filter { holder in block.holders.contains { $0.account == holder.account } }
                if !living.isEmpty { blocks.append(HolderBlock(body: block.body, arrived: block.arrived, holders: living)) }
            }
            if scan.position - from >= 1 << 20 { return (blocks, scan.position) }
        }
        return (blocks, nil)
    }
}

extension Transaction {
    fileprivate func moved(_ body: BodyID, from segment: Int64, to place: BodyPlace) throws {
        try write(
            "INSERT INTO segment VALUES (?,?,0) ON CONFLICT (id) DO UPDATE SET indexed=max(indexed, excluded.indexed)",
            .int(place.segment), .int(place.position + place.length))
        try write(
            "UPDATE body SET segment=?, position=?, length=? WHERE id=? AND segment=?",
            .int(place.segment), .int(place.position), .int(place.length), .int(body.rawValue), .int(segment))
        // It was let go meanwhile: the copy is dead space.
        if connection.changes == 0 { try write("UPDATE segment SET dead=dead+? WHERE id=?", .int(place.length), .int(place.segment)) }
    }

    /// False while a body still lies in it.
    fileprivate func dropSegment(_ segment: Int64) throws -> Bool {
        guard try connection.number("SELECT 1 FROM body WHERE segment=? LIMIT 1", .int(segment)) == nil else { return false }
        try write("DELETE FROM segment WHERE id=?", .int(segment))
        return true
    }
}
