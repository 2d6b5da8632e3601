import MailModel
import Storage
import Testing

@testable import POP3

@Suite("Marks of deletion")
struct MarksTests {
    @Test("any message, in any order, and exactly those: RFC 1939 §5 DELE")
    func marks() throws {
        let validity = try #require(UIDValidity(rawValue: 1))
        var rows = MailboxSnapshot(mailbox: MailboxID(rawValue: 1), uidValidity: validity)
        let all = (1...200).compactMap { UID(rawValue: $0 * 3) }.map {
            MessageRow(uid: $0, flags: FlagBits(rawValue: 0), modSeq: .zero, body: BodyID(rawValue: 1), internalDate: Timestamp(rawValue: 0), size: 10)
        }
        rows.append(all)
        var marks = Marks()
        let wanted = [199, 0, 63, 64, 65, 127, 128]
        for index in wanted { marks.mark(index, all[index]) }
        #expect((0..<200).filter { marks.contains($0) } == wanted.sorted())
        #expect(!marks.contains(100_000))
        #expect(marks.count == 7 && marks.octets == 70)
        var uids = NumberSet()
        for start in stride(from: 0, to: 200, by: 60) { try marks.addUIDs(of: start..<start + 60, in: rows, to: &uids) }
        #expect(Array(uids.numbers) == wanted.sorted().map { UInt32($0 + 1) * 3 })
    }
}
