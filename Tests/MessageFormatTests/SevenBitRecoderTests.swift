import NIOCore
import Testing

@testable import MessageFormat

@Suite("Mail for servers without 8BITMIME (RFC 6152 §3)")
struct SevenBitRecoderTests {
    /// Nil: it cannot be converted. The same for every way of cutting.
    private func converted(_ message: ByteBuffer, sourceLocation: SourceLocation = #_sourceLocation) throws(SevenBitFault) -> ByteBuffer {
        let plan = try SevenBitSurvey.plan(message)
        let whole = SevenBitRecoder.recoded(message, plan)
        for size in [1, 2, 3, 7, 64] {
            var survey = SevenBitSurvey()
            var recoder = SevenBitRecoder(plan)
            var output = ByteBuffer()
            for piece in pieces(of: message, size) {
                survey.consume(piece)
                output.writeImmutableBuffer(recoder.recode(piece))
            }
            output.writeImmutableBuffer(recoder.finish())
            #expect(try survey.finish() == plan, "by \(size)", sourceLocation: sourceLocation)
            #expect(output == whole, "by \(size)", sourceLocation: sourceLocation)
        }
        return whole
    }

    private func pieces(of message: ByteBuffer, _ size: Int) -> [ByteBuffer] {
        stride(from: 0, to: message.readableBytes, by: size).compactMap {
            message.getSlice(at: $0, length: min(size, message.readableBytes - $0))
        }
    }

    /// The bodies of the leaves, decoded; message/global is one.
    private func leaves(_ message: ByteBuffer) -> [ByteBuffer?] {
        var leaves: [ByteBuffer?] = []
        var global: [Int]?
        scan(message, pieces: message.readableBytes).forEachPart { path, part in
            if let global, path.starts(with: global) { return }
            // As a whole, for it may be encoded so.
            let isGlobal = part.mediaType == "message/global"
            if case .leaf = part.content {} else if !isGlobal { return }
            if isGlobal { global = path }
            let body = message.getSlice(at: part.bodyRange.lowerBound, length: part.bodyRange.count) ?? ByteBuffer()
            leaves.append(TransferDecoder.decoded(body, encoding: part.encoding) ?? body)
        }
        return leaves
    }

    private func expect(_ text: String, becomes expected: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let bytes = message(text)
        let output = try converted(bytes, sourceLocation: sourceLocation)
        #expect(String(buffer: output) == expected.replacing("\n", with: "\r\n"), sourceLocation: sourceLocation)
        #expect(leaves(output) == leaves(bytes), sourceLocation: sourceLocation)
    }

    @Test("text becomes quoted-printable; what is missing in its header is added")
    func single() throws {
        try expect(
            "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße = 1 \n\n.\n",
            becomes:
                "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe =3D 1=20\n\n.\n"
        )
        try expect(
            "Subject: x\n\nä",
            becomes:
                "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\n=C3=A4")
        try expect(
            "MIME-Version: 1.0\nContent-Type: a/b\n\nä\n",
            becomes: "MIME-Version: 1.0\nContent-Type: a/b\nContent-Transfer-Encoding: base64\n\nw6QNCg==\n")
    }

    @Test("each part as it needs, containers say 7bit, and what nobody reads has question marks")
    func nested() throws {
        try expect(
            """
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary="=b"
            Content-Transfer-Encoding: 8bit

            préamble
            --=b
            Content-Transfer-Encoding: 8bit

            plain
            --=b
            Content-Type: text/html; charset=utf-8
            content-transfer-encoding: 8BIT

            <p>ü</p>\u{20}
            --=b
            Content-Type: message/rfc822
            Content-Transfer-Encoding: binary

            Content-Type: multipart/alternative; boundary=c
            Content-Transfer-Encoding: 8bit

            --c
            Content-Type: application/x
            Content-Transfer-Encoding: binary

            é
            --c

            seven
            --c--
            --=b--
            épilogue

            """,
            becomes: """
                MIME-Version: 1.0
                Content-Type: multipart/mixed; boundary="=b"
                Content-Transfer-Encoding: 7bit

                pr??amble
                --=b
                Content-Transfer-Encoding: 7bit

                plain
                --=b
                Content-Type: text/html; charset=utf-8
                Content-Transfer-Encoding: quoted-printable

                <p>=C3=BC</p>=20
                --=b
                Content-Type: message/rfc822
                Content-Transfer-Encoding: 7bit

                Content-Type: multipart/alternative; boundary=c
                Content-Transfer-Encoding: 7bit

                --c
                Content-Type: application/x
                Content-Transfer-Encoding: base64

                w6k=
                --c

                seven
                --c--
                --=b--
                ??pilogue

                """)
    }

    @Test("octets that break the encoding which the label promises are decoded as readers do, and encoded anew")
    func broken() throws {
        try expect(
            "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nä=C3=A4 = \n=\nx=",
            becomes: "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n=C3=A4=C3=A4 x")
        try expect(
            "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\nYWäJj\n",
            becomes: "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\nYWJj\n")
        // A label that nobody knows is none.
        try expect(
            "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: utf-8\n\nä\n",
            becomes: "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n=C3=A4\n")
    }

    @Test("what is ASCII needs nothing, though its labels say 8bit; binary lines do")
    func unneeded() throws {
        let labelled = message(
            "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\n--b\nContent-Transfer-Encoding: 8bit\n\nx\n--b--\n")
        #expect(try !SevenBitSurvey.plan(labelled).isNeeded)
        #expect(try !SevenBitSurvey.plan(message("no header")).isNeeded)
        #expect(try !SevenBitSurvey.plan(message("Content-Transfer-Encoding: binary\n\nshort\n")).isNeeded)
        #expect(try SevenBitSurvey.plan(message("Content-Transfer-Encoding: binary\n\nNUL \0\n")).isNeeded)
        let long = "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: "
        let line = String(repeating: "x", count: 999)
        #expect(try SevenBitSurvey.plan(message(long + "binary\n\n\(line)\n")).isNeeded)
        #expect(try !SevenBitSurvey.plan(message(long + "8bit\n\n\(line)\n")).isNeeded)
    }

    @Test(
        "a header with octets above 127 needs SMTPUTF8, wherever it is: RFC 6531 §3.7.1",
        arguments: [
            "Subject: ä\n\nx\n", "Subject: ä", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Description: ä\n\nx\n--b--\n",
            "Content-Type: message/rfc822\n\nSubject: ä\n\nx\n",
        ])
    func headers(_ text: String) {
        #expect(throws: SevenBitFault.eightBitHeader) { try SevenBitSurvey.plan(message(text)) }
    }

    @Test("a message of RFC 6532 within another is encoded as a whole (§3.7)")
    func global() throws {
        try expect(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/global-headers\n\nSubject: ä\n--b\nContent-Type: message/global\n\nSubject: ä\n\n--b--\n",
            becomes:
                "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/global-headers\nContent-Transfer-Encoding: quoted-printable\n\nSubject: =C3=A4\n--b\nContent-Type: message/global\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogw6QNCg==\n--b--\n"
        )
    }

    @Test("what no encoding is allowed for, and what is beyond the limits, is not converted")
    func impossible() {
        #expect(throws: SevenBitFault.notConvertible) { try SevenBitSurvey.plan(message("Content-Type: multipart/mixed\n\nä\n")) }
        let endless = ByteBuffer(string: String(repeating: "X: y\r\n", count: 60_000) + "\r\nä")
        #expect(throws: SevenBitFault.notConvertible) { try SevenBitSurvey.plan(endless) }
        var deep = ""
        for level in 0...EntitySplitter.deepest { deep += "Content-Type: multipart/mixed; boundary=b\(level)x\n\n--b\(level)x\n" }
        #expect(throws: SevenBitFault.notConvertible) { try SevenBitSurvey.plan(message(deep + "\nä\n")) }
        let parts = "Content-Type: multipart/mixed; boundary=b\n\n" + String(repeating: "--b\n\nx\n", count: 10_001)
        #expect(throws: SevenBitFault.notConvertible) { try SevenBitSurvey.plan(message(parts)) }
    }

    @Test("quoted-printable of any octets decodes to them, in lines of 76 at most, for every way of cutting", arguments: 0..<60)
    func quotedPrintable(seed: Int) {
        var chance = SplitMix(state: UInt64(seed))
        let alphabet: [UInt8] = [0x20, 0x09, 0x0D, 0x0A, 0x3D, 0x61, 0x41, 0x2E, 0x00, 0xE4]
        let octets = (0..<chance.below(400)).map { _ in alphabet[chance.below(alphabet.count)] }
        let encoded = TransferDecoder.quotedPrintable(ByteBuffer(bytes: octets))
        #expect(TransferDecoder.decoded(encoded, encoding: "quoted-printable") == ByteBuffer(bytes: octets))
        #expect(encoded.readableBytesView.split(separator: 0x0A).allSatisfy { $0.count <= 77 && $0.allSatisfy { $0 < 0x7F } })
        var (lines, output) = (QuotedPrintableLines(), ByteBuffer())
        for octet in octets { lines.write(CollectionOfOne(octet), &output) }
        lines.finish(&output)
        #expect(output == encoded)
    }

    @Test("a long part is not held, and no line is made longer")
    func long() throws {
        let head = ByteBuffer(string: "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n")
        let piece = ByteBuffer(repeating: 0xE4, count: 100_000)
        var survey = SevenBitSurvey()
        for buffer in [head, piece, piece] { survey.consume(buffer) }
        var recoder = try SevenBitRecoder(survey.finish())
        _ = recoder.recode(head)
        let first = recoder.recode(piece)
        #expect(first.readableBytes > 300_000)
        #expect(first.readableBytesView.split(separator: 0x0A).allSatisfy { $0.count <= 77 })
    }

    @Test(
        "real messages decode to what they were, once some of their octets are no ASCII", .enabled(if: !RealMail.files.isEmpty, "no mail-lkml folder"),
        arguments: RealMail.files.prefix(40))
    func real(path: String) throws {
        var octets = RealMail.octets(path).flatMap { $0 == 10 ? [13, 10] : [$0] }
        if let end = octets.indices.dropLast(3).first(where: { octets[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }) {
            for index in octets.indices.dropFirst(end + 4) where octets[index] == UInt8(ascii: "e") && octets[max(0, index - 60)..<index].contains(10) {
                if index % 7 == 0, octets[index - 1] == UInt8(ascii: "h") { octets[index] = 0xE9 }
            }
        }
        let bytes = ByteBuffer(bytes: octets)
        guard let plan = try? SevenBitSurvey.plan(bytes) else { return }
        let output = SevenBitRecoder.recoded(bytes, plan)
        #expect(output.readableBytesView.allSatisfy { $0 < 0x80 })
        #expect(leaves(output) == leaves(bytes))
    }
}
