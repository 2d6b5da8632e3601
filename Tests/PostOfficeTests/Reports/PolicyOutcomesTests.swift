import Logging
import MailModel
import MemoryStore
import SenderTrust
import Storage
import Testing

@testable import PostOffice

@Suite("What comes in the names of domains is counted by day, domain and row: RFC 9990 §3.1")
struct PolicyOutcomesTests {
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private let store = MemoryStore(clock: { Timestamp(rawValue: 0) })
    /// 2026-11-29T12:00:00Z.
    private let noon = Timestamp(rawValue: 1_795_953_600)

    @Test("what is alike is one row; what differs in source, verdict, identifiers or reasons is another")
    func rows() async throws {
        let outcomes = PolicyOutcomes(store: store, log: log)
        for _ in 0..<3 { outcomes.record(try Observed.mail(), at: noon) }
        outcomes.record(try Observed.mail(source: "2001:db8::1"), at: noon)
        outcomes.record(try Observed.mail(disposition: .reject, isAligned: false), at: noon)
        outcomes.record(try Observed.mail(envelopeFrom: nil), at: noon)
        outcomes.record(try Observed.mail(overrides: [.init(.mailingList, comment: "arc=pass\r\nX")]), at: noon)
        outcomes.record(try Observed.mail("b.example"), at: noon)
        let days = try await outcomes.days()
        #expect(days.map { "\($0.date) \($0.domain) \($0.tally.messages)" } == ["2026-11-29 a.example 7", "2026-11-29 b.example 1"])
        let tally = days[0].tally
        #expect(tally.rows.count == 5 && tally.rows.values.sorted() == [1, 1, 1, 1, 3] && tally.leftOut == 0)
        #expect(tally.published.reportURIs == ["mailto:r@a.example"] && tally.published.policy == .reject)
        #expect(tally.rows.keys.contains { $0.overrides == [.init(kind: "mailing_list", comment: "arc=pass??X")] })
        let row = try #require(tally.rows.first { $0.value == 3 }?.key)
        #expect(row.source == "192.0.2.1" && row.headerFrom == "a.example" && row.envelopeFrom == "bounce.a.example" && row.spfResult == "pass")
        #expect(row.signatures == [.init(domain: "a.example", selector: "s1", result: "pass")])
    }

    @Test("who asks for no reports, or has no record, is not counted")
    func unasked() async throws {
        let outcomes = PolicyOutcomes(store: store, log: log)
        outcomes.record(try Observed.mail(uris: []), at: noon)
        outcomes.record(try Observed.mail(hasRecord: false), at: noon)
        #expect(try await outcomes.days().isEmpty)
    }

    @Test("what was written down is added to by another run, once, and the policy that was seen last is the one that counts")
    func added() async throws {
        for run in 1...2 {
            let outcomes = PolicyOutcomes(store: store, log: log)
            outcomes.record(try Observed.mail(uris: ["mailto:r\(run)@a.example"]), at: noon)
            outcomes.record(try Observed.mail(), at: Timestamp(rawValue: noon.rawValue + 43_200))
            outcomes.record(try Observed.mail(uris: ["mailto:r\(run)@a.example"]), at: Timestamp(rawValue: noon.rawValue + 43_199))
            await outcomes.flush()
            await outcomes.flush()
            let days = try await PolicyOutcomes(store: store, log: log).days()
            #expect(days.map { "\($0.date) \($0.tally.messages)" } == ["2026-11-29 \(2 * run)", "2026-11-30 \(run)"])
            #expect(days[0].tally.published.reportURIs == ["mailto:r\(run)@a.example"])
        }
    }

    @Test("however many rows and domains there are it is bounded, and what is left out is told")
    func bounded() async throws {
        let outcomes = PolicyOutcomes(store: store, log: log)
        for number in 0..<1_000 { outcomes.record(try Observed.mail(source: "192.0.\(number / 250).\(number % 250)"), at: noon) }
        let long = String(repeating: "x", count: 60) + "."
        for number in 0..<200 { outcomes.record(try Observed.mail("b.example", envelopeFrom: "\(long)\(long)\(long)n\(number).example"), at: noon) }
        let days = try await outcomes.days()
        #expect(days.count == 2 && days[0].tally.rows.count == PolicyTally.mostRows && days[0].tally.leftOut == 500)
        #expect(days[0].tally.messages == 500 && days[1].tally.messages == 200)
        for _ in 0..<2 {
            for number in 0..<500 { outcomes.record(try Observed.mail("b.example", envelopeFrom: "\(long)\(long)\(long)m\(number).example"), at: noon) }
        }
        let more = try await outcomes.days(on: "2026-11-29")[1].tally
        #expect(more.messages + more.leftOut == 1_200 && more.octets.count < 300 << 10)
    }

    @Test("days end after a week, with what was said of their reports")
    func pruned() async throws {
        let outcomes = PolicyOutcomes(store: store, log: log)
        for day in 0..<10 { outcomes.record(try Observed.mail(), at: Timestamp(rawValue: noon.rawValue - Int64(day) * 86_400)) }
        await outcomes.flush()
        let old = ReportDay(date: "2026-11-20", domain: try #require(Domain("a.example")))
        try await store.change([KeyValueChange(.policyOutcomes, old.key("sent-tls"), [1])])
        try await outcomes.prune(noon)
        #expect(try await outcomes.days().map(\.date) == (22...29).map { "2026-11-\($0)" })
        #expect(try store.value(of: old.key("sent-tls"), in: .policyOutcomes) == nil)
        #expect(try outcomes.domains(on: "2026-11-22").map(\.value) == ["a.example"] && outcomes.domains(on: "2026-11-21").isEmpty)
    }

    @Test("a tally reads what it writes, and nothing that is cut short")
    func octets() throws {
        var tally = PolicyTally()
        tally.published = PolicyTally.Published(try Observed.mail(uris: ["mailto:a@b.example!10m", "https://x.example/"]).verdict)
        tally.add(PolicyTally.Row(try Observed.mail(overrides: [.init(.other), .init(.localPolicy, comment: "x")])), count: 5)
        tally.add(PolicyTally.Row(try Observed.mail(envelopeFrom: nil)))
        tally.leaveOut(3)
        #expect(PolicyTally(tally.octets) == tally)
        #expect(PolicyTally([]) == nil && PolicyTally(Array("row\t1\tx".utf8)) == nil)
        let octets = tally.octets
        for count in 0..<octets.count { _ = PolicyTally(Array(octets.prefix(count))) }
    }
}

/// Mail as the intake's judge tells of it.
enum Observed {
    static func mail(
        _ author: String = "a.example", source: String = "192.0.2.1", uris: [String]? = nil, hasRecord: Bool = true,
        disposition: DMARCObservation.Disposition = .pass, isAligned: Bool = true, envelopeFrom: String? = "bounce.a.example",
        overrides: [DMARCObservation.Override] = []
    ) throws -> DMARCObservation {
        let domain = try #require(Domain(author))
        var record = DMARCRecord()
        record.policy = .reject
        record.aggregateReports = uris ?? ["mailto:r@\(author)"]
        let verdict = DMARCVerdict(
            isAligned ? .pass : .fail, author: domain, organizationalDomain: domain, record: hasRecord ? record : nil, recordDomain: hasRecord ? domain : nil,
            policy: .reject, isSPFAligned: isAligned, isDKIMAligned: isAligned)
        let sender = envelopeFrom.flatMap { Domain($0) }
        return DMARCObservation(
            source: try #require(IPAddress(source)), verdict: verdict, envelopeFrom: sender, envelopeTo: Domain("example.test"),
            spf: SPFVerdict(isAligned ? .pass : .fail, .mailFrom, domain: sender ?? domain, sender: "x@\(author)"),
            dkim: [DKIMVerdict(isAligned ? .pass : .fail, domain: domain, selector: "s1")], disposition: disposition, overrides: overrides)
    }
}
