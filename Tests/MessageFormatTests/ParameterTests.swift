import MessageFormat
import Testing

@Suite struct ParameterTests {
    /// The parameters of a Content-Type, as `name=value`.
    static func raw(_ parameters: String) -> [String] {
        scan(lines: "Content-Type: application/x-x; \(parameters)\n\n").root.parameters.map { $0.name + "=" + $0.value }
    }

    static let table: [(String, [String])] = [
        ("name=a.txt", ["name=a.txt"]), ("NAME = \"a \\\"b\\\".txt\" ; x=y", ["name=a \"b\".txt", "x=y"]),
        ("name*0=\"a\"; name*1=b", ["name=ab"]), ("name*1=b; name*0=a", ["name=ab"]),
        ("name*0=a; name*2=c", ["name=a"]),
        ("name*1=b", []), ("name*=utf-8'de'gr%C3%BCn", ["name*=utf-8'de'gr%C3%BCn"]),
        ("name*0*=utf-8''gr%C3; name*1*=%BCn; name*2=\" x%\"", ["name*=utf-8''gr%C3%BCn%20x%25"]),
        ("name*999=x; name*99999999999=y", ["name*99999999999=y"]),
        ("name=My File.pdf; x=1", ["name=My File.pdf", "x=1"]),
        (";; ; a=1;", ["a=1"]), ("a; b=2", ["b=2"]), ("=x; b=2", ["b=2"]), ("a=\"unclosed; b=2", ["a=unclosed; b=2"]),
        ("a=(c)1(c); b=2 (c)", ["a=1", "b=2"]), ("boundary=a=b?c:d/e", ["boundary=a=b?c:d/e"]),
        ("a=1; a=2", ["a=1", "a=2"]), ("a=\"x\n y\"", ["a=x y"]), ("a=", ["a="]),
        ("name=a(1).pdf; x=1(c)", ["name=a(1).pdf", "x=1"]), ("filename=My File (2).pdf ; a=1", ["filename=My File (2).pdf", "a=1"]),
        ("name=\"a(1).pdf\" (c); a=(c)1", ["name=a(1).pdf", "a=1"]), ("NAME=(draft; a=1", ["name=(draft", "a=1"]),
        ("filename*0=a(; filename*1=1).txt", ["filename=a(1).txt"]), ("charset=us-ascii (Plain text)", ["charset=us-ascii"]),
    ]

    @Test(
        "parameters as BODYSTRUCTURE gives them, continuations joined: RFC 2045 §5.1, RFC 2231 §3, §4, §6",
        arguments: table)
    func parses(text: String, expected: [String]) {
        #expect(ParameterTests.raw(text) == expected)
    }

    static let names: [(String, String?)] = [
        ("filename=a.txt", "a.txt"), ("filename*=utf-8''gr%C3%BCn.txt", "grün.txt"),
        ("filename=\"x\"; filename*=iso-8859-1'de'gr%FCn", "grün"),
        ("filename*0*=koi8-r''%F0%D2; filename*1*=%C9", "При"),
        ("filename=\"=?utf-8?q?gr=C3=BCn?=\"", "grün"), ("filename*=x-nobody''a; filename=b", "b"),
        ("filename*=broken", nil),
        ("filename*=''a%0D%0Ab%", "ab%"), ("other=1", nil),
    ]

    @Test("file names decoded: RFC 2183 §2.3, RFC 2231 §4", arguments: names)
    func decodes(text: String, expected: String?) {
        let part = scan(lines: "Content-Disposition: attachment; \(text)\n\n").root
        #expect(part.isAttachment)
        #expect(part.fileName == expected)
    }

    @Test("type, disposition, languages and the rest: RFC 2045 §5-8, RFC 2183, RFC 3282, RFC 2557")
    func fields() {
        let part = scan(
            lines: """
                Content-Type: TEXT / (c) HTML; Charset=UTF-8
                content-transfer-encoding: (why) Quoted-Printable
                Content-ID: <x@y>
                Content-Description: =?utf-8?q?=C3=A4?=
                Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
                Content-Disposition: INLINE; x=y
                Content-Language: de, en-GB
                Content-Location: http://example.org/
                \ta


                """
        ).root
        #expect(part.mediaType == "text/html" && part.charset == "UTF-8" && part.encoding == "quoted-printable")
        #expect(
            part.id == "<x@y>" && part.description == "=?utf-8?q?=C3=A4?=" && part.md5 == "Q2hlY2sgSW50ZWdyaXR5IQ==")
        #expect(part.disposition == Part.Disposition(kind: "inline", parameters: [Parameter(name: "x", value: "y")]))
        #expect(part.languages == ["de", "en-GB"] && part.location == "http://example.org/a")
    }

    @Test(
        "a type that cannot be read is text/plain in us-ascii: RFC 2045 §5.2",
        arguments: ["", "text", "text/", "/plain", "?", "\"text\"/plain", "(c"])
    func unreadable(type: String) {
        let part = scan(lines: "Content-Type: \(type)\nX: y\n\nbody\n").root
        #expect(part.mediaType == "text/plain")
        #expect(part.parameters == [Parameter(name: "charset", value: "us-ascii")])
    }
}
