import Testing

@testable import IMAP

@Suite("FETCH: one writer for each item")
struct FetchWriterTests {
    private static let message = """
        From: Ada <ada@example.org>\r
        Subject: tea\r
        Date: Thu, 1 Jan 2026 12:00:00 +0000\r
        MIME-Version: 1.0\r
        Content-Type: multipart/mixed; boundary=b\r
        \r
        --b\r
        Content-Type: text/plain\r
        \r
        the kettle\r
        --b--\r

        """

    private static let items = [
        "FLAGS", "UID", "INTERNALDATE", "RFC822.SIZE", "MODSEQ", "ENVELOPE", "BODY", "BODYSTRUCTURE", "EMAILID", "THREADID", "SAVEDATE", "PREVIEW",
        "RFC822", "RFC822.HEADER", "RFC822.TEXT", "BODY.PEEK[]", "BODY.PEEK[]<3.5>", "BODY.PEEK[HEADER]", "BODY.PEEK[HEADER]<2.7>", "BODY.PEEK[TEXT]",
        "BODY.PEEK[HEADER.FIELDS (subject X)]", "BODY.PEEK[HEADER.FIELDS.NOT (subject)]<0.9>", "BINARY.PEEK[]", "BINARY.PEEK[]<1.4>",
    ]

    @Test("a message that is answered by itself says what it says in a list, octet for octet: RFC 9051 §7.5.2", arguments: items)
    func alike(item: String) async throws {
        let house = try await House()
        try await house.deliver(FetchWriterTests.message)
        let talk = await house.selected()
        // What is seen stays so: no answer has flags that were not asked for.
        _ = await talk.send("m STORE 1 +FLAGS (\\Seen)\r\nn FETCH 1 MODSEQ\r\n")
        let list = await talk.send("a FETCH 1 (\(item))\r\n")
        // A part is looked up message by message.
        let alone = await talk.send("a FETCH 1 (\(item) BINARY.SIZE[1])\r\n")
        let end = ")\r\na OK FETCH done\r\n"
        #expect(list.hasPrefix("* 1 FETCH (") && list.hasSuffix(end), "\(list)")
        #expect(alone == list.dropLast(end.count) + " BINARY.SIZE[1] 10" + end, "\(alone)")
    }

    @Test("the same of what does not fit in memory: headers over 16 KiB, bodies over 64 KiB", arguments: items)
    func big(item: String) async throws {
        let house = try await House()
        let padding = String(repeating: "X-Padding: \(String(repeating: "x", count: 80))\r\n", count: 300)
        let body = String(repeating: "a line of the text that fills it\r\n", count: 2_500)
        let header = "Subject: tea\r\n" + padding + "\r\n"
        try await house.deliver(header + body)
        let talk = await house.selected()
        _ = await talk.send("m STORE 1 +FLAGS (\\Seen)\r\n")
        let answer = await talk.send("a FETCH 1 (\(item))\r\n")
        #expect(answer.hasSuffix(")\r\na OK FETCH done\r\n"), "\(answer.suffix(200))")
        let whole = header + body
        switch item {
        case "RFC822", "BODY.PEEK[]", "BINARY.PEEK[]": #expect(answer.contains("{\(whole.utf8.count)}\r\n" + whole))
        case "RFC822.HEADER", "BODY.PEEK[HEADER]": #expect(answer.contains("{\(header.utf8.count)}\r\n" + header + ")"))
        case "RFC822.TEXT", "BODY.PEEK[TEXT]": #expect(answer.contains("{\(body.utf8.count)}\r\n" + body + ")"))
        case "BODY.PEEK[HEADER.FIELDS (subject X)]": #expect(answer.contains("Subject: tea\r\n\r\n)"))
        case "BODY.PEEK[]<3.5>": #expect(answer.contains("<3> {5}\r\nject:"))
        default: break
        }
    }
}
