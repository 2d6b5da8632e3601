import MailModel
import Testing

@testable import martlet

@Suite("A certificate that a CA issues, as administrators are told of it")
struct IssuedCertificateTests {
    private func line(_ state: String, _ names: [String] = ["mail.example.org"]) -> CertificateLine {
        CertificateLine(name: "mail.example.org", source: "acme", state: state, names: names)
    }

    private func kinds(_ line: CertificateLine?) -> [FindingKind] {
        Judge.issued(line, for: "mail.example.org", now: Timestamp(rawValue: 1_790_000_000)).map(\.kind)
    }

    @Test("the doctor says what is wrong with it")
    func judged() {
        #expect(kinds(nil) == [.tlsNotMade] && kinds(line("missing", [])) == [.tlsNotMade])
        #expect(kinds(line("valid")).isEmpty && kinds(line("valid", ["*.example.org"])).isEmpty)
        #expect(kinds(line("valid", ["example.org"])) == [.tlsNames] && kinds(line("valid", ["*.mail.example.org"])) == [.tlsNames])
        var refused = line("missing", [])
        refused.fault = "the CA is not reached"
        #expect(kinds(refused) == [.tlsNotIssued] && kinds(line("early")) == [.tlsEarly])
        var failing = line("valid")
        failing.fault = "the CA is not reached"
        failing.notAfter = Timestamp(rawValue: 1_790_000_000 + 20 * 86_400).description
        #expect(kinds(failing) == [.tlsNotRenewed])
        failing.notAfter = Timestamp(rawValue: 1_790_000_000 + 6 * 86_400).description
        #expect(kinds(failing) == [.tlsExpiresNow])
        #expect(kinds(line("expired")) == [.tlsExpired] && kinds(line("revoked")) == [.tlsRefused] && kinds(line("damaged")) == [.tlsUnusable])
    }

    @Test("the list says it in a line, and below it what is out of the ordinary")
    func words() {
        var line = line("valid")
        line.notAfter = "2027-02-28T00:00:00Z"
        line.issuer = "An authority"
        #expect(CertificateCommand.words(line) == "mail.example.org\tacme\tvalid until 2027-02-28T00:00:00Z\tby An authority")
        line.omitted = [.init(name: "mta-sts.example.org", reason: "http-01: unauthorized", until: "2026-12-01T00:00:00Z")]
        line.fault = "the CA is not reached"
        line.heldUntil = "2026-12-02T00:00:00Z"
        #expect(
            CertificateCommand.words(line).split(separator: "\n").dropFirst() == [
                "  not for mta-sts.example.org: http-01: unauthorized; tried again from 2026-12-01T00:00:00Z",
                "  the CA is not reached; tried again from 2026-12-02T00:00:00Z",
            ])
    }

    @Test("digests of keys are read as they are written")
    func digests() {
        #expect(RecordMakers.octets(hex: "00ff10") == [0, 255, 16] && RecordMakers.octets(hex: "") == [])
        #expect(RecordMakers.octets(hex: "0") == nil && RecordMakers.octets(hex: "zz") == nil)
        let key = MailSite.Key(digest: Array(repeating: 7, count: 32), issuer: "", isOwn: true)
        #expect(key.fits(tlsa: [3, 1, 1] + key.digest) && !key.fits(tlsa: [3, 0, 1] + key.digest) && !key.fits(tlsa: [3, 1]))
    }
}
