import MailModel
import SenderTrust
import Testing

@Suite("Received-SPF: RFC 7208 §9.1")
struct ReceivedSPFTests {
    private func question(_ helo: String?, _ address: String = "192.0.2.1") throws -> SPFQuestion {
        SPFQuestion(
            address: try #require(IPAddress(address)), helo: helo, mailbox: "myname@example.com", receiver: Domain("mybox.example.org"),
            now: Timestamp(rawValue: 0))
    }

    @Test("what was found, for whom, and by which term")
    func whole() throws {
        let pass = SPFVerdict(.pass, .mailFrom, domain: Domain("example.com"), sender: "myname@example.com", mechanism: "ip4:192.0.2.0/24")
        #expect(
            ReceivedSPF.value(pass, try question("foo.example.com")) == """
                pass (mybox.example.org: example.com lets 192.0.2.1 send for it) identity=mailfrom; client-ip=192.0.2.1; \
                envelope-from="myname@example.com"; helo=foo.example.com; receiver=mybox.example.org; mechanism="ip4:192.0.2.0/24"
                """)
        let error = SPFVerdict(
            .permerror, .helo, domain: Domain("foo.example.com"), sender: "postmaster@foo.example.com", reason: "its \"x\\y\" is no term")
        #expect(
            ReceivedSPF.value(error, try question(nil, "2001:db8::1")) == """
                permerror (mybox.example.org: what foo.example.com says of who may send for it is in error) identity=helo; client-ip="2001:db8::1"; \
                envelope-from="postmaster@foo.example.com"; receiver=mybox.example.org; problem="its \\"x\\\\y\\" is no term"
                """)
    }

    @Test("whatever peers say ends no string, comment or line, and is bounded", arguments: SPFVerdict.Result.allCases)
    func hostile(result: SPFVerdict.Result) throws {
        let said = "a\r\nBcc: x; client-ip=127.0.0.1\0 \"\\) (ü\u{2028}\u{202E}"
        for text in [said, String(repeating: said, count: 10_000), String(repeating: "\"", count: 1_000), "", "(", "\\", "a..b", "."] {
            let verdict = SPFVerdict(result, .mailFrom, domain: nil, sender: text, mechanism: text, reason: text)
            let pieces = ReceivedSPF.pieces(verdict, try question(text))
            #expect(pieces.count == 7 && pieces.allSatisfy { $0.utf8.count <= 420 && $0.utf8.allSatisfy { (0x20...0x7E).contains($0) } })
            for piece in pieces.dropFirst() {
                let value = piece.drop { $0 != "=" }.dropFirst()
                guard value.hasPrefix("\"") else { continue }
                // Only its ends are quotes that mean something.
                var isEscaped = false
                let quotes = value.utf8.count { octet in
                    defer { isEscaped = octet == UInt8(ascii: "\\") && !isEscaped }
                    return octet == UInt8(ascii: "\"") && !isEscaped
                }
                #expect(quotes == 2 && (value.hasSuffix("\"") || value.hasSuffix("\";")), "\(piece)")
            }
        }
    }
}
