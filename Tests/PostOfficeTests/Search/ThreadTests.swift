import MailModel
import MessageFormat
import NIOCore
import Storage
import Testing

@testable import PostOffice

@Suite("Conversations: RFC 5256 §3")
struct ThreadTests {
    /// Messages of one day each, in order: id, references, subject.
    typealias Mail = (id: String, references: String, subject: String)

    private func thread(
        _ mails: [Mail], _ algorithm: ThreadAlgorithm, most: (ids: Int, references: Int) = (100, 100)
    ) throws -> String {
        var table = ThreadTable(algorithm: algorithm, most: most)
        for (index, mail) in mails.enumerated() {
            var text = mail.id.isEmpty ? "" : "Message-ID: <\(mail.id)@x>\r\n"
            let references = mail.references.split(separator: " ").map { "<\($0)@x>" }.joined(separator: " ")
            if !references.isEmpty { text += "References: \(references)\r\n" }
            text += "Subject: \(mail.subject)\r\n\r\n"
            var scanner = MessageScanner()
            scanner.consume(ByteBuffer(string: text))
            let uid = try #require(UID(rawValue: UInt32(index + 1)))
            let row = MessageRow(
                uid: uid, flags: FlagBits(rawValue: 0), modSeq: .zero, body: BodyID(rawValue: Int64(index)),
                internalDate: Timestamp(rawValue: Int64(index) * 86_400), size: 1)
            table.append(row, scanner.finish())
        }
        let forest = table.forest()
        return forest.roots.map { ThreadTests.written($0, forest) }.joined()
    }

    /// As IMAP writes it: messages from 1 on, what is missing left out.
    private static func written(_ root: Int, _ forest: ThreadForest) -> String {
        var words: [String] = []
        var node = root
        if let place = forest.message(at: node) {
            words.append("\(place + 1)")
            while forest.children[node].count == 1 {
                node = forest.children[node][0]
                words.append(forest.message(at: node).map { "\($0 + 1)" } ?? "?")
            }
        }
        let below = forest.children[node].map { written($0, forest) }.joined()
        return "(" + (words + (below.isEmpty ? [] : [below])).joined(separator: " ") + ")"
    }

    @Test(
        "REFERENCES",
        arguments: [
            ("a chain", [("a", "", "x"), ("b", "a", "y"), ("c", "a b", "z")], "(1 2 3)"),
            ("a fork", [("a", "", "x"), ("b", "a", "y"), ("c", "a", "z")], "(1 (2)(3))"),
            ("children before their parent", [("c", "a b", "z"), ("b", "a", "y"), ("a", "", "x")], "(3 2 1)"),
            ("one child of one that is missing", [("b", "gone", "x")], "(1)"),
            ("several children of one that is missing", [("b", "gone", "x"), ("c", "gone", "y")], "((1)(2))"),
            ("missing ones within go", [("a", "", "x"), ("d", "a gone lost", "y"), ("e", "a gone", "z")], "(1 (2)(3))"),
            ("missing ones below a missing one", [("a", "p q", "x"), ("b", "p r", "y"), ("c", "p r", "z")], "((1)(2)(3))"),
            ("a loop is not closed", [("a", "b", "x"), ("b", "a", "y")], "(2 1)"),
            ("it is not its own parent", [("a", "a", "x"), ("b", "c c b", "y")], "(1)(2)"),
            ("a loop of three", [("a", "c", "x"), ("b", "a", "y"), ("c", "b", "z")], "(3 1 2)"),
            ("what is linked stays", [("a", "", "x"), ("b", "a", "y"), ("c", "a", "z"), ("d", "b c", "w")], "(1 (2)(3 4))"),
            ("its own last reference wins", [("c", "a b", "x"), ("b", "z", "y"), ("a", "", "w")], "(2 1)(3)"),
            ("the second of one id stands alone", [("a", "", "x"), ("a", "", "y"), ("b", "a", "z")], "(1 3)(2)"),
            ("without an id", [("", "a", "x"), ("a", "", "y"), ("", "", "z")], "(2 1)(3)"),
            ("a reply joins its subject", [("a", "", "tea"), ("b", "", "Re: TEA")], "(1 2)"),
            ("a reply before what it answers", [("a", "", "Re: tea"), ("b", "", "tea")], "(2 1)"),
            ("two of one subject are siblings", [("a", "", "tea"), ("b", "", "tea")], "((1)(2))"),
            ("two replies are siblings", [("a", "", "Re: tea"), ("b", "", "Fwd: tea")], "((1)(2))"),
            ("three of one subject", [("a", "", "tea"), ("b", "", "tea"), ("c", "", "Re: tea")], "((1)(2)(3))"),
            ("a later dummy takes the others", [("a", "", "tea"), ("b", "gone", "Re: tea"), ("c", "gone", "x")], "((1)(2)(3))"),
            ("two dummies become one", [("a", "g", "tea"), ("b", "g", "x"), ("c", "h", "tea"), ("d", "h", "y")], "((1)(2)(3)(4))"),
            ("empty subjects join nothing", [("a", "", "Re:"), ("b", "", "")], "(1)(2)"),
        ] as [(String, [Mail], String)])
    func references(_ name: String, _ mails: [Mail], _ expected: String) throws {
        #expect(try thread(mails, .references) == expected, "\(name)")
    }

    @Test("REFS leaves subjects alone and puts the thread with the latest arrival last")
    func refs() throws {
        let mails: [Mail] = [("a", "", "tea"), ("b", "", "tea"), ("c", "gone", "x"), ("d", "gone", "y"), ("e", "a", "Re: tea")]
        #expect(try thread(mails, .refs) == "(2)((3)(4))(1 5)")
    }

    @Test("ORDEREDSUBJECT: one level below the first of a subject")
    func orderedSubject() throws {
        let mails: [Mail] = [("a", "", "tea"), ("b", "", "x"), ("c", "b", "Re: Tea"), ("d", "", "[list] tea"), ("e", "", "fwd: x")]
        #expect(try thread(mails, .orderedSubject) == "(1 (3)(4))(2 5)")
    }

    @Test("a conversation may be deep", arguments: [false, true])
    func deep(isReversed: Bool) throws {
        var mails: [Mail] = (0..<1_500).map { ("m\($0)", $0 == 0 ? "" : "m\($0 - 1)", "s\($0)") }
        if isReversed { mails.reverse() }
        let numbers = (1...1_500).map(String.init)
        let expected = (isReversed ? numbers.reversed() : numbers).joined(separator: " ")
        #expect(try thread(mails, .references) == "(\(expected))")
    }

    @Test("of very many references only the nearest counts", arguments: [(4, 100), (100, 2)])
    func many(ids: Int, references: Int) throws {
        let mails: [Mail] = [("a", "p q r", "x"), ("b", "a s t", "y"), ("c", "u v a", "z")]
        #expect(try thread(mails, .refs, most: (ids, references)) == "(2)(1 3)")
    }
}
