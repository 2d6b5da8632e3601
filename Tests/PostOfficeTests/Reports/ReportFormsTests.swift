import MailModel
import NIOCore
import Testing

@testable import PostOffice

@Suite("The forms of reports, and of what asks for them: RFC 8460, RFC 9990; TRAPS §2.21, §2.22")
struct ReportFormsTests {
    @Test(
        "a size behind an address is no part of it: RFC 7489 §6.2",
        arguments: [
            ("mailto:r@a.example", "r@a.example", nil), ("MAILTO:r@a.example!10m", "r@a.example", 10 << 20), ("mailto:r@a.example!5000", "r@a.example", 5_000),
            ("mailto:r%21x@a.example!2K", "r!x@a.example", 2_048), ("mailto:r@a.example?subject=x", "r@a.example", nil),
            ("mailto:r@a.example!999999999t", "r@a.example", Int.max),
        ] as [(String, String, Int?)])
    func addresses(_ text: String, _ address: String, _ most: Int?) throws {
        let uri = try #require(ReportURI(text))
        #expect(try uri.target == .mail(#require(Address(address))) && uri.mostOctets == most)
    }

    @Test(
        "what is no address of a report is none",
        arguments: [
            "", "mailto:", "mailto:x", "mailto:@a.example", "http://a.example/", "mailto:r@a.example!", "mailto:r@a.example!m", "mailto:r@a.example!1mm",
            "mailto:r@[192.0.2.1]", "mailto:r%0D%0A@a.example", "mailto:r%2@a.example", "mailto:r@a.example b", "mailto:r@a.example!1!2", "ftp:x",
        ])
    func noAddress(_ text: String) { #expect(ReportURI(text) == nil) }

    @Test("the record that asks for reports on TLS is one, with its version first: RFC 8460 §3")
    func records() throws {
        let good = ["v=spf1 -all", "v=TLSRPTv1; rua=mailto:a@b.example , https://c.example/x; ext=1;"]
        #expect(TLSReportRecord(good)?.targets.count == 2)
        for bad in [[], ["v=TLSRPTv1;"], ["v=TLSRPTv1; rua=x"], ["v=TLSRPTv2; rua=mailto:a@b.example"], ["rua=mailto:a@b.example; v=TLSRPTv1"], good + good] {
            #expect(TLSReportRecord(bad) == nil, "\(bad)")
        }
        #expect(TLSReportRecord.name(of: try #require(Domain("b.example")))?.value == "_smtp._tls.b.example")
        let long = try #require(Domain(Array(repeating: String(repeating: "a", count: 60), count: 4).joined(separator: ".")))
        #expect(TLSReportRecord.name(of: long) == nil && ReportAuthorization.name(of: long, at: long) == nil)
        #expect(ReportAuthorization(["x", "v=DMARC1"]) == ReportAuthorization(["v=DMARC1;"]))
        #expect(ReportAuthorization(["v=DMARC1; rua=mailto:q@b.example"])?.targets == [try #require(ReportURI("mailto:q@b.example"))])
        #expect(ReportAuthorization(["v=DMARC2", "DMARC1", "p=none; v=DMARC1"]) == nil)
    }

    @Test("what is read of a report on mail is what was written, whatever stands in it")
    func aggregate() throws {
        var report = AggregateReport()
        (report.organization, report.email, report.id, report.generator) = ("a <b> & \"c\" ]]>", "r@a.example", "x1", "Martlet 1")
        (report.begin, report.end) = (1_795_824_000, 1_795_910_399)
        report.errors = ["one", "two"]
        (report.policy.domain, report.policy.policy, report.policy.testing, report.policy.discoveryMethod) = ("a.example", "none", "n", "treewalk")
        var record = AggregateReport.Record()
        (record.source, record.count, record.disposition, record.dkim, record.spf) = ("192.0.2.1", 3, "pass", "pass", "fail")
        (record.headerFrom, record.envelopeFrom, record.envelopeTo) = ("a.example", "", "example.test")
        var signature = AggregateReport.Signature()
        (signature.domain, signature.selector, signature.result) = ("a.example", "s", "pass")
        record.signatures = [signature, signature]
        report.records = [record, record]
        #expect(try AggregateReport(report.xml) == report)
        #expect(String(buffer: report.xml).contains("<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">"))
        #expect(!String(buffer: report.xml).contains("\u{1}"))
    }

    @Test("reports are read as they are written by others", arguments: ["google.xml", "yahoo.xml", "microsoft.xml", "rfc9990.xml"])
    func others(_ name: String) throws {
        let report = try AggregateReport(ReportSample.file(name))
        #expect(report.policy.domain == "example.test" && report.begin == 1_795_824_000 && !report.organization.isEmpty && !report.id.isEmpty)
        let first = try #require(report.records.first)
        #expect(first.headerFrom == "example.test" && IPAddress(first.source) != nil && first.count > 0)
        switch name {
        case "google.xml":
            #expect(report.records.count == 2 && report.records[1].overrides.map(\.comment) == ["arc=pass"] && first.signatures[0].selector == "s1")
        case "yahoo.xml": #expect(first.dkim == "pass" && first.disposition == "none" && first.spfChecks[0].result == "hardfail" && report.end == 1_795_910_399)
        case "microsoft.xml": #expect(first.disposition == "reject" && first.envelopeTo == "contoso.example" && report.policy.failureOptions == "0")
        default:
            #expect(report.organization == "Receiver & Sons" && first.envelopeFrom == "" && report.policy.missingDomainPolicy == "reject")
            #expect(report.generator == "Example Reporter v1.2" && first.dkim == "pass" && first.spf == "fail")
        }
    }

    @Test(
        "a report that does not say how many messages is none",
        arguments: ["", "abc", "-1", "1.5", "1e3", "0x10", "99999999999999999999999", "1125899906842625", "1 2", "\u{661}"])
    func counts(_ text: String) throws {
        let whole = String(buffer: try ReportSample.file("google.xml"))
        let broken = try whole.replacing(Regex("<count>[0-9]+</count>"), with: "<count>\(text)</count>", maxReplacements: 1)
        #expect(broken != whole)
        #expect(throws: AggregateReport.Fault.self) { try AggregateReport(ByteBuffer(string: broken)) }
        let without = try whole.replacing(Regex("<count>[0-9]+</count>"), with: "", maxReplacements: 1)
        #expect(throws: AggregateReport.Fault.self) { try AggregateReport(ByteBuffer(string: without)) }
        #expect(try AggregateReport(ByteBuffer(string: whole.replacing(Regex("<count>[0-9]+</count>"), with: "<count> 0 </count>"))).records[0].count == 0)
    }

    @Test("UTF-16 with its mark is read as well")
    func wide() throws {
        let text = String(buffer: try ReportSample.file("google.xml"))
        var (little, big) = (ByteBuffer(bytes: [0xFF, 0xFE]), ByteBuffer(bytes: [0xFE, 0xFF]))
        for unit in text.utf16 {
            little.writeInteger(unit, endianness: .little)
            big.writeInteger(unit, endianness: .big)
        }
        let report = try AggregateReport(ByteBuffer(string: text))
        #expect(try AggregateReport(little) == report && AggregateReport(big) == report)
    }

    @Test(
        "what is no report is refused, and nothing declares entities",
        arguments: [
            ("", .notXML(.malformed)), ("<feedback>", .notXML(.malformed)), ("<feedback></feedback>", .noReport), ("<html></html>", .noReport),
            ("<!DOCTYPE x [<!ENTITY a \"b\">]><feedback/>", .notXML(.hasDocumentType)), ("<feedback><a></b></feedback>", .notXML(.malformed)),
            ("<feedback>&a;</feedback>", .notXML(.malformed)), ("<feedback>&#xD800;</feedback>", .notXML(.malformed)),
            ("<feedback><!-- </feedback>", .notXML(.malformed)),
            ("<feedback a=\"></feedback>", .notXML(.malformed)), ("<feedback><![CDATA[x</feedback>", .notXML(.malformed)), ("<feedback/>", .noReport),
            ("<" + String(repeating: "a", count: 200) + "/>", .notXML(.malformed)), ("<feedback <a/></feedback>", .notXML(.malformed)),
        ] as [(String, AggregateReport.Fault)])
    func refused(_ text: String, _ fault: AggregateReport.Fault) {
        #expect(throws: fault) { try AggregateReport(ByteBuffer(string: text)) }
    }

    @Test("a report that is cut anywhere is none, and elements nest so deep and no deeper")
    func cut() throws {
        let whole = try ReportSample.file("microsoft.xml")
        for count in 0..<whole.readableBytes {
            #expect(throws: AggregateReport.Fault.self) { try AggregateReport(whole.getSlice(at: 0, length: count) ?? ByteBuffer()) }
        }
        let deep = "<feedback>" + String(repeating: "<a>", count: 100_000)
        #expect(throws: AggregateReport.Fault.notXML(.tooDeep)) { try AggregateReport(ByteBuffer(string: deep)) }
    }

    @Test("records without end are counted, and those that are too many are left out")
    func many() throws {
        let head =
            "<feedback><report_metadata><date_range><begin>1</begin></date_range></report_metadata><policy_published><domain>a.b</domain></policy_published>"
        let records = String(repeating: "<record><row><count>1</count></row></record>", count: 60_000)
        let report = try AggregateReport(ByteBuffer(string: head + records + "</feedback>"))
        #expect(report.records.count == AggregateReport.mostRecords && report.leftOut == 10_000)
    }

    @Test("reports on TLS are read as they are written by others, and by us")
    func tls() throws {
        let google = try #require(TLSReport(ReportSample.file("google-tls.json")))
        #expect(google.organization == "Google Inc." && google.policies.count == 1 && google.policies[0].successes == 40)
        #expect(google.policies[0].details.map(\.count) == [2, 1] && google.policies[0].details[1].reason == "since yesterday")
        let microsoft = try #require(TLSReport(ReportSample.file("microsoft-tls.json")))
        #expect(microsoft.policies.map(\.type) == ["no-policy-found", "tlsa"] && microsoft.policies[1].hosts == ["mx.example.test"])
        #expect(microsoft.policies[1].strings == ["3 1 1 00"])
        for report in [google, microsoft] { #expect(TLSReport(report.json) == report) }
    }

    @Test(
        "JSON of strangers is bounded, and its types may be others than agreed",
        arguments: [
            ("{\"policies\":[]}", true), ("{\"policies\":{}}", false), ("[]", false), ("{\"policies\":[],\"policies\":1}", true),
            ("{\"policies\":[1,\"x\",null]}", true),
            ("{\"policies\":[]} x", false), ("{\"policies\":[", false), ("{\"policies\":[],\"report-id\":17}", true),
            ("{\"a\":\"\\ud83d\\ude00\\ud800\",\"policies\":[]}", true),
            ("{\"a\":\"\u{1}\",\"policies\":[]}", false), ("{\"a\":-0.5e300,\"policies\":[]}", true), ("{\"a\":1e999,\"policies\":[]}", true),
            ("{'a':1}", false),
            (String(repeating: "[", count: 100_000), false), ("{\"policies\":[" + String(repeating: "1,", count: 300_000) + "1]}", false),
        ] as [(String, Bool)])
    func json(_ text: String, _ isReport: Bool) { #expect((TLSReport(ByteBuffer(string: text)) != nil) == isReport) }

    @Test("a zip archive's first files are found; what is enciphered, packed otherwise or a folder is passed over")
    func zip() {
        let content = ByteBuffer(string: "content")
        let archive = ZipArchive(
            ReportSample.zip([
                ("x/", ByteBuffer(), 0, false), ("a", content, 99, false), ("b", content, 0, false), ("c", content, 8, false), ("d", content, 8, true),
            ]))
        #expect(archive.files.map(\.isStored) == [true, false, false] && archive.files[0].octets == content && archive.files[1].octets == content)
        #expect(archive.files[2].octets.readableBytes > content.readableBytes)
        let whole = ReportSample.zip([("b", content, 0, false)])
        for count in 0..<whole.readableBytes { #expect(ZipArchive(whole.getSlice(at: 0, length: count) ?? ByteBuffer()).files.count <= 1) }
        #expect(ZipArchive(ReportSample.zip(Array(repeating: ("b", content, 0, false), count: 50))).files.count == ZipArchive.mostFiles)
    }
}
