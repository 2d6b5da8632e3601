import MailModel
import MessageFormat
import Testing

@testable import SMTP

@Suite struct PathTests {
    @Test(
        "reverse and forward paths, with the route forgotten: RFC 5321 §4.1.2",
        arguments: [
            ("<a@b.example>", "a@b.example"), ("<A.b+c=d@B.Example>", "A.b+c=d@b.example"), ("<\"a b\"@c.example>", "\"a b\"@c.example"),
            ("<\"a\\\"b\"@c.example>", "\"a\\\"b\"@c.example"), ("<\"a\"@c.example>", "a@c.example"), ("<@x.example,@y.example:a@b.example>", "a@b.example"),
            ("<a@[192.0.2.1]>", "a@[192.0.2.1]"), ("<a@[IPv6:2001:db8::1]>", "a@[ipv6:2001:db8::1]"), ("<\"x@y\"@c.example>", "\"x@y\"@c.example"),
            ("<a%b@c.example>", "a%b@c.example"), ("<jürgen@bücher.example>", "jürgen@bücher.example"), ("<a@b.example.>", "a@b.example"),
            ("<a!b@c>", "a!b@c"),
        ])
    func accepted(_ text: String, _ written: String) throws {
        let path = try RcptCommand(ByteScanner("TO:" + text)).forwardPath
        #expect(path == .mailbox(try #require(Address(written))) || path.written == "<\(written)>")
        let mail = try MailCommand(ByteScanner("from: " + text))
        #expect(mail.reversePath.written == path.written)
    }

    @Test(
        "what is no path: RFC 5321 §4.1.2",
        arguments: [
            "", "<a@b.example", "a@b.example>", "a b@c.example", "a@b.example c", "\"a", "@b.example", "<\"a\".b@c.example>", "<a>", "<@b.example>", "<a@>",
            "<a@b@c.example>", "<a b@c.example>",
            "<\"a@b.example>", "<\"a\u{1}\"@b.example>", "<a@-b.example>", "<a@b..example>", "<a@[192.0.2.1>",
            "<a@b.example>x", "<@x.example:>", "<@x.example,:a@b.example>", "<@x.example;a@b.example>", "<a@b.example>,<c@d.example>", "<a\\@b@c.example>",
            "<\u{80}a@b.example>", "<a@b_\u{7}>", "<<a@b.example>>",
        ])
    func refused(_ text: String) {
        #expect(throws: SyntaxError.self) { try RcptCommand(ByteScanner("TO:" + text)) }
        #expect(throws: SyntaxError.self) { try MailCommand(ByteScanner("FROM:" + text)) }
    }

    @Test(
        "paths beyond RFC 5321 §4.1.2 that the world sends, kept as they were sent",
        arguments: [
            ("<a..b@docomo.example>", "<a..b@docomo.example>", "a..b"), ("<abc.@docomo.example>", "<abc.@docomo.example>", "abc."),
            ("<.a@b.example>", "<.a@b.example>", ".a"), ("<..@b.example>", "<..@b.example>", ".."), ("<\"a..b\"@c.example>", "<\"a..b\"@c.example>", "a..b"),
            ("a@b.example", "<a@b.example>", "a"), ("\"a b\"@c.example", "<\"a b\"@c.example>", "a b"), ("a..@[192.0.2.1]", "<a..@[192.0.2.1]>", "a.."),
            ("< a@b.example >", "<a@b.example>", "a"), ("<\ta@b.example\t>", "<a@b.example>", "a"), ("  \t<a@b.example>", "<a@b.example>", "a"),
            ("<\"\"@b.example>", "<\"\"@b.example>", ""), ("< @x.example:a@b.example>", "<a@b.example>", "a"),
        ])
    func tolerated(_ text: String, _ written: String, _ localPart: String) throws {
        for text in [text, text + " SIZE=1", text + "\t SIZE=1"] {
            let path = try MailCommand(ByteScanner("FROM:" + text)).reversePath
            #expect(path.written == written && path.address?.localPart == localPart)
        }
        guard case .mailbox(let address) = try RcptCommand(ByteScanner("TO:" + text)).forwardPath else {
            Issue.record("\(text) is no mailbox")
            return
        }
        #expect(address.localPart == localPart)
    }

    @Test("an unquoted local part that could end a path or a line is never kept as it was sent", arguments: Array(0...255) as [UInt8])
    func unquoted(_ octet: UInt8) throws {
        let local = "a.." + String(Unicode.Scalar(octet))
        guard let address = Address(localPart: local, domain: try #require(Domain("b.example"))) else { return }
        let written = ReversePath(address, unquoted: local).written
        #expect(written.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        if !written.hasPrefix("<\"") { #expect(written.dropFirst().dropLast().allSatisfy { !"<> \"\\,;:()[]".contains($0) }) }
    }

    @Test("the null reverse path, and the bare postmaster: RFC 5321 §4.1.1.3, §4.5.5")
    func special() throws {
        #expect(try MailCommand(ByteScanner("FROM:<>")).reversePath == .null)
        #expect(try RcptCommand(ByteScanner("TO:<PostMaster>")).forwardPath == .postmaster)
        #expect(try MailCommand(ByteScanner("FROM: < >")).reversePath == .null)
        for text in ["postmaster", "  POSTMASTER", "< Postmaster >"] { #expect(try RcptCommand(ByteScanner("TO:" + text)).forwardPath == .postmaster) }
        #expect(throws: SyntaxError.forwardPath) { try RcptCommand(ByteScanner("TO:postmasters")) }
        #expect(throws: SyntaxError.forwardPath) { try RcptCommand(ByteScanner("TO:<>")) }
        #expect(throws: SyntaxError.reversePath) { try MailCommand(ByteScanner("FROM:<postmaster>")) }
    }

    @Test("no octet makes a path that can end a line")
    func injection() {
        for octet in UInt8.min...UInt8.max {
            for form in [[octet], [0x22, octet, 0x22], [0x22, 0x5C, octet, 0x22]] {
                let text = Array("TO:<a".utf8) + form + Array("@b.example>".utf8)
                for text in [text, Array("TO:<".utf8) + form + Array("@b.example>".utf8), Array("TO:<a@".utf8) + form + Array(">".utf8)] {
                    guard let path = try? RcptCommand(ByteScanner(.init(bytes: text))).forwardPath else { continue }
                    #expect(path.written.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
                }
            }
        }
    }
}
