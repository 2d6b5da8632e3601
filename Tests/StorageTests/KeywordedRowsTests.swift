import MailModel
import Storage
import Testing

@Suite("Rows with keywords that their words have no bits for")
struct KeywordedRowsTests {
    private func row(_ number: UInt32) throws -> MessageRow {
        MessageRow(
            uid: try #require(UID(rawValue: number)), flags: FlagBits(rawValue: 0), modSeq: .zero, body: BodyID(rawValue: Int64(number)),
            internalDate: Timestamp(rawValue: 0), size: 1)
    }

    private func set(_ places: Int...) -> FurtherKeywords { places.reduce(into: FurtherKeywords()) { $0.insert($1) } }

    private func snapshot(_ count: UInt32, further: [UInt32: FurtherKeywords] = [:]) throws -> MailboxSnapshot {
        var snapshot = MailboxSnapshot(mailbox: MailboxID(rawValue: 1), uidValidity: try #require(UIDValidity(rawValue: 1)))
        var known: [UID: FurtherKeywords] = [:]
        for (number, keywords) in further { known[try #require(UID(rawValue: number))] = keywords }
        snapshot.append(try (1...count).map(row), further: known)
        return snapshot
    }

    private func further(_ snapshot: MailboxSnapshot) throws -> [UInt32: [Int]] {
        var found: [UInt32: [Int]] = [:]
        for row in try snapshot.rowsInOrder {
            let places = try snapshot.further(of: row.uid).places
            #expect(row.hasFurther == !places.isEmpty)
            if row.hasFurther { found[row.uid.rawValue] = places }
        }
        return found
    }

    @Test("a row takes no more room than without them: 48 octets")
    func layout() {
        #expect(MemoryLayout<MessageRow>.stride == 48 && MemoryLayout<MessageRow>.size == 44)
    }

    @Test("they stay with their rows through arrivals, changes and expunges; other versions keep theirs, and blocks that do not change are shared")
    func versions() throws {
        let first = try snapshot(1_100, further: [3: set(59), 600: set(60, 1_000), 601: set(60, 1_000)])
        #expect(try further(first) == [3: [59], 600: [60, 1_000], 601: [60, 1_000]])
        var second = first
        second.append([try row(1_101)], further: [try #require(UID(rawValue: 1_101)): set(70)])
        try second.update(NumberSet(1...600)) { row in
            guard row.uid.rawValue != 600 else { return nil }
            var row = row
            if row.uid.rawValue == 3 { row.flags.rawValue = 1 }
            return row
        }
        #expect(try further(second) == [3: [59], 601: [60, 1_000], 1_101: [70]] && second.count == 1_100)
        #expect(try further(first).count == 3 && first.row(try #require(UID(rawValue: 3)))?.flags.rawValue == 0)
        var third = second
        try third.updateAll(NumberSet(601...602)) { row, old in
            var new = old
            new.subtract(set(60))
            new.insert(80)
            return (row, new)
        }
        #expect(try further(third) == [3: [59], 601: [80, 1_000], 602: [80], 1_101: [70]])
        #expect(third.blocks[0] === second.blocks[0] && third.blocks[2] === second.blocks[2] && third.blocks[1] !== second.blocks[1])
        #expect(try third.uids(having: 80) == NumberSet(601...602) && third.uids(having: 59) == NumberSet(3...3) && third.uids(having: 60).isEmpty)
        var fourth = third
        try fourth.updateAll(NumberSet(1...2_000)) { row, _ in (row, FurtherKeywords()) }
        #expect(try further(fourth).isEmpty && fourth.used == FlagSet(bits: FlagBits(rawValue: 1)))
        #expect(try third.used?.further.places == [59, 70, 80, 1_000] && further(third).count == 4)
        try fourth.updateAll(NumberSet(1...1)) { row, _ in (row, FurtherKeywords()) }
        #expect(fourth.blocks[0] !== third.blocks[0])
    }

    @Test("a block whose rows are not at hand says which keywords are in use where its summary does, and else that it is not known")
    func distant() throws {
        let whole = try snapshot(600, further: [5: set(61)])
        var lazy = MailboxSnapshot(mailbox: whole.mailbox, uidValidity: whole.uidValidity)
        for block in whole.blocks {
            let (rows, further) = (try block.rows, try whole.further(of: try block.rows))
            lazy.append(MailboxSnapshot.Block(distant: block.summary, of: whole.mailbox) { _, _ in KeywordedRows(rows, further: further) })
        }
        #expect(lazy.used == whole.used && lazy.used?.further.places == [61] && !lazy.blocks[0].isAtHand)
        #expect(throws: RowsNotAtHand.self) { try lazy.uids(having: 61) }
        try lazy.prepare(NumberSet(1...600))
        #expect(try lazy.uids(having: 61) == NumberSet(5...5) && further(lazy) == [5: [61]])
        let summary = MailboxSnapshot.BlockSummary(first: .first, last: .first, count: 1, unseen: 1)
        lazy.append(MailboxSnapshot.Block(summary, of: whole.mailbox) { _, _ in [] })
        #expect(lazy.used == nil && !(KeywordTable().isFull) && lazy.hasRoomForKeyword)
    }
}
