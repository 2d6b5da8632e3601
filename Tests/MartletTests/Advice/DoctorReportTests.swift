import Foundation
import Testing

@testable import martlet

@Suite("What the doctor says")
struct DoctorReportTests {
    private let error = Finding(.mxMissing, "example.org", "it has no MX", fix: "add one")
    private let warning = Finding(.spfMissing, "example.org", "it has no SPF", fix: "add one")
    private let advice = Finding(.unsigned, "example.org", "it is not signed", fix: "sign it")
    private let unseen = Finding(.portInUnseen, "host", "whether it is reached", fix: "try it")

    @Test("the exit code is that of the worst")
    func exitCodes() {
        #expect(DoctorReport([("a", [])]).exitCode == 0 && DoctorReport([("a", [unseen, advice])]).exitCode == 0)
        #expect(DoctorReport([("a", [advice]), ("b", [warning])]).exitCode == 1 && DoctorReport([("a", [error]), ("b", [warning])]).exitCode == 2)
        #expect(DoctorReport([]).severity == .ok && DoctorReport([("a", [unseen])]).severity == .unseen)
    }

    @Test("the worst comes first, once, then what could not be seen, and what is good in one line")
    func text() {
        let report = DoctorReport([("one", [unseen, advice]), ("two", []), ("three", [error, warning, advice])])
        #expect(
            report.text(isColoured: false) == """
                error  example.org: it has no MX  [dns.mx.missing]
                    fix: add one
                warning  example.org: it has no SPF  [dns.spf.missing]
                    fix: add one
                advice  example.org: it is not signed  [dns.unsigned]
                    fix: sign it
                cannot see  host: whether it is reached  [inbound.unseen]
                    look: try it
                ok  two
                """)
        #expect(report.text(isColoured: true).hasPrefix("\u{1B}[31merror\u{1B}[0m  example.org"))
    }

    @Test("what strangers wrote does nothing to a terminal")
    func strangers() {
        let finding = Finding(.mxElsewhere, "a\u{1B}[2J", "\u{202E}b\r\n", fix: "c\u{7F}\u{9B}")
        #expect(finding.subject == "a?[2J" && finding.problem == "?b??" && finding.remedy == "c??")
    }

    @Test("JSON has all of it")
    func json() throws {
        let octets = try JSONEncoder().encode(DoctorReport([("one", [error]), ("two", [])]))
        let object = try #require(JSONSerialization.jsonObject(with: octets) as? [String: Any])
        #expect(object["severity"] as? String == "error")
        #expect((object["findings"] as? [[String: String]])?.first?["id"] == "dns.mx.missing")
        #expect((object["checks"] as? [[String: String]])?.map { $0["severity"] } == ["error", "ok"])
    }

    @Test("the page of all findings is the program's own list")
    func page() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/doctor.md"), encoding: .utf8)
        #expect(page.contains(FindingReference.markdown), "write what `martlet doctor --list` prints into docs/doctor.md")
    }
}
