import Testing

@testable import MailModel

@Suite("Domains in ASCII")
struct ASCIIDomainTests {
    @Test(
        "labels that are not ASCII become A-labels: RFC 5890 §2.3.2.1",
        arguments: [
            ("example.org", "example.org"), ("bücher.example", "xn--bcher-kva.example"), ("BU\u{308}CHER.Example", "xn--bcher-kva.example"),
            ("straße.de", "xn--strae-oqa.de"), ("mail.δοκιμή.example", "mail.xn--jxalpdlp.example"), ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
            ("пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"), ("مثال.إختبار", "xn--mgbh0fb.xn--kgbechtv"), ("[192.0.2.1]", "[192.0.2.1]"),
            ("a-ü.example", "xn--a--yka.example"), ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("ü", "xn--tda"),
        ])
    func forms(text: String, ascii: String) throws {
        let domain = try #require(Domain(text))
        #expect(domain.asciiForm?.value == ascii)
        #expect(domain.asciiForm?.isASCII == true)
        #expect(domain.asciiForm?.asciiForm == domain.asciiForm)
    }

    @Test(
        "what has no such form",
        arguments: ["xn--ü.example", "\u{308}a.example", String(repeating: "a", count: 61) + "ü.example", "ab--ü.org"])
    func none(text: String) throws {
        #expect(try #require(Domain(text)).asciiForm == nil)
    }

    /// Each looks like `reject.example` or is shown as it: what UTS 46 makes another name of, or no name at all.
    @Test(
        "a label with what IDNA2008 disallows is no U-label, and has none: RFC 5892 §2, RFC 5891 §5.4",
        arguments: [
            "reject\u{3002}example", "reject\u{FF0E}example", "reject\u{FF61}example", "reject\u{2024}example", "\u{FF52}eject.example",
            "\u{24E1}eject.example",
            "\u{1D42F}eject.example", "\u{FB01}ss.example", "fi\u{17F}\u{17F}.example", "re\u{133}ect.example", "reject.example\u{3002}",
            "re\u{34F}ject.example",
            "rejec\u{FE0F}t.example", "reject\u{2044}x.example", "reject\u{2215}x.example", "re\u{2126}\u{2160}ject.example", "\u{2665}.example",
            "\u{1F600}.example",
            "\u{1100}.example", "re\u{20DD}ject.example", "r\u{E0100}eject.example", "a\u{640}.example", "\u{2488}example", "reject\u{B7}\u{2488}.example",
        ])
    func disallowed(text: String) throws {
        // Some are no domain at all.
        #expect(Domain(text)?.asciiForm == nil)
    }

    @Test(
        "what IDNA2008 allows, exceptions among it, has its form: RFC 5892 §2.6",
        arguments: [
            ("faß.example", "xn--fa-hia.example"), ("\u{3C2}.example", "xn--3xa.example"), ("l\u{B7}l.example", "xn--ll-0ea.example"),
            ("\u{3007}.example", "xn--w6j.example"), ("\u{30A2}\u{30FB}\u{30A2}.example", "xn--ccka0y.example"), ("\u{660}.example", "xn--8hb.example"),
            ("M\u{DC}NCHEN.example", "xn--mnchen-3ya.example"), ("\u{212A}reject.example", "kreject.example"),
            ("reje\u{441}t.example", "xn--rejet-4ye.example"),
        ])
    func allowed(text: String, ascii: String) throws {
        #expect(try #require(Domain(text)).asciiForm?.value == ascii)
    }

    @Test("a name that is too long as ASCII")
    func long() throws {
        #expect(try #require(Domain(Array(repeating: "aaaaü", count: 36).joined(separator: "."))).asciiForm == nil)
    }

    @Test(
        "the samples of RFC 3492 §7.1",
        arguments: [
            (
                "\u{0644}\u{064A}\u{0647}\u{0645}\u{0627}\u{0628}\u{062A}\u{0643}\u{0644}\u{0645}\u{0648}\u{0634}\u{0639}\u{0631}\u{0628}\u{064A}\u{061F}",
                "egbpdaj6bu4bxfgehfvwxn"
            ),
            ("\u{4ED6}\u{4EEC}\u{4E3A}\u{4EC0}\u{4E48}\u{4E0D}\u{8BF4}\u{4E2D}\u{6587}", "ihqwcrb4cv8a8dqg056pqjye"),
            ("Porqu\u{E9}nopuedensimplementehablarenEspa\u{F1}ol", "PorqunopuedensimplementehablarenEspaol-fmd56a"),
            ("3\u{5E74}B\u{7D44}\u{91D1}\u{516B}\u{5148}\u{751F}", "3B-ww4c5e180e575a65lsy2b"),
            ("\u{305D}\u{306E}\u{30B9}\u{30D4}\u{30FC}\u{30C9}\u{3067}", "d9juau41awczczp"), ("-> $1.00 <-", "-> $1.00 <--"),
        ])
    func samples(text: String, encoded: String) {
        #expect(Punycode.encode(text.unicodeScalars) == encoded)
    }
}
