import MessageFormat
import NIOCore
import Testing

@Suite struct MessageInspectionTests {
    static let inspection = MessageInspection(
        message(
            """
            From: =?utf-8?q?J=C3=BCrgen?= <j@x.example>
            Subject: =?utf-8?q?gr=C3=BCn?=
            Date: 1 Jan 2020 00:00:00 +0100
            Content-Type: multipart/mixed; boundary=b

            --b
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            =E2=82=AC
            --b
            Content-Type: application/pdf; name*=utf-8''%C3%A4.pdf
            Content-Transfer-Encoding: base64

            SGVsbG8=
            --b
            Content-Type: message/rfc822

            Subject: inner

            text
            --b--

            """))

    @Test("everything of a message, decoded: headers, structure, text, attachments")
    func everything() {
        let inspection = MessageInspectionTests.inspection
        #expect(inspection.envelope.subject == "grün")
        #expect(inspection.envelope.from == ["Jürgen <j@x.example>"])
        #expect(inspection.date == "2019-12-31T23:00:00Z")
        #expect(inspection.header.map(\.name) == ["From", "Subject", "Date", "Content-Type"])
        #expect(inspection.header[1].value == "grün")
        #expect(inspection.preview == "€")
        #expect(inspection.structure.type == "multipart/mixed" && inspection.structure.path == "")
        let parts = inspection.structure.parts
        #expect(parts.map(\.path) == ["1", "2", "3"])
        #expect(parts[0].text == "€" && parts[0].decodedSize == 3)
        #expect(parts[1].fileName == "ä.pdf" && parts[1].decodedSize == 5)
        #expect(parts[2].message?.envelope.subject == "inner")
        #expect(parts[2].message?.structure.path == "3.1" && parts[2].message?.structure.text == "text")
        #expect(inspection.attachments.map(\.part) == ["2"])
        #expect(inspection.defects == [])
    }

    static let defects: [(String, MessageDefect)] = [
        ("no colon\r\n\r\n", .lineWithoutFieldName), ("From: a@x\r\n", .headerWithoutEnd), ("\r\n", .dateMissing),
        ("\r\n", .fromMissing),
        ("Date: x\r\n\r\n", .dateUnreadable), ("Content-Type: text\r\n\r\n", .contentTypeUnreadable),
        ("Content-Type: multipart/x\r\n\r\n", .multipartWithoutBoundary),
        ("Content-Type: multipart/x\r\n\r\n", .multipartWithoutParts),
        ("Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n", .missingEndBoundary),
        ("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n", .encodedMessage),
        ("Content-Transfer-Encoding: x\r\n\r\n", .unknownEncoding),
        ("Content-Type: text/plain; charset=x\r\n\r\n", .unknownCharset),
        ("Subject: \u{E4}\r\n\r\n", .eightBitHeader), ("\r\na\n", .bareLineFeed), ("\r\na\rb\r\n", .bareCarriageReturn),
        ("\r\n\0", .nul), ("\r\n" + String(repeating: "x", count: 999), .lineTooLong),
        (String(repeating: "Content-Type: message/rfc822\r\n\r\n", count: 101), .tooDeep),
        ("Content-Type: multipart/x; boundary=b\r\n\r\n" + String(repeating: "--b\r\n", count: 10_001), .tooManyParts),
        ("To: " + String(repeating: "a@x,", count: 10_001) + "\r\n\r\n", .tooManyAddresses),
        ("Content-Type: a/b" + String(repeating: ";a=b", count: 1_001) + "\r\n\r\n", .tooManyParameters),
        (String(repeating: "a:\r\n", count: 10_001), .headerTooLarge),
    ]

    @Test("each defect is found where it is, and not in a sound message", arguments: defects)
    func finds(text: String, defect: MessageDefect) {
        #expect(MessageInspection(ByteBuffer(latin: text)).defects.contains(defect))
    }

    @Test("every defect has a message that shows it")
    func complete() {
        #expect(Set(MessageInspectionTests.defects.map(\.1)) == Set(MessageDefect.allCases))
    }
}
