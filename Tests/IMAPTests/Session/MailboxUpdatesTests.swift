import Testing

@testable import IMAP

@Suite("Many news at once")
struct MailboxUpdatesTests {
    private static let count = 5_000

    private func house() async throws -> House {
        let house = try await House()
        for _ in 0..<MailboxUpdatesTests.count { try await house.deliver("\r\n") }
        return house
    }

    private func numbers(_ lines: some Sequence<Substring>, of word: String) -> [Int] {
        lines.compactMap { line in
            let words = line.split(separator: " ")
            return words.count >= 3 && words[0] == "*" && words[2].hasPrefix(word) ? Int(words[1]) : nil
        }
    }

    @Test("every change of flags is told once, in order, before the answer: RFC 9051 §7.5.2")
    func flags() async throws {
        let house = try await house()
        let (one, two) = (await house.selected(), await house.selected())
        _ = await two.send("a STORE 1:* +FLAGS.SILENT (\\Flagged)\r\n")
        let lines = await one.send("b NOOP\r\nc SEARCH RETURN (COUNT) FLAGGED\r\n").split(separator: "\r\n")
        #expect(numbers(lines, of: "FETCH") == Array(1...MailboxUpdatesTests.count))
        #expect(lines.suffix(3) == ["b OK NOOP done", "* ESEARCH (TAG \"c\") COUNT \(MailboxUpdatesTests.count)", "c OK SEARCH done"])
    }

    @Test("expunges in an order in which each number holds, then what came: RFC 9051 §7.5.1", arguments: [false, true])
    func expunges(vanished: Bool) async throws {
        let house = try await house()
        let (one, two) = (await house.selected(), await house.selected())
        if vanished { _ = await one.send("q ENABLE QRESYNC\r\n") }
        _ = await one.send("c SEARCH RETURN (UPDATE COUNT) UNFLAGGED\r\n")
        _ = await one.send("i IDLE\r\n")
        _ = await two.send("a STORE 2:4999 +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\nc STORE 1:2 +FLAGS.SILENT (\\Flagged)\r\n")
        try await house.deliver("\r\n")
        let lines = await one.poked().split(separator: "\r\n")
        #expect(lines.first == "* ESEARCH (TAG \"c\") REMOVEFROM (0 2:4999)")
        #expect(numbers(lines, of: "EXPUNGE") == (vanished ? [] : (2...4_999).reversed()))
        #expect(lines.contains("* VANISHED 2:4999") == vanished)
        #expect(lines.contains("* 3 EXISTS"))
        #expect(numbers(lines, of: "FETCH") == [1, 2])
        #expect(lines.last == "* ESEARCH (TAG \"c\") REMOVEFROM (0 1:2) ADDTO (0 3)")
        #expect(await one.send("DONE\r\n") == "i OK IDLE done\r\n")
    }
}
