import MessageFormat
import NIOCore
import Testing

@Suite struct HeaderFieldsTests {
    static let block = message(
        "Received: one\n\tfolded\nSUBJECT : obsolete blanks\nno colon here\nFrom me Mon 1 Jan 12:00\nX-Empty:\nreceived: two\n\nbody: not a field\n"
    )

    @Test("fields with folding, obsolete blanks and without a colon: RFC 5322 §2.2.3, §4.5")
    func iterates() {
        let fields = Array(HeaderFields(HeaderFieldsTests.block))
        #expect(fields.map(\.name) == ["Received", "SUBJECT", "", "", "X-Empty", "received"])
        #expect(
            fields.map(\.value) == [
                "one\tfolded", "obsolete blanks", "no colon here", "From me Mon 1 Jan 12:00", "", "two",
            ])
        #expect(HeaderFieldsTests.block.latin(fields[0].range) == "Received: one\r\n\tfolded\r\n")
        #expect(fields[1].isNamed("subject"))
        #expect(HeaderFields(HeaderFieldsTests.block).first("RECEIVED")?.value == "one\tfolded")
    }

    @Test("ranges follow one another without a gap")
    func ranges() {
        var end = 0
        for field in HeaderFields(HeaderFieldsTests.block) {
            #expect(field.range.lowerBound == end)
            end = field.range.upperBound
        }
        #expect(HeaderFieldsTests.block.latin(end..<end + 2) == "\r\n")
    }

    @Test(
        "HEADER.FIELDS gives the fields octet for octet and an empty line: RFC 9051 §6.4.5",
        arguments: [
            (["received"], false, "Received: one\r\n\tfolded\r\nreceived: two\r\n\r\n"),
            (["Subject", "X-EMPTY"], false, "SUBJECT : obsolete blanks\r\nX-Empty:\r\n\r\n"),
            (["absent"], false, "\r\n"),
            (["received", "subject"], true, "no colon here\r\nFrom me Mon 1 Jan 12:00\r\nX-Empty:\r\n\r\n"),
        ] as [([String], Bool, String)])
    func select(names: [String], excluding: Bool, expected: String) {
        let selected = HeaderFields.select(names: names, excluding: excluding, from: HeaderFieldsTests.block)
        #expect(String(buffer: selected) == expected)
    }

    @Test("a block that ends without its line end still gives whole lines")
    func unterminated() {
        let selected = HeaderFields.select(names: ["a"], excluding: false, from: ByteBuffer(string: "A: 1"))
        #expect(String(buffer: selected) == "A: 1\r\n\r\n")
    }

    @Test(
        "values are UTF-8, otherwise ISO 8859-1, without NUL: RFC 6532 §3",
        arguments: [
            ("S: gr\u{C3}\u{BC}n\r\n", "grün"), ("S: gr\u{FC}n\r\n", "grün"), ("S: a\0b\r\n c\r\n", "ab c"),
            ("S: \r\n x \r\n", "x"),
        ])
    func eightBit(raw: String, expected: String) {
        #expect(HeaderFields(ByteBuffer(latin: raw)).first("s")?.value == expected)
    }

    @Test("what is selected is what going through the fields selects", arguments: 0..<400)
    func selections(seed: Int) {
        var chance = SplitMix(state: UInt64(seed))
        let pieces = ["A", "b", "Subject", ":", ":", " ", "\t", "\r\n", "\r\n", "\n", "\r", "é", "-", "AB", "\0", "x: y\r\n"]
        let text = (0..<Int.random(in: 0..<30, using: &chance)).map { _ in pieces.randomElement(using: &chance) ?? "" }.joined()
        let names = (0..<Int.random(in: 0..<4, using: &chance)).map { _ in
            ["a", "B", "ab", "SUBJECT", "x", "", "a b", "é", "a:", "-"].randomElement(using: &chance) ?? ""
        }
        let block = ByteBuffer(string: text)
        for excluding in [false, true] {
            var expected = ""
            for field in HeaderFields(block) {
                guard names.contains(where: field.isNamed) != excluding else { continue }
                expected += block.getString(at: field.range.lowerBound, length: field.range.count) ?? ""
                if expected.utf8.last != 0x0A { expected += "\r\n" }
            }
            let selected = HeaderFields.select(names: names, excluding: excluding, from: block)
            #expect(String(buffer: selected) == expected + "\r\n", "\(names) of \(text.debugDescription)")
        }
    }
}
