import MessageFormat
import NIOCore
import Testing

@Suite struct EncodedWordTests {
    static let table: [(String, String)] = [
        ("plain text", "plain text"), ("", ""), ("a =? b ?= c", "a =? b ?= c"),
        ("=?ISO-8859-1?Q?a?=", "a"), ("=?ISO-8859-1?Q?a?= b", "a b"),
        ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"), ("=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a_b?=", "a b"), ("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        ("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
        ("=?iso-8859-1?q?Andr=E9?= Pirard", "André Pirard"),
        ("=?utf-8?b?SMOpbGxv?=", "Héllo"), ("=?UTF-8?B?SMOpbGxv", "=?UTF-8?B?SMOpbGxv"),
        ("=?utf-8?b?ww?= =?utf-8?b?pA==?=", "ä"), ("=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "ä"),
        ("=?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=", "日本語"), ("=?shift_jis?B?k/qWe4zq?=", "日本語"),
        ("=?EUC-JP?B?xvzL3Ljs?=", "日本語"), ("=?gb2312?B?1tDOxA==?=", "中文"), ("=?big5?B?pKSk5Q==?=", "中文"),
        ("=?euc-kr?B?x9GxuQ==?=", "한국"), ("=?koi8-r?B?8NLJ18XU?=", "Привет"), ("=?windows-1251?B?z/Do4uXy?=", "Привет"),
        ("=?hz-gb-2312?Q?~{VPND~}?=", "中文"), ("=?utf-7?Q?Hi_+Jjo-?=", "Hi ☺"),
        ("=?x-nobody?q?a?= b", "=?x-nobody?q?a?= b"), ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("x=?utf-8?q?=C3=A4?=y", "xäy"), ("=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?two words?=", "two words"), ("=?utf-8?q?a=0D=0ABcc:_x=00?=", "aBcc: x"),
        ("=?utf-8?q?=ff?=", "\u{FFFD}"), ("=?utf-8?q?=zz=?=", "=zz="), ("=?utf-8?q??=", ""),
        ("ä =?utf-8?q?=C3=B6?=", "ä ö"), ("=?", "=?"), ("=??q?a?=", "=??q?a?="), ("?==?utf-8?q?a?=", "?=a"),
    ]

    @Test("encoded words of many charsets, right and wrong ones: RFC 2047 §2, §6.2, §8; RFC 2231 §5", arguments: table)
    func decodes(text: String, expected: String) {
        #expect(EncodedWord.decode(text) == expected)
    }

    @Test(
        "encodes whole characters in words of at most 75 octets, and back: RFC 2047 §2, §5",
        arguments: [
            "grün",
            "Ein langer Betreff mit nur einem Umlaut, der gewiß nicht in ein einziges Wort von 75 Zeichen paßt, oder?",
            String(repeating: "日本語テキスト", count: 40), "a_b=?c ü", String(repeating: "😀", count: 100), "ü ", " ü",
            "Привет, мир",
        ])
    func encodes(text: String) {
        let encoded = EncodedWord.encode(text)
        #expect(encoded.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
        let words = encoded.split(separator: " ")
        #expect(words.allSatisfy { $0.utf8.count <= 75 && $0.hasPrefix("=?utf-8?") && $0.hasSuffix("?=") })
        #expect(words.allSatisfy { !EncodedWord.decode(String($0)).contains("\u{FFFD}") })
        #expect(EncodedWord.decode(encoded) == text)
    }

    static let raw: [(String, String, String)] = [
        ("=?iso-8859-1?Q?Fr\u{F6}sche?=", "=?iso-8859-1?Q?Fr=F6sche?=", "Frösche"),
        ("=?utf-8?q?Fr\u{C3}\u{B6}sche?=", "=?utf-8?q?Fr=C3=B6sche?=", "Frösche"),
        ("=?koi8-r?q?\u{F0}\u{D2}\u{C9}?= =?koi8-r?q?_=F0?=", "=?koi8-r?q?=F0=D2=C9?= =?koi8-r?q?_=F0?=", "При П"),
        ("\u{C3}\u{B6} =?iso-8859-1?Q?\u{F6}?=", "ö =?iso-8859-1?Q?=F6?=", "ö ö"),
        ("=?iso-8859-1?Q?\u{F6}", "=?iso-8859-1?Q?ö", "=?iso-8859-1?Q?ö"), ("\u{F6} =?iso-8859-1?Q?=F6?= \u{F6}", "ö =?iso-8859-1?Q?=F6?= ö", "ö ö ö"),
        ("=?a?q?\u{F6}?==?iso-8859-1?q?\u{E4}_\u{FC}?=", "=?a?q?=F6?==?iso-8859-1?q?=E4_=FC?=", "=?a?q?=F6?=ä ü"),
    ]

    @Test("octets beyond ASCII within a word are of the word's charset, once: in the envelope, decoded and in searches", arguments: raw)
    func octets(_ written: String, _ shown: String, _ decoded: String) {
        let outline = scan(ByteBuffer(latin: "Subject: \(written)\r\nFrom: \(written) <a@x>\r\nContent-Type: a/b; name=\"\(written)\"\r\n\r\n"))
        #expect(outline.envelope.subject == shown && outline.envelope.from.first?.displayName == shown)
        #expect(EncodedWord.decode(shown) == decoded && outline.root.fileName == decoded)
        let header = ByteBuffer(latin: "Subject: \(written)\r\n")
        #expect(SearchableText.anyField("subject", of: header) { SearchNeedle(decoded).isIn(folded: $0) })
    }

    @Test("ASCII stays as it is, and nothing is encoded twice")
    func once() {
        #expect(EncodedWord.encode("Re: =?utf-8?q?=C3=A4?=") == "Re: =?utf-8?q?=C3=A4?=")
        #expect(EncodedWord.decode(EncodedWord.encode("ö =?utf-8?q?=C3=A4?=")) == "ö ä")
        #expect(EncodedWord.encode("grün") == "=?utf-8?q?gr=C3=BCn?=")
        #expect(EncodedWord.encode("日本") == "=?utf-8?b?5pel5pys?=")
    }
}
