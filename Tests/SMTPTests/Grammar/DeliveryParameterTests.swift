import MailModel
import MessageFormat
import Testing

@testable import SMTP

@Suite("Parameters that say how to deliver, and what to tell")
struct DeliveryParameterTests {
    private func mail(_ text: String) throws(SyntaxError) -> [MailParameter] { try MailCommand(ByteScanner("FROM:<a@b.example> " + text)).parameters }
    private func rcpt(_ text: String) throws(SyntaxError) -> [RcptParameter] { try RcptCommand(ByteScanner("TO:<a@b.example> " + text)).parameters }

    @Test(
        "MAIL's: RFC 3461 §4.3, §4.4; RFC 4865 §4; RFC 2852 §4; RFC 6710 §4",
        arguments: [
            ("RET=FULL", .returns(.full)), ("ret=hdrs", .returns(.header)), ("ENVID=QQ314159", .envelopeID("QQ314159")),
            ("ENVID=a+20b+2B", .envelopeID("a+20b+2B")), ("HOLDFOR=1", .holdFor(1)), ("HOLDFOR=999999999", .holdFor(999_999_999)),
            ("HOLDUNTIL=2026-11-22T00:35:00Z", .holdUntil(Timestamp(rawValue: 1_795_307_700))),
            ("HOLDUNTIL=2026-11-22t01:35:00.25+01:00", .holdUntil(Timestamp(rawValue: 1_795_307_700))),
            ("HOLDUNTIL=2026-11-21T23:05:00-01:30", .holdUntil(Timestamp(rawValue: 1_795_307_700))),
            ("BY=120;R", .deliverBy(.init(seconds: 120, isReturned: true, isTraced: false))),
            ("by=-999999999;nt", .deliverBy(.init(seconds: -999_999_999, isReturned: false, isTraced: true))),
            ("BY=+0;N", .deliverBy(.init(seconds: 0, isReturned: false, isTraced: false))),
            ("MT-PRIORITY=0", .priority(0)), ("MT-PRIORITY=9", .priority(9)), ("mt-priority=-9", .priority(-9)),
            ("REQUIRETLS", .requireTLS), ("requiretls", .requireTLS),
        ] as [(String, MailParameter)])
    func mailParameters(_ text: String, _ parameter: MailParameter) throws { #expect(try mail(text) == [parameter]) }

    @Test("together, in any order")
    func together() throws {
        #expect(try mail("ENVID=x RET=HDRS SIZE=1") == [.envelopeID("x"), .returns(.header), .size(1)])
        #expect(try rcpt("ORCPT=rfc822;x@y NOTIFY=NEVER") == [.original("rfc822;x@y", isUTF8: false), .notify(.never)])
    }

    @Test(
        "what MAIL's are not",
        arguments: [
            "RET", "RET=", "RET=BOTH", "RET=FULLX", "RET=FULL RET=FULL", "RET=HDRS RET=FULL", "ENVID", "ENVID=", "ENVID=+", "ENVID=+2b", "ENVID=+0D+0A",
            "ENVID=+00", "ENVID=+C3+A4", "ENVID=\u{E4}", "ENVID=a ENVID=b", "ENVID=" + String(repeating: "a", count: 101), "HOLDFOR", "HOLDFOR=0", "HOLDFOR=01",
            "HOLDFOR=-1", "HOLDFOR=1000000000", "HOLDFOR=1x", "HOLDFOR=1 HOLDFOR=1", "HOLDFOR=1 HOLDUNTIL=2026-11-22T00:35:00Z", "HOLDUNTIL=2026-11-22",
            "HOLDUNTIL=2026-13-22T00:35:00Z", "HOLDUNTIL=2026-11-22T24:35:00Z", "HOLDUNTIL=2026-11-22T00:35:00", "HOLDUNTIL=2026-11-22T00:35:00.Z",
            "HOLDUNTIL=2026-11-22T00:35:00+1:00", "HOLDUNTIL=2026-11-22T00:35:00+24:00", "HOLDUNTIL=2026-11-22T00:35:00Zx", "HOLDUNTIL=x",
            "HOLDUNTIL=2026-11-22T00:35:00." + String(repeating: "1", count: 40) + "Z", "BY", "BY=", "BY=1", "BY=1;", "BY=1;X", "BY=0;R", "BY=-1;R", "BY=1;RTT",
            "BY=1;NR", "BY=1000000000;N", "BY=0000000001;N", "BY=;N", "BY=+-1;N", "BY=1;N BY=1;N", "MT-PRIORITY", "MT-PRIORITY=10", "MT-PRIORITY=-0",
            "MT-PRIORITY=+1", "MT-PRIORITY=x", "MT-PRIORITY=-", "MT-PRIORITY=1 MT-PRIORITY=1", "MT-PRIORITY=--1",
            "REQUIRETLS=", "REQUIRETLS=YES", "REQUIRETLS REQUIRETLS",
        ])
    func noMailParameters(_ text: String) { #expect(throws: SyntaxError.parameter) { try mail(text) } }

    @Test(
        "RCPT's: RFC 3461 §4.1, §4.2; RFC 6533 §3",
        arguments: [
            ("NOTIFY=NEVER", .notify(.never)), ("notify=success", .notify(.success)), ("NOTIFY=SUCCESS,FAILURE,DELAY", .notify([.success, .failure, .delay])),
            ("NOTIFY=DELAY,FAILURE", .notify([.delay, .failure])), ("ORCPT=rfc822;a+2Bb@c.example", .original("rfc822;a+2Bb@c.example", isUTF8: false)),
            ("ORCPT=x400;/C+3Dde/", .original("x400;/C+3Dde/", isUTF8: false)),
            ("ORCPT=utf-8;j\\x{FC}@b.example", .original("utf-8;j\\x{FC}@b.example", isUTF8: false)),
            ("ORCPT=UTF-8;j\u{FC}@b.example", .original("utf-8;j\\x{FC}@b.example", isUTF8: true)),
            ("ORCPT=rfc822;bj+C3+B8rn@b.example", .original("utf-8;bj\\x{F8}rn@b.example", isUTF8: false)),
        ] as [(String, RcptParameter)])
    func rcptParameters(_ text: String, _ parameter: RcptParameter) throws { #expect(try rcpt(text) == [parameter]) }

    @Test(
        "what RCPT's are not",
        arguments: [
            "NOTIFY", "NOTIFY=", "NOTIFY=NEVER,FAILURE", "NOTIFY=FAILURE,NEVER", "NOTIFY=NEVERX", "NOTIFY=FAILURE,", "NOTIFY=,FAILURE", "NOTIFY=FAILURE;DELAY",
            "NOTIFY=ALWAYS", "NOTIFY=DELAY NOTIFY=DELAY", "ORCPT", "ORCPT=", "ORCPT=a@b", "ORCPT=rfc822;", "ORCPT=;a@b", "ORCPT=rfc822;+0D+0AStatus:x",
            "ORCPT=rfc822;a+4", "ORCPT=rfc822;\u{E4}@b", "ORCPT=rfc822;a ORCPT=rfc822;b", "ORCPT=utf-8;a+2Bb", "ORCPT=utf-8;\\x{0A}", "ORCPT=utf-8;\\x{D800}",
            "ORCPT=rfc822;" + String(repeating: "a", count: 494), "ORCPT=utf-8;" + String(repeating: "\u{FC}", count: 100),
        ])
    func noRcptParameters(_ text: String) { #expect(throws: SyntaxError.parameter) { try rcpt(text) } }
}
