import MailModel
import Testing

@testable import martlet

@Suite("sendmail(8): what a program wrote becomes a message")
struct SendmailMessageTests {
    private func message(_ text: String, endsAtDot: Bool = false, from: String? = nil) throws -> SendmailMessage {
        SendmailMessage(Array(text.utf8), endsAtDot: endsAtDot, domain: try #require(Domain("example.org")), from: from)
    }

    private func text(_ message: SendmailMessage) -> String { String(buffer: message.octets) }

    @Test(
        "lines end with CRLF, however they ended",
        arguments: ["Subject: x\n\na\nb", "Subject: x\r\n\r\na\r\nb\r\n", "Subject: x\r\r\n\r\na\nb\r\n", "From bob Sun Nov 29\nSubject: x\n\na\nb\n"])
    func lines(_ given: String) throws {
        #expect(text(try message(given)) == "Subject: x\r\n\r\na\r\nb\r\n")
    }

    @Test("a text without a header has none")
    func headless() throws {
        #expect(text(try message("hello there\nSubject: no\n")) == "\r\nhello there\r\nSubject: no\r\n")
        #expect(text(try message("Subject: yes\nhello there\n")) == "Subject: yes\r\n\r\nhello there\r\n")
        #expect(text(try message("\nhello\n")) == "\r\nhello\r\n")
        #expect(text(try message("")) == "\r\n")
        #expect(text(try message(" a: b\n")) == "\r\n a: b\r\n")
    }

    @Test("a dot alone ends it unless -i was given")
    func dot() throws {
        #expect(text(try message("A: b\n\nc\n.\nd\n", endsAtDot: true)) == "A: b\r\n\r\nc\r\n")
        #expect(text(try message("A: b\n\nc\n.\nd\n")) == "A: b\r\n\r\nc\r\n.\r\nd\r\n")
        #expect(text(try message("A: b\n\nc\n.\r\nd\n", endsAtDot: true)) == "A: b\r\n\r\nc\r\n")
    }

    @Test("recipients are those of To, Cc and Bcc, and Bcc is not sent")
    func recipients() throws {
        let message = try message("To: root, A <a@x.example>\nBcc: b@x.example,\n c\nCc: a@x.example\nResent-Subject: x\n\n")
        #expect(message.recipients.map(\.written) == ["root@example.org", "a@x.example", "b@x.example", "c@example.org"])
        #expect(text(message) == "To: root@example.org, A <a@x.example>\r\nCc: a@x.example\r\nResent-Subject: x\r\n\r\n")
        let resent = try self.message("Resent-To: d\nTo: a@x.example\nResent-Bcc: e@x.example\n\n")
        #expect(resent.recipients.map(\.written) == ["d@example.org", "e@x.example"] && !text(resent).contains("e@x"))
    }

    @Test("quoted local parts are taken whole, and what is no address is told")
    func unreadable() throws {
        let message = try message("To: \"d e\"@x.example, Cron Daemon root, a@b@c\nCc: @x.example\n\n")
        #expect(message.recipients.map(\.written) == ["\"d e\"@x.example", "a@b"])
        #expect(message.unreadable == ["Cron Daemon root", ""])
    }

    @Test("From is completed, or added where it is told")
    func from() throws {
        #expect(text(try message("From: root (Cron)\n\n", from: "From: no")) == "From: root@example.org (Cron)\r\n\r\n")
        #expect(text(try message("X: y\n\n", from: "From: \"A\" <a@b.example>")) == "X: y\r\nFrom: \"A\" <a@b.example>\r\n\r\n")
        #expect(try message("X: y\n\n").lacksFrom)
        #expect(try !message("from: y\n\n").lacksFrom)
    }

    @Test("what is not ASCII is told by where it is")
    func octets() throws {
        let plain = try message("Subject: x\n\ny\n")
        #expect(!plain.isEightBit && !plain.hasUTF8Header)
        let text = try message("Subject: x\n\nü\n")
        #expect(text.isEightBit && !text.hasUTF8Header)
        let header = try message("Subject: ü\n\ny\n")
        #expect(header.isEightBit && header.hasUTF8Header)
        let latin = SendmailMessage(Array("Subject: ".utf8) + [0xFC, 0x0A, 0x0A], endsAtDot: false, domain: try #require(Domain("x")))
        #expect(latin.isEightBit && !latin.hasUTF8Header)
    }
}
