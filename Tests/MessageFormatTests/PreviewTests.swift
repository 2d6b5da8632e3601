import MessageFormat
import NIOCore
import Testing

@Suite struct PreviewTests {
    static let table: [(String, String)] = [
        ("Subject: x\n\n  Hello,\n\n\tworld!  \n", "Hello, world!"), ("\n", ""), ("Subject: x\n", ""),
        (
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\ngr=C3=BC=\nn =E2=82=AC\n",
            "grün €"
        ),
        (
            "Content-Type: text/plain; charset=iso-2022-jp\nContent-Transfer-Encoding: base64\n\nGyRCRnxLXDhsGyhC\n",
            "日本語"
        ),
        (
            "Content-Type: text/html\n\n<html><head><title>T</title><style>p{}</style></head><body><p>A&amp;B<p><b>c</b>d</body>",
            "A&B cd"
        ),
        (
            "Content-Type: text/html\n\n<!-- c --><script>if (a<b) x()</script>1 < 2 &eacute;&#8364;&#x20AC; &nope;",
            "1 < 2 é€€ &nope;"
        ),
        ("Content-Type: text/html\n\n<p>unclosed <style> lost", "unclosed"), ("Content-Type: image/png\n\nxxx", ""),
        (
            MessageScannerTests.multipart(
                "--b\nContent-Type: text/html\n\n<p>html\n--b\n\nplain\n--b--", subtype: "alternative"), "plain"
        ),
        (MessageScannerTests.multipart("--b\n\n \n\n--b\nContent-Type: text/html\n\n<p>html\n--b--"), "html"),
        (MessageScannerTests.multipart("--b\nContent-Disposition: attachment\n\nattached\n--b\n\ntext\n--b--"), "text"),
        (
            MessageScannerTests.multipart(
                "--b\nContent-Type: message/rfc822\n\nSubject: x\n\ninner\n--b\n\nouter\n--b--"), "outer"
        ),
        ("Content-Type: text/plain; charset=x-nobody\n\nabc\u{E4}", "abcä"),
        ("Content-Transfer-Encoding: x-nobody\n\nas it is", "as it is"),
    ]

    @Test("the preview is decoded text on one line, plain before HTML: RFC 8970 §3.2", arguments: table)
    func previews(text: String, expected: String) {
        #expect(scan(lines: text).preview == expected)
    }

    @Test(
        "a preview has at most 200 characters and no half ones: RFC 8970 §3.2",
        arguments: ["a ", "日", "😀 ", "wort ", "x"])
    func longest(word: String) {
        let text = String(repeating: word, count: 3_000)
        let outline = scan(lines: "Content-Type: text/plain; charset=utf-8\n\n\(text)\n")
        #expect((190...200).contains(outline.preview.unicodeScalars.count))
        #expect(!outline.preview.unicodeScalars.contains("\u{FFFD}"))
        #expect(text.hasPrefix(outline.preview))
    }

    @Test("of a large HTML part with a long style the text still shows")
    func longStyle() {
        let style = String(repeating: "p { color: red }\n", count: 600)
        #expect(scan(lines: "Content-Type: text/html\n\n<style>\(style)</style><p>shown").preview == "shown")
    }
}
