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
}
