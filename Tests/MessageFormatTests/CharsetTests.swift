import MessageFormat
import Testing

@Suite struct CharsetTests {
    static let table: [(String, [UInt8], String)] = [
        ("utf-8", [0xC3, 0xA4, 0xFF], "ä\u{FFFD}"), ("US-ASCII", [0x61], "a"), ("us-ascii", [0xC3, 0xA4], "ä"),
        ("us-ascii", [0xE4], "ä"),
        ("ISO-8859-1", [0xE4, 0x80], "ä€"), ("latin1", [0xE4], "ä"), ("iso-8859-15", [0xA4], "€"),
        ("iso-8859-2", [0xB1], "ą"),
        ("iso-8859-5", [0xB0], "А"), ("ISO_8859-7:1987", [0xE1], "α"), ("iso-8859-8-i", [0xE0], "א"),
        ("windows-1250", [0x9A], "š"), ("cp1251", [0xC0], "А"), ("windows-1252", [0x80], "€"),
        ("windows-1253", [0xE1], "α"),
        ("koi8-r", [0xC1], "а"), ("koi8-u", [0xA4], "є"), ("ibm866", [0x80], "А"), ("cp437", [0x84], "ä"),
        ("cp850", [0x84], "ä"),
        ("iso-2022-jp", [0x1B, 0x24, 0x42, 0x24, 0x22, 0x1B, 0x28, 0x42], "あ"), ("shift_jis", [0x82, 0xA0], "あ"),
        ("euc-jp", [0xA4, 0xA2], "あ"),
        ("euc-kr", [0xC7, 0xD1], "한"), ("ks_c_5601-1987", [0xC7, 0xD1], "한"),
        ("iso-2022-kr", [0x1B, 0x24, 0x29, 0x43, 0x0E, 0x47, 0x51, 0x0F], "한"),
        ("gb2312", [0xD6, 0xD0], "中"), ("gbk", [0xD6, 0xD0], "中"), ("gb18030", [0x81, 0x30, 0x81, 0x30], "\u{80}"),
        ("big5", [0xA4, 0xA4], "中"),
        ("utf-7", Array("+ZeU-".utf8), "日"), ("utf-16", [0xFF, 0xFE, 0xE4, 0x00], "ä"),
        ("utf-16be", [0x00, 0xE4], "ä"), ("utf-16le", [0xE4, 0x00], "ä"),
        ("hz-gb-2312", Array("a~{VP~}~~".utf8), "a中~"), ("tis-620", [0xA1], "ก"), ("macintosh", [0x8A], "ä"),
        (" \"UTF-8\" ", [0x61], "a"),
        ("euc-jp", [0xA4], "\u{FFFD}"), ("euc-jp", [0x61, 0xFF, 0x62], "a\u{FFFD}b"), ("utf-16be", [0x00], "\u{FFFD}"),
        ("shift_jis", [], ""),
    ]

    @Test(
        "charsets by the names that mail uses; octets that are nothing there are U+FFFD: RFC 2046 §4.1.2",
        arguments: table)
    func decodes(label: String, octets: [UInt8], expected: String) {
        #expect(Charset.decode(octets, label: label) == expected)
        #expect(Charset.isKnown(label))
    }

    @Test(
        "only listed names reach the converter",
        arguments: ["", "x-nobody", "ISO-2022-CN-EXT", "UTF-8//TRANSLIT", "../../x", "iso-8859-99", "cp99999"])
    func unknown(label: String) {
        #expect(!Charset.isKnown(label))
        #expect(Charset.decode([0x61], label: label) == nil)
    }

    @Test("every octet string is read by every charset, in linear room")
    func total() {
        let octets = (0..<4_096).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ ($0 >> 3)) }
        for (label, _, _) in CharsetTests.table {
            let text = Charset.decode(octets, label: label)
            #expect((text?.utf8.count ?? 0) > 0, "\(label)")
            #expect((text?.utf8.count ?? .max) <= 4 * octets.count + 16, "\(label)")
        }
    }
}
