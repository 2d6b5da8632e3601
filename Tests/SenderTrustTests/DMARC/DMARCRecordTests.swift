import MailModel
import SenderTrust
import Testing

@Suite("Records of DMARC: RFC 9989 §4.7, §4.8")
struct DMARCRecordTests {
    @Test(
        "what is no record is none",
        arguments: [
            "", "v", "v=", "DMARC1", "v=DMARC1.1; p=none", "v=DMARC2; p=none", "v=dmarc1; p=none", "V=Dmarc1; p=none", "p=none; v=DMARC1", " v=DMARC1; p=none",
            "v=spf1 -all", "v=DMARC1 p=none", "v=DMARC1, p=none", "; v=DMARC1; p=none", "x=1; v=DMARC1; p=none", "vv=DMARC1; p=none", "v==DMARC1",
            "\"v=DMARC1; p=none\"", "v=DMARC1\u{FFFD}; p=none",
        ])
    func notRecord(_ text: String) { #expect(DMARCRecord(text) == nil) }

    @Test(
        "blanks and cases are as the grammar has them",
        arguments: [
            "v=DMARC1;p=reject", "v=DMARC1; p=reject;", "v = DMARC1 ;\tp\t=\treject\t", "V=DMARC1; P=REJECT", "v=DMARC1;;; p=reject;;", "v=DMARC1; p=Reject ;",
            "v=DMARC1; x=1; p=reject; y=2", "v=DMARC1; nonsense; p=reject", "v=DMARC1; =; p=reject", "v=DMARC1; p2=none; p=reject",
            "v=DMARC1; p=reject; p=none",
            "v=DMARC1; p=reject; pct=0; rf=iodef; ri=1", "v=DMARC1; pct=50; p=reject",
            // A mark that Unicode combines with a separator does not hide it.
            "v=DMARC1; p=reject;\u{301}x=1", "v=DMARC1; x=1;\u{301}; p=reject", "v=DMARC1; x=\u{301}; p=reject",
        ])
    func rejects(_ text: String) throws {
        var wanted = DMARCRecord()
        wanted.policy = .reject
        #expect(try #require(DMARCRecord(text)) == wanted)
    }

    @Test("every tag is read")
    func tags() throws {
        let record = try #require(
            DMARCRecord(
                "v=DMARC1; p=reject; sp=quarantine; np=none; adkim=s; aspf=S; psd=n; t=y; fo=1:d:s; rua=mailto:a@example.com,mailto:b@example.net!10m; ruf=mailto:c@example.com"
            ))
        #expect(record.policy == .reject)
        #expect(record.subdomainPolicy == .quarantine)
        #expect(record.missingDomainPolicy == DMARCRecord.Policy.none)
        #expect(record.dkimAlignment == .strict)
        #expect(record.spfAlignment == .strict)
        #expect(record.suffixMark == .isNoSuffix)
        #expect(record.isTesting)
        #expect(record.failureOptions == "1:d:s")
        #expect(record.aggregateReports == ["mailto:a@example.com", "mailto:b@example.net!10m"])
        #expect(record.failureReports == ["mailto:c@example.com"])
        #expect(record.isApplicable)
    }

    @Test(
        "what a tag may not say is its default",
        arguments: ["adkim=x", "aspf=relaxed", "psd=maybe", "t=1", "t=", "fo=2", "fo=0:x", "fo=", "rua=", "ruf=,", "rua=a@b"])
    func defaults(_ tag: String) throws {
        var wanted = DMARCRecord()
        wanted.policy = .quarantine
        #expect(try #require(DMARCRecord("v=DMARC1; p=quarantine; \(tag)")) == wanted)
    }

    @Test(
        "a policy that cannot be understood is none where reports are asked for, and otherwise no policy: RFC 9989 §4.10.1",
        arguments: ["", "p=", "p=foo", "p=re ject", "p=reject; sp=foo", "p=reject; np=", "sp=reject", "p=none,reject"])
    func policyFault(_ tags: String) throws {
        let bare = try #require(DMARCRecord("v=DMARC1; \(tags)"))
        #expect(!bare.isApplicable)
        #expect(bare.policy == .none)
        let reported = try #require(DMARCRecord("v=DMARC1; \(tags); rua=mailto:a@example.com"))
        #expect(reported.isApplicable)
        #expect(reported.policy == .none)
        #expect(reported.subdomainPolicy == nil)
        #expect(reported.missingDomainPolicy == nil)
        let elsewhere = try #require(DMARCRecord("v=DMARC1; \(tags); rua=nothing that could be sent to"))
        #expect(!elsewhere.isApplicable)
    }

    @Test(
        "sizes of report addresses stay with them, for whoever sends reports, and what is no URI is left out",
        arguments: [
            ("mailto:r@other.example!10m", ["mailto:r@other.example!10m"]), ("mailto:r@a.example!5", ["mailto:r@a.example!5"]), ("mailto:r@a.example!", []),
            ("mailto:r@a.example!m", []), ("mailto:r@a.example!10mm", []), ("mailto:r!x@a.example", []),
            ("https://a.example/r , mailto:b@c.example", ["https://a.example/r", "mailto:b@c.example"]),
            ("mailto:", []), (":x", []), ("1a:x", []), ("mailto:a b@c.example", []), ("mailto:<a@b.example>", []),
            ("mailto:r%21@a.example", ["mailto:r%21@a.example"]),
        ] as [(String, [String])])
    func addresses(_ list: String, _ wanted: [String]) throws {
        #expect(try #require(DMARCRecord("v=DMARC1; p=none; rua=\(list)")).aggregateReports == wanted)
    }

    @Test("of a thousand addresses some are kept")
    func manyAddresses() throws {
        let list = (0..<1_000).map { "mailto:a\($0)@example.com" }.joined(separator: ",")
        #expect(try #require(DMARCRecord("v=DMARC1; p=none; rua=\(list)")).aggregateReports.count == DMARCRecord.mostReportAddresses)
    }

    @Test("several records are none, and other texts are passed over: RFC 9989 §4.10")
    func several() {
        #expect(DMARCRecord(["v=DMARC1; p=none", "v=DMARC1; p=reject"]) == nil)
        #expect(DMARCRecord(["v=DMARC1", "v=DMARC1; p=reject"]) == nil)
        #expect(DMARCRecord(["v=spf1 -all", "v=DMARC1; p=reject", "v=DMARC12; p=none"])?.policy == .reject)
        #expect(DMARCRecord([String]()) == nil)
    }

    @Test("the examples of RFC 9989 appendix B.2 and RFC 7489 appendix B.2")
    func examples() throws {
        let monitoring = try #require(DMARCRecord("v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com"))
        #expect(monitoring.policy == .none && monitoring.aggregateReports == ["mailto:dmarc-feedback@example.com"])
        let failures = try #require(DMARCRecord("v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com; ruf=mailto:auth-reports@thirdparty.example.net"))
        #expect(failures.failureReports == ["mailto:auth-reports@thirdparty.example.net"])
        let testing = try #require(
            DMARCRecord("v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net; t=y"))
        #expect(testing.isTesting && testing.policy == .quarantine && testing.aggregateReports.count == 2)
        let percent = try #require(
            DMARCRecord("v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net!10m; pct=25"))
        #expect(!percent.isTesting && percent.aggregateReports == ["mailto:dmarc-feedback@example.com", "mailto:tld-test@thirdparty.example.net!10m"])
        #expect(try #require(DMARCRecord("v=DMARC1;")).isApplicable == false)
    }

    @Test("a name that is too long has no record")
    func name() throws {
        let label = String(repeating: "a", count: 62)
        let long = try #require(Domain([label, label, label, label].joined(separator: ".")))
        #expect(DMARCRecord.name(of: long) == nil)
        #expect(try DMARCRecord.name(of: #require(Domain("example.com")))?.value == "_dmarc.example.com")
        #expect(try DMARCRecord.name(of: #require(Domain("[192.0.2.1]"))) == nil)
    }
}
