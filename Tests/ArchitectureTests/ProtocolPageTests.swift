import Foundation
import Testing

/// What `docs/protocols` claims is true: a section is done only when a transcript cites it, and what is advertised is on the page.
@Suite struct ProtocolPageTests {
    static let protocols = [
        ProtocolPage.Subject(
            name: "imap", module: "IMAP", tables: ["Sources/IMAP/Session/Capability.swift", "Sources/IMAP/Verbs"], entry: #"Capability\("([^"]+)""#),
        ProtocolPage.Subject(name: "pop3", module: "POP3", tables: ["Sources/POP3/Session/Capability.swift"], entry: #"case \w+ = "([^"]+)""#),
        ProtocolPage.Subject(name: "smtp", module: "SMTP", tables: ["Sources/SMTP/Grammar/SMTPExtension.swift"], entry: #"case \.\w+: "([^"]+)""#),
    ]

    @Test("every row has a section, files that exist, a status and its transcripts", arguments: protocols)
    func rows(_ subject: ProtocolPage.Subject) throws {
        let page = try ProtocolPage(subject)
        #expect(page.rows.count > 10)
        for row in page.rows {
            #expect(!row.sections.isEmpty, "\(row): no RFC and section")
            #expect(["done", "not served"].contains(row.status), "\(row): the status is `done` or `not served`")
            guard row.status == "done" else { continue }
            #expect(!row.files.isEmpty, "\(row): no file")
            for file in row.files {
                let places = ["Sources/\(subject.module)/\(file)", "Sources/\(file)"]
                #expect(places.contains { ProtocolPage.exists($0) }, "\(row): there is no \(file)")
            }
        }
    }

    @Test("a section is done only when a transcript that the row names cites it", arguments: protocols)
    func cited(_ subject: ProtocolPage.Subject) throws {
        let page = try ProtocolPage(subject)
        for row in page.rows where row.status == "done" {
            #expect(!row.transcripts.isEmpty, "\(row): no transcript")
            var cited: Set<String> = []
            for name in row.transcripts {
                let citations = try #require(page.citations[name], "\(row): there is no transcript \(name)")
                cited.formUnion(citations)
            }
            for section in row.sections {
                #expect(cited.contains(section), "\(row): no transcript of the row cites \(section); they cite \(cited.sorted())")
            }
        }
    }

    @Test("what the table of capabilities has is on the page as done, and what the page says is advertised is in the table", arguments: protocols)
    func capabilities(_ subject: ProtocolPage.Subject) throws {
        let page = try ProtocolPage(subject)
        let advertised = try subject.capabilities()
        #expect(advertised.count > 5)
        let claimed = Set(page.rows.filter { $0.status == "done" }.flatMap(\.capabilities))
        #expect(advertised.subtracting(claimed).isEmpty, "advertised, and no row for \(advertised.subtracting(claimed).sorted())")
        // Some are not constant, and so stand beside the table.
        let source = try subject.source()
        for name in claimed.subtracting(advertised) {
            #expect(source.contains("\"\(name)"), "the page claims \(name), which is not advertised")
        }
        for row in page.rows where row.status != "done" {
            #expect(advertised.isDisjoint(with: row.capabilities), "\(row): advertised, and not served?")
        }
    }

    @Test("the README names every IMAP capability, and none that is not advertised")
    func readme() throws {
        let subject = try #require(Self.protocols.first)
        let source = try subject.source()
        let text = try ProtocolPage.text("README.md")
        let start = try #require(text.range(of: "| what for | capabilities |"))
        let rows = text[start.upperBound...].prefix(while: { $0 != "#" }).split(separator: "\n").dropFirst()
        let named = Set(
            rows.flatMap { row in row.split(separator: "|").last.map { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } } ?? [] })
        let apart: Set = ["IMAP4rev1", "IMAP4rev2", "LOGINDISABLED"]
        let advertised = try subject.capabilities().subtracting(apart).map { $0.hasPrefix("RIGHTS=") ? "RIGHTS=" : $0 }
        #expect(Set(advertised).subtracting(named).isEmpty)
        for name in named { #expect(source.contains("\"\(name)"), "the README names \(name), which is not advertised") }
    }

    @Test("citations are read as people write them")
    func reading() {
        let text = "# RFC 9051 §6.3.12, §7.1; RFC 4315; draft-ietf-morg-inthread-01 §3: what\n#: setting RFC 1\n#x\nC: RFC 2\n# RFC 1939 §7 TOP, §8"
        #expect(
            ProtocolPage.citations(in: text) == [
                "9051", "9051 §6.3.12", "9051 §7.1", "4315", "draft-ietf-morg-inthread-01", "draft-ietf-morg-inthread-01 §3", "1939", "1939 §7",
                "1939 §8",
            ])
        #expect(ProtocolPage.sections(in: "9051 §6.2.1, 4616") == ["9051 §6.2.1", "4616"])
        #expect(ProtocolPage.sections(in: "9051 §6.4.7, §6.4.8") == ["9051 §6.4.7", "9051 §6.4.8"])
    }
}
