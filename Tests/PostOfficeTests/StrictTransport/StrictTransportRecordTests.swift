import MailModel
import PostOffice
import Testing

@Suite("By what a domain says that it has a policy: RFC 8461 §3.1")
struct StrictTransportRecordTests {
    @Test(
        "a version, then fields between semicolons, of which one is the id",
        arguments: [
            ("v=STSv1; id=20160831085700Z;", "20160831085700Z"), ("v=STSv1;id=a", "a"), ("v=STSv1 ;\tid=a ; later=x-1.y ;", "a"),
            ("v=STSv1; other=1; id=2", "2"), ("v=STSv1; id=\(String(repeating: "x", count: 32))", String(repeating: "x", count: 32)),
            // The first of two holds.
            ("v=STSv1; id=1; id=2", "1"),
        ])
    func records(text: String, id: String) {
        #expect(StrictTransportRecord([text])?.id == id)
        #expect(StrictTransportRecord(["v=spf1 -all", text, "v=STSv12; id=x"])?.id == id)
    }

    @Test(
        "what is no record is none",
        arguments: [
            "", "v=STSv1", "v=STSv1;", "v=STSv1; id=", "v=STSv1; id=a-b", "v=STSv1; id=ä", "v=STSv1; id = a", "V=STSv1; id=a", "v=stsv1; id=a",
            " v=STSv1; id=a",
            "v=STSv1 id=a", "v=STSv1; id=a;;", "v=STSv1; id", "v=STSv1; ID=a", "v=STSv1; id=a; x", "v=STSv1; id=a; x=", "v=STSv1; id=a; x=y z",
            "v=STSv1; id=a; -x=y", "v=STSv1; id=a; x=a=b", "id=a; v=STSv1", "v=STSv1; id=\(String(repeating: "x", count: 33))",
        ])
    func broken(text: String) {
        #expect(StrictTransportRecord([text]) == nil)
    }

    @Test("two records are none, and none is none")
    func several() {
        #expect(StrictTransportRecord([]) == nil)
        #expect(StrictTransportRecord(["v=STSv1; id=a", "v=STSv1; id=a"]) == nil)
        #expect(StrictTransportRecord(["v=STSv1; id=a", "v=STSv1; nonsense"]) == nil)
    }

    @Test("it stands below the domain, where that can have a name below it")
    func names() throws {
        #expect(StrictTransportRecord.name(of: try #require(Domain("example.org")))?.value == "_mta-sts.example.org")
        let long = Array(repeating: String(repeating: "a", count: 60), count: 4).joined(separator: ".")
        for none in ["[192.0.2.1]", "bücher.example", long + ".abc"] {
            #expect(StrictTransportRecord.name(of: try #require(Domain(none))) == nil)
        }
    }
}
