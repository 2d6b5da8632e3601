import MailModel
import NIOCore
import PostOffice
import Testing

@Suite struct IncomingHeaderTests {
    /// What comes, and what is stored of it.
    static let table: [(String, String)] = [
        // Nothing to change.
        ("", ""), ("\r\n", "\r\n"), ("A: 1\r\n\r\nbody\r\n", "A: 1\r\n\r\nbody\r\n"), ("A: 1\r\n", "A: 1\r\n"), ("A:", "A:"),
        ("A: 1\r\n 2\r\n\t3\r\n\r\n", "A: 1\r\n 2\r\n\t3\r\n\r\n"), ("A: 1\r\n \r\nB: 2\r\n\r\n", "A: 1\r\n \r\nB: 2\r\n\r\n"),
        ("A \t :1\r\n\r\nx: y\r\nBcc: z\r\n", "A \t :1\r\n\r\nx: y\r\nBcc: z\r\n"), ("A:1\n\nb", "A:1\n\nb"), ("\r\nBcc: x\r\n", "\r\nBcc: x\r\n"),
        ("!\"#~: 1\r\n\r\n", "!\"#~: 1\r\n\r\n"),
        // The empty line that was forgotten.
        ("Backup failed on host 7\r\nat 3:15\r\n", "\r\nBackup failed on host 7\r\nat 3:15\r\n"), ("x", "\r\nx"), ("no colon\r\n", "\r\nno colon\r\n"),
        ("A: 1\r\njunk\r\nBcc: 2\r\n\r\nb\r\n", "A: 1\r\n\r\njunk\r\nBcc: 2\r\n\r\nb\r\n"), ("A: 1\r\n: 2\r\n", "A: 1\r\n\r\n: 2\r\n"),
        ("A: 1\r\nB x: 2\r\n", "A: 1\r\n\r\nB x: 2\r\n"), ("A: 1\r\nB\u{1}: 2\r\n", "A: 1\r\n\r\nB\u{1}: 2\r\n"),
        ("A: 1\r\nBé: 2\r\n", "A: 1\r\n\r\nBé: 2\r\n"), ("A: 1\r\n.\r\n", "A: 1\r\n\r\n.\r\n"), ("A: 1\r\n\r\r\n", "A: 1\r\n\r\n\r\r\n"),
        (" by evil.example\r\nA: 1\r\n\r\n", "\r\n by evil.example\r\nA: 1\r\n\r\n"), ("\tx\r\n", "\r\n\tx\r\n"), (" \r\n", "\r\n \r\n"), (" ", "\r\n "),
        // An mbox's separator.
        ("From a@b Mon Nov 23 10:00:00 2026\r\nA: 1\r\n\r\nb", "X-Mailbox-Line: From a@b Mon Nov 23 10:00:00 2026\r\nA: 1\r\n\r\nb"),
        (">From a@b Mon\r\nFrom c\r\nA: 1\r\n\r\n", "X-Mailbox-Line: >From a@b Mon\r\nX-Mailbox-Line: From c\r\nA: 1\r\n\r\n"),
        ("From \r\n\r\n", "X-Mailbox-Line: From \r\n\r\n"), ("From \n\n", "X-Mailbox-Line: From \n\n"),
        ("From a\r\n folded\r\n", "X-Mailbox-Line: From a\r\n\r\n folded\r\n"), ("From a\r\nhello\r\n", "X-Mailbox-Line: From a\r\n\r\nhello\r\n"),
        ("A: 1\r\nFrom a@b Mon\r\n", "A: 1\r\n\r\nFrom a@b Mon\r\n"), ("from a@b Mon\r\n", "\r\nfrom a@b Mon\r\n"),
        ("From : a@b\r\n\r\n", "From : a@b\r\n\r\n"), ("From", "\r\nFrom"), ("From ", "\r\nFrom "), ("From\ta@b\r\n", "\r\nFrom\ta@b\r\n"),
        ("\r\nFrom a@b Mon\r\n", "\r\nFrom a@b Mon\r\n"),
        // What is nobody's business, or the last server's to write.
        ("Bcc: x\r\nA: 1\r\n\r\n", "A: 1\r\n\r\n"), ("A: 1\r\nBCC: x,\r\n y\r\n\tz\r\nB: 2\r\n\r\n", "A: 1\r\nB: 2\r\n\r\n"),
        ("bcc \t: x\r\nResent-Bcc: y\r\nReturn-Path: <z@x>\r\ncontent-LENGTH:7\r\n\r\nb", "\r\nb"), ("A: 1\r\nBcc: x", "A: 1\r\n"),
        ("Bcc: x\r\n y\r\n", ""), ("Bcc: x\r\njunk\r\n", "\r\njunk\r\n"), ("Bcc:\r\n\r\n", "\r\n"), ("Bcc: a\n b\nC: d\n\n", "C: d\n\n"),
        ("Bccc: x\r\nX-Bcc: y\r\nBc: z\r\n\r\n", "Bccc: x\r\nX-Bcc: y\r\nBc: z\r\n\r\n"), ("Bcc: x\r\n \r\nA: 1\r\n\r\n", "A: 1\r\n\r\n"),
    ]

    static func stored(_ pieces: [ArraySlice<UInt8>]) -> (text: String, survey: HeaderSurvey) {
        var header = IncomingHeader()
        var output = ByteBuffer()
        for piece in pieces { header.consume(ByteBuffer(bytes: piece), into: &output) }
        header.finish(into: &output)
        return (String(buffer: output), header.survey)
    }

    @Test("what is stored of a message's beginning, the same for every way of cutting it in three: RFC 5322 §2.1, §2.2", arguments: table)
    func keeps(_ text: String, _ expected: String) {
        let octets = Array(text.utf8)
        #expect(Self.stored([octets[...]]).text == expected)
        #expect(Self.stored(octets.indices.map { octets[$0...$0] }).text == expected, "octet by octet")
        for first in 0...octets.count {
            for second in first...octets.count {
                let stored = Self.stored([octets[..<first], octets[first..<second], octets[second...]])
                #expect(stored.text == expected, "cut at \(first) and \(second)")
                #expect(stored.survey.isComplete)
            }
        }
    }

    /// What comes, and what a server called mail.example.org stores of it.
    static let results: [(String, String)] = [
        ("Authentication-Results: mail.example.org; dmarc=pass\r\nA: 1\r\n\r\nb", "A: 1\r\n\r\nb"),
        // What is shown of a sender is what the server that judged it says: draft-brand-indicators-for-message-identification.
        ("BIMI-Indicator: PHN2Zz4=\r\n AAAA\r\nbimi-location : v=BIMI1; l=x\r\nBIMI-Selector: v=BIMI1; s=a\r\n\r\nb", "BIMI-Selector: v=BIMI1; s=a\r\n\r\nb"),
        ("A: 1\r\nauthentication-RESULTS \t:\r\n (hi) MAIL.example.ORG 1;\r\n none\r\nB: 2\r\n\r\n", "A: 1\r\nB: 2\r\n\r\n"),
        ("Authentication-Results: \"mail.example.org\"; x\r\n\r\n", "\r\n"), ("Authentication-Results: mail.example.org", ""),
        ("Authentication-Results: mail.example.org; none\r\nno field\r\n", "\r\nno field\r\n"),
        (
            "Authentication-Results: mx.other.example; dmarc=pass\r\n (mail.example.org)\r\nA: 1\r\n\r\n",
            "Authentication-Results: mx.other.example; dmarc=pass\r\n (mail.example.org)\r\nA: 1\r\n\r\n"
        ),
        (
            "ARC-Authentication-Results: i=1; mail.example.org; none\r\n\r\nAuthentication-Results: mail.example.org; none\r\n",
            "ARC-Authentication-Results: i=1; mail.example.org; none\r\n\r\nAuthentication-Results: mail.example.org; none\r\n"
        ),
        ("Authentication-Results: mx.other.example; none", "Authentication-Results: mx.other.example; none"),
    ]

    @Test("results that claim to be ours are left out, all others stay, however it is cut: RFC 8601 §5", arguments: results)
    func forged(_ text: String, _ expected: String) throws {
        let (octets, name) = (Array(text.utf8), try #require(Domain("mail.example.org")))
        for size in [octets.count, 1, 2, 3, 5, 7, 11] {
            var (header, output) = (IncomingHeader(ownName: name), ByteBuffer())
            for start in stride(from: 0, to: octets.count, by: size) {
                header.consume(ByteBuffer(bytes: octets[start..<min(start + size, octets.count)]), into: &output)
            }
            header.finish(into: &output)
            #expect(String(buffer: output) == expected, "in pieces of \(size)")
        }
    }

    @Test(
        "a name that is not ASCII is ours in both its forms", arguments: ["bücher.example", "xn--bcher-kva.example"],
        ["bücher.example", "XN--bcher-kva.example"])
    func forgedInBothForms(_ own: String, _ said: String) throws {
        var (header, output) = (IncomingHeader(ownName: try #require(Domain(own))), ByteBuffer())
        header.consume(ByteBuffer(string: "Authentication-Results: \(said); dmarc=pass\r\nA: 1\r\n\r\n"), into: &output)
        #expect(String(buffer: output) == "A: 1\r\n\r\n")
    }

    @Test("results without an end are not held without one, and not believed")
    func endless() throws {
        var (header, output) = (IncomingHeader(ownName: try #require(Domain("mail.example.org"))), ByteBuffer())
        header.consume(ByteBuffer(string: "Authentication-Results: (\r\n"), into: &output)
        for _ in 0..<3_000 { header.consume(ByteBuffer(string: " \(String(repeating: "x", count: 60))\r\n"), into: &output) }
        header.consume(ByteBuffer(string: " ) other.example; none\r\nA: 1\r\n\r\n"), into: &output)
        #expect(String(buffer: output) == "A: 1\r\n\r\n")
    }

    @Test(
        "what a program wrote says so: RFC 3834 §5, RFC 2919",
        arguments: [
            ("Auto-Submitted: auto-replied\r\n\r\n", true), ("auto-submitted:\r\n  auto-generated; x=y\r\n\r\n", true),
            ("Auto-Submitted: No (human)\r\n\r\n", false),
            ("Auto-Submitted: nobody\r\n\r\n", true), ("Auto-Submitted:\r\n\r\n", false), ("Precedence: bulk\r\n\r\n", true), ("Precedence: LIST \r\n", true),
            ("Precedence: first-class\r\n\r\n", false), ("List-Id: <x.example>\r\n\r\n", true), ("Subject: x\r\n\r\nList-Id: y\r\n", false),
            ("Precedence: bulkier\r\n\r\n", false),
        ])
    func automatic(_ text: String, _ isAutomatic: Bool) {
        let octets = Array(text.utf8)
        #expect(Self.stored([octets[...]]).survey.isAutomatic == isAutomatic)
        #expect(Self.stored(octets.indices.map { octets[$0...$0] }).survey.isAutomatic == isAutomatic)
    }

    @Test(
        "that TLS is no matter is one word: RFC 8689 §5",
        arguments: [
            ("TLS-Required: No\r\n\r\n", true), ("tls-required:\r\n no\r\n\r\n", true), ("TLS-Required: None\r\n\r\n", false),
            ("TLS-Required: yes\r\n\r\n", false),
            ("TLS-Required:\r\n\r\n", false), ("Subject: x\r\n\r\nTLS-Required: No\r\n", false), ("TLS-Required-Not: No\r\n\r\n", false),
        ])
    func waiver(_ text: String, _ waivesTLS: Bool) {
        let octets = Array(text.utf8)
        #expect(Self.stored([octets[...]]).survey.waivesTLS == waivesTLS)
        #expect(Self.stored(octets.indices.map { octets[$0...$0] }).survey.waivesTLS == waivesTLS)
    }

    @Test("a message that was stored comes in again as it is, but for its own Return-Path", arguments: table)
    func again(_ text: String, _ expected: String) {
        #expect(Self.stored([Array(expected.utf8)[...]]).text == expected)
    }

    @Test("a colon that lies too far behind makes no field: nothing is held longer than a line may be, RFC 5322 §2.1.1", arguments: ["x", ">", " "])
    func longName(_ filling: String) {
        for (count, isField) in [(996, true), (100_000, false)] {
            let line = "a" + String(repeating: filling, count: count) + ": 1\r\n\r\n"
            #expect(Self.stored([Array(line.utf8)[...]]).text == (isField ? line : "\r\n" + line))
        }
    }

    @Test("what is learnt: names in any case, blanks before the colon, folded values; not what is left out or lies in the body")
    func survey() {
        let header = "RECEIVED : a\r\nreceived: b\r\nReceivedd: c\r\nDate\t:x\r\nFROM: a@x,\r\n b@y\r\nFrom: c@z\r\n"
        let text = header + "\r\nMessage-ID: <a@b>\r\nReceived: d\r\nSender: e@x\r\n"
        let survey = Self.stored([Array(text.utf8)[...]]).survey
        #expect(survey.hops == 2 && survey.hasDate && !survey.hasMessageID && survey.sender.count == 0)
        #expect(survey.from.count == 2 && String(buffer: survey.from.value) == " a@x,\r\n b@y\r\n" && !survey.from.isCut)
        let long = Self.stored([Array("From: \(String(repeating: "a@x,", count: 5_000))\r\n\r\n".utf8)[...]]).survey
        #expect(long.from.isCut && long.from.value.readableBytes <= 16 << 10)
    }
}
