import Conversation
import MailModel
import Rehearsal
import SenderTrust
import Testing

@Suite("What a domain shows of itself: BIMI")
struct BIMITests {
    /// A domain whose DMARC passes, with this record for its mark.
    private func zone(_ dmarc: String = "p=reject", _ records: [String: [String]] = [:]) throws -> PolicyZone {
        let zone = try PolicyZone([("example.com", "v=DMARC1; \(dmarc)")])
        for (name, texts) in records { try zone.names.set(.txt, of: "default._bimi.\(name)", texts.map(PolicyZone.strings)) }
        return zone
    }

    private func verdict(_ zone: PolicyZone, _ author: String = "example.com") async throws -> BIMIVerdict {
        await BIMIEvaluation(resolver: zone.names).evaluate(try await zone.verdict(author, dkim: [author]))
    }

    private static let both = "v=BIMI1; l=https://example.com/a.svg; a=https://example.com/a.pem"

    @Test("a mark that nobody has verified is no pass")
    func marks() async throws {
        let found = try await verdict(zone("p=quarantine", ["example.com": [Self.both]]))
        #expect(found.result == .skipped && found.domain?.value == "example.com" && found.selector == "default")
        #expect(found.indicator == "https://example.com/a.svg" && found.authority == "https://example.com/a.pem")
        let plain = try await verdict(zone("p=reject", ["example.com": ["v=BIMI1; l=https://example.com/a.svg"]]))
        #expect(plain.result == .skipped && plain.authority == nil && plain.reason == "no mark certificate")
    }

    @Test("the author's record comes before the organization's")
    func order() async throws {
        let records = ["example.com": [Self.both], "own.example.com": ["v=BIMI1; l=https://own.example.com/a.svg;"]]
        #expect(try await verdict(zone("p=reject", records), "own.example.com").indicator == "https://own.example.com/a.svg")
        let inherited = try await verdict(zone("p=reject", records), "other.example.com")
        #expect(inherited.domain?.value == "example.com" && inherited.indicator == "https://example.com/a.svg")
        #expect(try await verdict(zone("p=reject"), "other.example.com").result == .none)
    }

    @Test("only enforced policies entitle", arguments: ["p=none", "p=reject; sp=none", "p=quarantine; sp=none", "p=reject; t=y", "p=quarantine; t=y"])
    func notEnforced(_ dmarc: String) async throws {
        let zone = try zone(dmarc, ["example.com": [Self.both]])
        #expect(try await verdict(zone).result == .skipped)
        #expect(try await verdict(zone).indicator == nil)
    }

    @Test("the organization has to enforce its policy too")
    func organization() async throws {
        let zone = try PolicyZone([("example.com", "v=DMARC1; p=none"), ("own.example.com", "v=DMARC1; p=reject")])
        try zone.names.set(.txt, of: "default._bimi.own.example.com", [PolicyZone.strings(Self.both)])
        let found = try await verdict(zone, "own.example.com")
        #expect(found.result == .skipped && found.indicator == nil)
    }

    @Test("what DMARC does not pass has no mark")
    func failure() async throws {
        let zone = try zone("p=reject", ["example.com": [Self.both]])
        let found = await BIMIEvaluation(resolver: zone.names).evaluate(try await zone.verdict("example.com"))
        #expect(found.result == .skipped && found.indicator == nil)
        #expect(!zone.asked.contains { $0.contains("_bimi") })
    }

    @Test(
        "records",
        arguments: [
            ("v=BIMI1; l=; a=;", BIMIVerdict.Result.declined), ("v=BIMI1; l=;", .declined), ("v=BIMI1;", .fail),
            ("v=BIMI1; a=https://example.com/a.pem", .fail),
            ("v=BIMI1; l=http://example.com/a.svg", .fail), ("v=BIMI1; l=javascript:alert(1)", .fail), ("v=BIMI1; l=https://", .fail),
            ("v=BIMI1; l=https://example.com/a svg", .fail), ("v=BIMI1; l=https://a.example/\"x", .fail),
            ("v=BIMI1; l=https://a.example/; a=http://x.example", .fail),
            ("V = BIMI1 ; L = HTTPS://a.example/x.svg ; avp=brand", .skipped), ("v=BIMI2; l=https://a.example/", .none), ("l=; v=BIMI1", .none), ("", .none),
            ("v=spf1 -all", .none),
        ])
    func records(_ text: String, _ wanted: BIMIVerdict.Result) async throws {
        #expect(try await verdict(zone("p=reject", ["example.com": [text, "another text"]])).result == wanted)
    }

    @Test("several records fail, and who cannot be asked is no answer")
    func several() async throws {
        #expect(try await verdict(zone("p=reject", ["example.com": [Self.both, Self.both]])).result == .fail)
        let silent = try zone()
        try silent.names.setFault(.txt, of: "default._bimi.example.com", .timedOut)
        #expect(try await verdict(silent).result == .temperror)
    }
}
