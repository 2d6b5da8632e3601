import MailModel
import Testing

@testable import IMAP

@Suite("UIDBATCHES")
struct BatchTests {
    @Test(
        "arguments: RFC 10022 §4",
        arguments: [
            ("2000", BatchArguments(2_000)), ("1", BatchArguments(1)), ("4294967295", BatchArguments(.max)),
            ("500 10:20", BatchArguments(500, .init(10, 20))), ("500 4:1", BatchArguments(500, .init(4, 1))),
            ("4294967295 1:4294967295", BatchArguments(.max, .init(1, .max))),
        ])
    func arguments(_ text: String, _ expected: BatchArguments) throws {
        #expect(try command("uidbatches \(text)").arguments as? BatchArguments == expected)
    }

    @Test(
        "what is none: RFC 10022 §4",
        arguments: [
            "", " ", " 0", " 4294967296", " -1", " 500 ", " 500 1", " 500 1:", " 500 :2", " 500 0:1", " 500 1:0", " 500 1:*", " 500 1:2,4", " 500 1:2 ", " *",
        ])
    func malformed(_ text: String) {
        #expect(throws: SyntaxError.self) { try command("UIDBATCHES\(text)") }
    }
}
