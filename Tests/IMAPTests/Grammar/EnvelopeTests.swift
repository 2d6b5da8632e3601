import MessageFormat
import NIOCore
import Testing

@testable import IMAP

@Suite struct EnvelopeTests {
    private func outline(_ lines: [String]) -> MessageOutline {
        let message = ByteBuffer(string: lines.joined(separator: "\r\n"))
        var scanner = MessageScanner()
        scanner.consume(message)
        return scanner.finish()
    }

    private func structure(_ lines: [String], extended: Bool = true, _ mode: TextMode = .ascii) -> String {
        let encoded = EncodedOutline(outline(lines))
        return written { try? $0.writeText(about: 0) { try $0.writeBodyStructure(of: encoded, extended: extended, mode) } }
    }

    private func form(_ envelope: MessageEnvelope, _ mode: TextMode) -> String {
        var outline = outline([""])
        outline.envelope = envelope
        let encoded = EncodedOutline(outline)
        return written { try? $0.writeText(about: 0) { try $0.writeEnvelope(of: encoded, mode) } }
    }

    @Test("the envelope of RFC 9051 §7.5.2")
    func envelope() {
        let envelope = outline([
            "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)", "From: Terry Gray <gray@cac.washington.edu>",
            "Subject: IMAP4rev2 WG mtg summary and minutes",
            "To: imap@cac.washington.edu", "Cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>",
            "Message-ID: <B27397-0100000@cac.washington.edu>",
            "", "",
        ]).envelope
        #expect(
            form(envelope, .ascii)
                == "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and minutes\" "
                + "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                + "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((NIL NIL \"imap\" \"cac.washington.edu\")) "
                + "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
                + "\"<B27397-0100000@cac.washington.edu>\")")
    }

    @Test("an empty envelope, a group, and texts beyond ASCII")
    func oddEnvelopes() {
        #expect(form(MessageEnvelope(), .ascii) == "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)")
        var envelope = MessageEnvelope()
        envelope.subject = "Grüße"
        envelope.to = [
            .groupStart("A \"B\""), EnvelopeAddress(displayName: nil, route: nil, mailbox: "x", host: ""), .groupEnd,
        ]
        let group = "((NIL NIL \"A \\\"B\\\"\" NIL)(NIL NIL \"x\" \"\")(NIL NIL NIL NIL))"
        #expect(form(envelope, .utf8) == "(NIL \"Grüße\" NIL NIL NIL \(group) NIL NIL NIL NIL)")
        let ascii = form(envelope, .ascii)
        #expect(ascii == "(NIL \"=?utf-8?b?R3LDvMOfZQ==?=\" NIL NIL NIL \(group) NIL NIL NIL NIL)")
    }

    @Test("a plain text: RFC 9051 §7.5.2 BODYSTRUCTURE")
    func text() {
        let lines = [
            "Content-Type: text/plain; charset=utf-8", "Content-ID: <a@b>", "Content-Description: d\u{E9}",
            "Content-Language: en, de", "", "hello", "",
        ]
        #expect(
            structure(lines, extended: false)
                == "(\"text\" \"plain\" (\"charset\" \"utf-8\") \"<a@b>\" \"=?utf-8?q?d=C3=A9?=\" \"7bit\" 7 1)")
        #expect(
            structure(lines, .utf8)
                == "(\"text\" \"plain\" (\"charset\" \"utf-8\") \"<a@b>\" \"dé\" \"7bit\" 7 1 NIL NIL (\"en\" \"de\") NIL)"
        )
    }

    private let mixed = [
        "Content-Type: multipart/mixed; boundary=b", "", "--b", "", "hi", "--b",
        "Content-Type: application/pdf; name=x.pdf",
        "Content-Transfer-Encoding: base64", "Content-Disposition: attachment; filename=\"x y.pdf\"", "", "AAAA", "--b",
        "Content-Type: message/rfc822", "",
        "Subject: in", "", "body", "", "--b--", "",
    ]

    @Test("parts, an attachment and a message within")
    func multipart() {
        #expect(
            structure(mixed, extended: false) == "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 2 0)"
                + "(\"application\" \"pdf\" (\"name\" \"x.pdf\") NIL NIL \"base64\" 4)"
                + "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 21 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) "
                + "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 6 1) 3) \"mixed\")")
        let extended = structure(mixed)
        #expect(extended.contains("\"base64\" 4 NIL (\"attachment\" (\"filename\" \"x y.pdf\")) NIL NIL)"))
        #expect(extended.hasSuffix(" 3 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"))
    }

    @Test("what cannot be looked into is no multipart and no message")
    func leaves() {
        let encoded = ["Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "", "U3ViamVjdDogeA0KDQo="]
        #expect(
            structure(encoded, extended: false).hasPrefix("(\"application\" \"octet-stream\" NIL NIL NIL \"base64\""))
    }
}
