import MailModel
import MessageFormat
import NIOCore
import PostOffice
import Testing

@testable import SMTP

@Suite struct ReceivedFieldTests {
    private func field(_ client: String, _ peer: String = "192.0.2.7") throws -> ReceivedField {
        ReceivedField(
            clientName: try ClientName(ByteScanner(client)), peerAddress: peer, host: try #require(Domain("mx.example.test")),
            transmission: .esmtps, tlsVersion: "TLSv1.3", id: try #require(TransactionID("id-1")),
            recipient: Address("bob@example.test"), date: House.now)
    }

    private func written(_ field: ReceivedField) -> String {
        var output = ByteBuffer()
        field.write(to: &output)
        return String(buffer: output)
    }

    @Test("a trace line tells from whom, by whom, how, for whom and when: RFC 5321 §4.4")
    func whole() throws {
        #expect(
            written(try field("client.example")) == """
                Received: from client.example ([192.0.2.7])\r
                \tby mx.example.test (Martlet) with ESMTPS (TLSv1.3)\r
                \tid id-1\r
                \tfor <bob@example.test>;\r
                \tSun, 22 Nov 2026 00:35:00 +0000\r\n
                """)
    }

    @Test("an IPv6 peer, and a client that gives an address for its name")
    func literals() throws {
        #expect(written(try field("[IPv6:2001:db8::1]", "2001:db8::1")).hasPrefix("Received: from [ipv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n"))
    }

    @Test(
        "a client's name that is no domain stays out of the trace line",
        arguments: ["a(b)c", "a;b", "\"q\"", "-x", "a..b", "<x@y>", String(repeating: "a", count: 255), "x\u{202E}y"])
    func oddNames(_ name: String) throws {
        #expect(written(try field(name)).hasPrefix("Received: from [192.0.2.7] ([192.0.2.7])\r\n"))
    }

    @Test("a recipient's domain that is not ASCII stands there as A-labels: who takes no SMTPUTF8 can have the message", arguments: ["bob", "bøb"])
    func nonASCIIRecipients(_ name: String) throws {
        var field = try field("x.example")
        field.recipient = Address("\(name)@bücher.example")
        #expect(written(field).contains("\r\n\tfor <\(name)@xn--bcher-kva.example>;\r\n"))
    }

    @Test("a client's name of UTF-8 stands only in the trace of a message of SMTPUTF8, as A-labels: RFC 6531 §3.7.3")
    func nonASCIINames() throws {
        var field = try field("bücher.example")
        #expect(written(field).hasPrefix("Received: from [192.0.2.7] ([192.0.2.7])\r\n"))
        field.transmission = .utf8smtps
        #expect(written(field).hasPrefix("Received: from xn--bcher-kva.example ([192.0.2.7])\r\n"))
    }

    @Test("a client's name with blanks is taken, and stays out of the trace line: RFC 5321 §4.1.4")
    func blanks() throws {
        #expect(written(try field("my computer")).hasPrefix("Received: from [192.0.2.7] ([192.0.2.7])\r\n"))
    }

    @Test("no octet of a client's name ends the line")
    func injection() throws {
        for octet in UInt8.min...UInt8.max {
            guard let name = try? ClientName(ByteScanner(ByteBuffer(bytes: [0x61, octet, 0x62]))) else { continue }
            var field = try field("x")
            field.clientName = name
            let lines = written(field).split(separator: "\r\n", omittingEmptySubsequences: false)
            #expect(lines.count == 6 && lines.allSatisfy { $0.utf8.allSatisfy { $0 == 9 || ($0 >= 0x20 && $0 != 0x7F) } })
        }
    }

    @Test(
        "how it came: RFC 3848, RFC 6531 §4.3",
        arguments: [
            (TransmissionType.smtp, false, false, false, false), (.esmtp, true, false, false, false), (.esmtpa, true, false, false, true),
            (.esmtps, true, false, true, false), (.esmtpsa, true, false, true, true), (.utf8smtp, true, true, false, false),
            (.utf8smtpa, true, true, false, true), (.utf8smtps, true, true, true, false), (.utf8smtpsa, true, true, true, true),
        ])
    func transmission(_ type: TransmissionType, _ isExtended: Bool, _ isUTF8: Bool, _ isSecured: Bool, _ isAuthenticated: Bool) {
        #expect(TransmissionType(isExtended: isExtended, isUTF8: isUTF8, isSecured: isSecured, isAuthenticated: isAuthenticated) == type)
    }

    @Test("ids are of a few octets that stand anywhere")
    func ids() {
        #expect(TransactionID("a\r\nb") == nil && TransactionID("") == nil && TransactionID(String(repeating: "a", count: 65)) == nil)
        let ids = (0..<1000).map { TransactionID(bits: UInt128($0) << 60).value }
        #expect(Set(ids).count == 1000 && ids.allSatisfy { $0.utf8.count == 26 && TransactionID($0) != nil })
    }
}
