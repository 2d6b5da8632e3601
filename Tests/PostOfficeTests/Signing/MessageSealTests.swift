import MailModel
import NIOCore
import SenderTrust
import Testing

@testable import PostOffice

@Suite("What our own results say of a message that was judged here")
struct MessageSealTests {
    private func seal(_ header: String) throws -> MessageSeal? { MessageSeal(ByteBuffer(string: header), try #require(Domain("mx.example.org"))) }

    @Test("ours alone are read, the first of them; others' say nothing")
    func ours() throws {
        #expect(try seal("From: a@b.example\r\n\r\n") == nil)
        #expect(try seal("Authentication-Results: mx.example.com; dmarc=pass header.from=b.example\r\n\r\n") == nil)
        let found = try seal("Authentication-Results: mx.other.example; none\r\nAuthentication-Results: MX.example.ORG;\r\n arc=pass;\r\n spf=none\r\n\r\n")
        #expect(found?.results == "MX.example.ORG; arc=pass; spf=none" && found?.chain == .pass)
        // In the text below the header it is nobody's.
        #expect(try seal("From: a@b.example\r\n\r\nAuthentication-Results: mx.example.org; arc=pass\r\n") == nil)
    }

    @Test(
        "an author is proved by DMARC, or by SPF or a whole signature of exactly that domain",
        arguments: [
            ("dmarc=pass header.from=b.example", true), ("dmarc=fail header.from=b.example", false), ("dmarc=pass header.from=c.example", false),
            ("spf=pass smtp.mailfrom=a@b.example", true), ("spf=pass smtp.mailfrom=a@c.example", false), ("spf=pass smtp.helo=b.example", false),
            ("spf=softfail smtp.mailfrom=a@b.example", false), ("dkim=pass header.d=b.example", true), ("dkim=pass header.d=x.b.example", false),
            ("dkim=pass reason=\"l= leaves octets at the end unsigned\" header.d=b.example", false), ("none", false),
        ])
    func proven(_ results: String, _ isProven: Bool) throws {
        let seal = try #require(try seal("Authentication-Results: mx.example.org; \(results)\r\n\r\n"))
        #expect(seal.proves(try #require(Domain("b.example"))) == isProven)
    }
}
