import MessageFormat
import NIOCore
import Testing

@Suite struct EnvelopeTests {
    static let full = scan(
        lines: """
            DATE: Fri, 21 Nov 1997 09:55:06 -0600
            subject: =?utf-8?q?gr=C3=BCn?=
             and folded
            From : "Doe, John" <john@x.example>
            To: a@x,
             B <b@y>
            To: c@z
            Cc: Friends: d@x;
            Bcc: e@x
            Message-ID: <one@x> (comment)
            In-Reply-To: <zero@x>
            References: <minus.one@x>
            \t<zero@x> <one@x>
            Subject: a second one

            body

            """)

    @Test("the envelope's fields, first ones only, destinations added up: RFC 9051 §7.5.2, RFC 5322 §4.5.3")
    func fields() {
        let envelope = EnvelopeTests.full.envelope
        #expect(envelope.date == "Fri, 21 Nov 1997 09:55:06 -0600")
        #expect(envelope.subject == "=?utf-8?q?gr=C3=BCn?= and folded")
        #expect(envelope.from == [EnvelopeAddress(displayName: "Doe, John", mailbox: "john", host: "x.example")])
        #expect(envelope.to.map(\.addrSpec) == ["a@x", "b@y", "c@z"])
        #expect(envelope.cc.map(\.isGroupStart) == [true, false, false] && envelope.cc.last?.isGroupEnd == true)
        #expect(envelope.bcc.map(\.addrSpec) == ["e@x"])
        #expect(envelope.inReplyTo == "<zero@x>" && envelope.messageID == "<one@x> (comment)")
    }

    @Test("Sender and Reply-To are From where they are absent or empty: RFC 9051 §7.5.2")
    func defaults() {
        let envelope = EnvelopeTests.full.envelope
        #expect(envelope.sender == envelope.from && envelope.replyTo == envelope.from)
        let own = scan(lines: "From: a@x\nSender: s@x\nReply-To:\n\n").envelope
        #expect(own.sender.map(\.addrSpec) == ["s@x"] && own.replyTo == own.from)
        let absent = scan(lines: "\n").envelope
        #expect(absent == MessageEnvelope())
    }

    @Test("identifiers of the conversation, oldest first, none twice, never its own: RFC 5322 §3.6.4")
    func references() {
        #expect(EnvelopeTests.full.messageID == "<one@x>")
        #expect(EnvelopeTests.full.references == ["<minus.one@x>", "<zero@x>"])
        #expect(EnvelopeTests.full.sentDate?.timestamp.description == "1997-11-21T15:55:06Z")
        let plain = scan(
            lines: "Message-ID: plain@x\nIn-Reply-To: Your message of today <a@x>\nReferences: junk < b @\n x> <>\n\n")
        #expect(plain.messageID == "<plain@x>")
        #expect(plain.references == ["<b@x>", "<a@x>"])
    }

    @Test("of many references the first and the last hundred less one stay")
    func manyReferences() {
        let ids = (0..<500).map { "<\($0)@x>" }
        let outline = scan(lines: "References: \(ids.joined(separator: "\n "))\nIn-Reply-To: <last@x>\n\n")
        #expect(outline.references.count == 100)
        #expect(outline.references.first == "<0@x>" && outline.references.last == "<last@x>")
        #expect(outline.references[1] == "<402@x>")
    }

    @Test("8-bit headers are UTF-8, otherwise ISO 8859-1, and hold no NUL: RFC 6532 §3")
    func eightBit() {
        let outline = scan(
            ByteBuffer(
                latin: "Subject: gr\u{FC}n\0\r\nFrom: J\u{C3}\u{BC}rgen <j\u{C3}\u{BC}@x>\r\nTo: J\u{FC} <j@x>\r\n\r\n")
        )
        #expect(outline.envelope.subject == "grün")
        #expect(outline.envelope.from == [EnvelopeAddress(displayName: "Jürgen", mailbox: "jü", host: "x")])
        #expect(outline.envelope.to.first?.displayName == "Jü")
    }
}
