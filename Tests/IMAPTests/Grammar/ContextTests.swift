import MailModel
import NIOCore
import Testing

@testable import IMAP

@Suite("Contexts: RFC 5267")
struct ContextTests {
    @Test(
        "return options: RFC 5267 §5",
        arguments: [
            ("()", .all, nil, false), ("(UPDATE)", [], nil, true), ("(CONTEXT)", [], nil, false), ("(context update count)", .count, nil, true),
            ("(PARTIAL 3:1 UPDATE)", [], PartialRange(3, 1), true), ("(SAVE UPDATE)", .save, nil, true),
        ] as [(String, SearchArguments.ReturnOptions, PartialRange?, Bool)])
    func options(_ text: String, _ returns: SearchArguments.ReturnOptions, _ partial: PartialRange?, _ isUpdated: Bool) throws {
        var expected = SearchArguments(returns: returns, key: .all)
        expected.partial = partial
        expected.isUpdated = isUpdated
        #expect(try command("SEARCH RETURN \(text) ALL") == .search(expected, .sequence))
        expected.charset = "UTF-8"
        #expect(try command("UID SORT RETURN \(text) (SIZE) UTF-8 ALL") == .sort(SortArguments([.init(.size)], expected), .uid))
    }

    @Test("CANCELUPDATE: RFC 5267 §5")
    func cancel() throws {
        #expect(try command("CANCELUPDATE \"a\"") == .cancelUpdate(["a"]))
        #expect(try command("cancelupdate \"a\" {1}\r\nb \"\"") == .cancelUpdate(["a", "b", ""]))
    }

    @Test(
        "what it cannot be",
        arguments: [
            "CANCELUPDATE", "CANCELUPDATE ", "CANCELUPDATE a", "CANCELUPDATE \"a\" ", "CANCELUPDATE (\"a\")", "CANCELUPDATE \"a\"\"b\"",
            "CANCELUPDATE" + String(repeating: " \"a\"", count: 101), "SEARCH RETURN (UPDATE ALL PARTIAL 1:2) ALL", "SEARCH UPDATE ALL",
        ])
    func errors(_ line: String) {
        #expect(throws: SyntaxError.self) { try command(line) }
    }

    @Test("updates in writing: RFC 5267 §4.3.3, §4.3.4")
    func writing() throws {
        let tag = try #require(Tag("C01"))
        func written(_ update: ContextUpdate, _ numbering: Numbering = .uid) -> String {
            var output = ByteBuffer()
            output.writeUpdate(update, tag: tag, numbering)
            return String(buffer: output)
        }
        #expect(written(ContextUpdate()) == "")
        #expect(
            written(ContextUpdate(added: [.init(position: 1, numbers: [2733]), .init(position: 1, numbers: [2731, 2732])]))
                == "* ESEARCH (TAG \"C01\") UID ADDTO (1 2733 1 2731:2732)\r\n")
        #expect(
            written(ContextUpdate(removed: [.init(position: 0, numbers: [32768])], added: [.init(position: 0, numbers: [4, .max])]), .sequence)
                == "* ESEARCH (TAG \"C01\") REMOVEFROM (0 32768) ADDTO (0 4,4294967295)\r\n")
    }

    /// What a client makes of updates.
    private static func apply(_ update: ContextUpdate, to results: [UInt32]) -> [UInt32]? {
        var results = results
        for run in update.removed {
            for number in run.numbers {
                guard run.position > 0, run.position <= results.count, results[run.position - 1] == number else { return nil }
                results.remove(at: run.position - 1)
            }
        }
        for run in update.added {
            guard run.position > 0, run.position <= results.count + 1 else { return nil }
            results.insert(contentsOf: run.numbers, at: run.position - 1)
        }
        return results
    }

    @Test("a client that applies the updates of a SORT has its results: RFC 5267 §4.3.2", arguments: 0..<40)
    func positions(seed: Int) throws {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let tag = try #require(Tag("C01"))
        let all = try (1...60).map { SortedMember(try #require(UID(rawValue: $0)), key: [UInt8(random(8))]) }
        var context = UpdatingContext(tag: tag, .uid, .all, criteria: [.init(.size)], members: NumberSet())
        var told: [UInt32] = []
        for _ in 0..<30 {
            let moving = Set((0..<random(20)).map { _ in random(60) }).map { all[$0] }
            let gone = NumberSet(moving.filter { context.members.contains($0.uid) }.map { $0.uid...$0.uid })
            let update = context.change(gone: gone, new: moving.filter { !context.members.contains($0.uid) }) { $0 }
            told = try #require(ContextTests.apply(update, to: told))
            #expect(told == context.order.map(\.uid))
            #expect(told == all.filter { context.members.contains($0.uid) }.sorted().map(\.uid))
        }
    }

    @Test("keys of texts compare as the texts do: RFC 5255 §4")
    func keys() {
        var column = TextColumn()
        let texts = ["", "a", "a\u{0}", "a\u{0}b", "a\u{0}\u{0}", "a\u{1}", "ab", "b", "A", "é", "\u{10FFFF}", String(repeating: "x", count: 300)]
        for text in texts { column.append(text) }
        for a in texts.indices {
            for b in texts.indices {
                #expect((column.compare(a, b) < 0) == column.key(at: a).lexicographicallyPrecedes(column.key(at: b)))
            }
        }
    }

    @Test("of very many messages less of each text counts: a table is bounded")
    func bounded() {
        var column = TextColumn(most: 16)
        column.append(String(repeating: "x", count: 20) + "a")
        column.append(String(repeating: "x", count: 20) + "b")
        column.append("y")
        #expect(column.compare(0, 1) == 0)
        #expect(column.compare(1, 2) < 0)
    }
}
