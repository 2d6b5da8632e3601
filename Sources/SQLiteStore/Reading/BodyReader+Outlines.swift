import Crypto
import FoundationEssentials
import MailModel
import MessageFormat
import NIOCore
import Storage

// Look-ups of many bodies at once, and their outlines.
extension BodyReader {
    /// Ids that lie as close as this are looked up by one range; what lies between costs less than another look-up.
    private static let closeIDs: Int64 = 8

    /// Calls `take` once for each of `bodies`, rising and none twice, that the account holds: its id, its key as it is wrapped for the account in column 1,
    /// and `columns` from column 2 on.
    func lookUp(
        _ bodies: [BodyID], _ columns: String, for account: AccountID, _ take: (_ index: Int, _ row: Statement) throws -> Void
    ) throws {
        let statement = try connection.prepare(
            "SELECT holder.body, holder.sealed_key, \(columns) FROM holder CROSS JOIN body ON body.id=holder.body "
                + "WHERE holder.body BETWEEN ? AND ? AND holder.account=? ORDER BY holder.body")
        defer { statement.reset() }
        var start = 0
        while start < bodies.count {
            var end = start + 1
            while end < bodies.count, bodies[end].rawValue &- bodies[end - 1].rawValue <= BodyReader.closeIDs { end += 1 }
            statement.reset()
            try statement.bind([.int(bodies[start].rawValue), .int(bodies[end - 1].rawValue), .int(account.rawValue)])
            var index = start
            while try statement.step() {
                let id = statement.int(0)
                while index < end, bodies[index].rawValue < id { index += 1 }
                if index < end, bodies[index].rawValue == id { try take(index, statement) }
            }
            start = end
        }
    }

    func key(of body: BodyID, _ account: AccountID, _ accountKey: SymmetricKey, in row: Statement) throws -> HeldKey {
        try row.withBlob(1) { try HeldKey.open($0, body, for: .account(account), under: accountKey) }
    }

    func outlines(of bodies: [BodyID], for account: AccountID, keeping: Bool = true) throws -> [MessageOutline] {
        let encoded = try encodedOutlines(of: bodies, for: account, keeping: keeping)
        return try zip(bodies, encoded).map { body, outline in try decode(outline, of: body) }
    }

    private func decode(_ outline: EncodedOutline, of body: BodyID) throws -> MessageOutline {
        do { return try outline.decoded() } catch { throw StorageFault.corrupt("outline of body \(body.rawValue): \(error)") }
    }

    /// From memory what is there, the rest from the index; `keeping`: it is remembered.
    func encodedOutlines(of bodies: [BodyID], for account: AccountID, keeping: Bool = true) throws -> [EncodedOutline] {
        guard let key = catalog.account(account)?.key else { throw StorageFault.noSuchAccount }
        var (found, missing) = catalog.outlines.find(bodies, for: account)
        guard !missing.isEmpty else { return found }
        let wanted = missing.map { bodies[$0] }.sortedOnce()
        let slab = try openOutlines(of: wanted, account, key)
        guard slab.ranges.count == wanted.count else { throw StorageFault.noSuchMessage }
        if keeping { catalog.outlines.keep(slab.octets, slab.ranges, shifts: slab.shifts, for: account) }
        for index in missing {
            guard let place = wanted.place(of: bodies[index]) else { continue }
            found[index] = EncodedOutline(slab.octets[slab.ranges[place].range], shift: slab.shifts[place])
        }
        return found
    }

    /// Outlines of the bodies alone, without what stands before them; those that are no message are left out.
    func textOutlines(of bodies: [BodyID], for account: AccountID) throws -> [(body: BodyID, outline: MessageOutline)] {
        guard let key = catalog.account(account)?.key else { throw StorageFault.noSuchAccount }
        let wanted = bodies.sortedOnce()
        let slab = try openOutlines(of: wanted, account, key, isText: true)
        return try slab.ranges.map { item in (item.body, try decode(EncodedOutline(slab.octets[item.range]), of: item.body)) }
    }

    private func openOutlines(
        of wanted: [BodyID], _ account: AccountID, _ key: SymmetricKey, isText: Bool = false
    ) throws -> (octets: [UInt8], ranges: [(body: BodyID, range: Range<Int>)], shifts: [Int]) {
        var octets: [UInt8] = []
        octets.reserveCapacity(wanted.count * 2_048)
        var ranges: [(body: BodyID, range: Range<Int>)] = []
        ranges.reserveCapacity(wanted.count)
        var shifts: [Int] = []
        shifts.reserveCapacity(wanted.count)
        var outdated: [(index: Int, head: [UInt8])] = []
        try lookUp(wanted, "body.outline, body.parser", for: account) { index, row in
            let body = wanted[index]
            let start = octets.count
            let parser = ParserMark(rawValue: row.int(3))
            guard parser.kind == nil else { return }
            let held = try self.key(of: body, account, key, in: row)
            let head = isText ? [] : held.share.head
            if parser.version == MessageOutline.version {
                let label = Label(kind: .outline, id: body.rawValue)
                let plain = try row.withBlob(2) { try Seal.open($0, under: held.key, as: label) }
                try plain.withUnsafeBytes { try BodyReader.append($0, behind: head, of: body, to: &octets) }
            } else {
                outdated.append((ranges.count, head))
            }
            ranges.append((body, start..<octets.count))
            shifts.append(head.count)
        }
        for (index, head) in outdated {
            let start = octets.count
            let body = ranges[index].body
            try scan(body, account).encode().withUnsafeReadableBytes { try BodyReader.append($0, behind: head, of: body, to: &octets) }
            ranges[index].range = start..<octets.count
        }
        // What was reserved in vain is given back.
        return ([UInt8](unsafeUninitializedCapacity: octets.count) { $1 = $0.initialize(fromContentsOf: octets) }, ranges, shifts)
    }

    private static func append(_ outline: UnsafeRawBufferPointer, behind head: [UInt8], of body: BodyID, to octets: inout [UInt8]) throws {
        guard !head.isEmpty else { return octets.append(contentsOf: outline) }
        try head.withUnsafeBytes { head in
            do { try EncodedOutline.append(outline, behind: head, to: &octets) } catch {
                throw StorageFault.corrupt("outline of body \(body.rawValue): \(error)")
            }
        }
    }

    /// The outline worked out anew, for a body that an older parser saw.
    private func scan(_ body: BodyID, _ account: AccountID) throws -> MessageOutline {
        var scanner = MessageScanner()
        var position = 0
        while true {
            let piece = try readText(position..<(position + 1 << 20), of: body, by: .account(account))
            guard piece.readableBytes > 0 else { return scanner.finish() }
            position += piece.readableBytes
            scanner.consume(piece)
        }
    }
}

extension [BodyID] {
    /// Rising, none twice.
    func sortedOnce() -> [BodyID] {
        var isRising = true
        for index in indices.dropFirst() where self[index - 1] >= self[index] { isRising = false }
        return isRising ? self : Set(self).sorted()
    }

    /// In an array that is sorted.
    func place(of body: BodyID) -> Int? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < body { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low] == body ? low : nil
    }
}
