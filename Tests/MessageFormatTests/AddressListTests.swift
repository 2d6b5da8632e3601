import MessageFormat
import NIOCore
import Testing

@Suite struct AddressListTests {
    /// name|route|mailbox|host of each address, nil as "-".
    static func shown(_ text: String) -> [String] {
        AddressList.parse(text).map { address in
            [address.displayName, address.route, address.mailbox, address.host].map { $0 ?? "-" }.joined(separator: "|")
        }
    }

    static let table: [(String, [String])] = [
        ("", []), (" , ,, ", []),
        ("a@b.example", ["-|-|a|b.example"]),
        ("Anna <a@b.example>", ["Anna|-|a|b.example"]),
        ("\"Doe, John\" <j@x>, k@y", ["Doe, John|-|j|x", "-|-|k|y"]),
        ("\"a \\\"b\\\" \\\\\" <j@x>", ["a \"b\" \\|-|j|x"]),
        ("John Q. Public <j@x>", ["John Q. Public|-|j|x"]),
        ("j@x (John (the one) Doe)", ["John (the one) Doe|-|j|x"]),
        ("<j@x> (John)", ["John|-|j|x"]),
        ("(c) j (c) . (c) k (c) @ (c) x (c) . (c) y", ["-|-|j.k|x.y"]),
        ("\"john doe\"@x", ["-|-|john doe|x"]),
        ("<@a.example,@b.example:j@x>", ["-|@a.example,@b.example|j|x"]),
        ("Friends: a@x, B <b@y>;", ["-|-|Friends|-", "-|-|a|x", "B|-|b|y", "-|-|-|-"]),
        ("undisclosed-recipients:;", ["-|-|undisclosed-recipients|-", "-|-|-|-"]),
        ("A: a@x; , c@z", ["-|-|A|-", "-|-|a|x", "-|-|-|-", "-|-|c|z"]),
        ("A: a@x", ["-|-|A|-", "-|-|a|x", "-|-|-|-"]),
        ("A: B: b@x; c@y", ["-|-|A|-", "-|-|b|x", "-|-|-|-", "-|-|c|y"]),
        ("root", ["-|-|root|"]),
        ("<>", ["-|-||"]),
        ("<j>", ["-|-|j|"]),
        ("@x", ["-|-||x"]),
        ("j@[192.0.2.1]", ["-|-|j|[192.0.2.1]"]),
        ("j@x.example <j@x.example>", ["j@x.example|-|j|x.example"]),
        ("John Doe j@x", ["John Doe|-|j|x"]),
        ("<a@x> <b@y>", ["-|-|a|x", "-|-|b|y"]),
        ("a@x; b@y", ["-|-|a|x", "-|-|b|y"]),
        ("Jürgen <jürgen@bücher.example>", ["Jürgen|-|jürgen|bücher.example"]),
        ("=?utf-8?q?J=C3=BCrgen?= <j@x>", ["=?utf-8?q?J=C3=BCrgen?=|-|j|x"]),
        ("Anna\r\n Maria\r\n\t<a@x>", ["Anna Maria|-|a|x"]),
        ("\"unclosed <a@x>, b@y", ["-|-|unclosed <a@x>, b@y|"]),
        ("(unclosed a@x, b@y", []),
        ("a@b@c, d@e", ["-|-|a|b", "-|-|d|e"]),
        ("<a@x", ["-|-|a|x"]),
        ("a@x) , b@y", ["-|-|a|x", "-|-|b|y"]),
        ("\\, >", []),
        ("News [EU] <a@x>", ["News [EU]|-|a|x"]), ("[ML] a@x", ["[ML]|-|a|x"]), ("<<a@x>>", ["-|-|a|x"]), ("A < <a@x>>, b@y", ["A|-|a|x", "-|-|b|y"]),
        ("News <EU> <a@x>", ["News <EU>|-|a|x"]), ("<EU> <b> <a@x>", ["<EU> <b>|-|a|x"]), ("A <a@x> <b@y>", ["A|-|a|x", "-|-|b|y"]),
        ("A <> <a@x>", ["A|-|a|x"]), ("A <b <a@x>", ["A <b>|-|a|x"]), ("A <b>", ["A|-|b|"]),
    ]

    @Test("address lists, obsolete and broken ones too: RFC 5322 §3.4, §4.4; groups: RFC 9051 §7.5.2", arguments: table)
    func parses(text: String, expected: [String]) {
        #expect(AddressListTests.shown(text) == expected)
    }

    static let clear = [
        "", ",a@x,,", "A. B. \"C\" <a@x> (c)", "a@x (A)", "G: a@x, B <b@y>;", "G:;", "a (c) . b @ x . y", "a@[192.0.2.1]", "a@x <a@x>", "[A] <a@x>",
        "=?utf-8?q?a?= <a@x>", "\"<b@y>\" <a@x>", "(<b@y>) a@x",
    ]
    static let unclear = [
        "a", "a@", "@x", "<a>", "<>", "A b@x", "a@x b@y", "a@x <b@y>", "<a@x> <b@y>", "<<a@x>>", "<a@x>>", "<a@x", "a@x>", "<a@x y>", "<a b@x c>",
        "A <b> <a@x>", "<@x:a@y>", "a@b@c", "G: a@x", "a@x;", "A: B: a@x;", "\"a@x", "(a@x", "a@x (b", "a@x)", "\\a@x", "Doe, A <a@x>", "a@x \"b@y\"",
        "<a@x> b",
    ]

    @Test("whether a list of addresses can be read in one way only: RFC 5322 §3.4", arguments: [(clear, true), (unclear, false)])
    func clarity(_ texts: [String], isClear: Bool) {
        for text in texts {
            let list = AddressList.parseClear(ByteBuffer(string: text))
            #expect((list != nil) == isClear, "\(text)")
            if let list { #expect(list == AddressList.parse(text)) }
        }
        #expect(AddressList.parseClear(ByteBuffer(string: "a@x,b@y"), limit: 1) == nil)
    }

    @Test("brackets without end cost their length")
    func brackets() {
        #expect(AddressListTests.shown(String(repeating: "<a> ", count: 100_000) + "<a@x>").count == 1)
        #expect(AddressListTests.shown(String(repeating: "<", count: 400_000)).count == 1)
    }

    @Test("comments within comments, however deep, neither overflow nor slow down: CVE-2026-47088")
    func nestedComments() {
        let deep = String(repeating: "(", count: 200_000)
        #expect(
            AddressListTests.shown("a@x " + deep + String(repeating: ")", count: 200_000) + ", b@y").map {
                $0.suffix(3)
            } == ["a|x", "b|y"])
        #expect(AddressListTests.shown("a@x, " + deep).count == 1)
    }

    @Test("no more addresses than the limit")
    func limit() {
        let many = String(repeating: "a@x,", count: 500)
        #expect(AddressList.parse(many, limit: 100).count == 100)
        #expect(AddressList.parse(many).count == 500)
    }
}
