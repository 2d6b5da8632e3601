import Conversation
import Logging
import MailModel
import MemoryStore
import MessageFormat
import NIOCore
import Rehearsal
import SenderTrust
import Storage
import Testing
import Transport

@testable import PostOffice

@Suite("What was counted of a day is told to the domains that ask for it, once: RFC 8460 §5, RFC 9990 §3.5, §4; TRAPS §2.21")
struct ReportSenderTests {
    /// 2026-11-28T12:00:00Z, and the end of that day.
    private static let noon = Timestamp(rawValue: 1_795_867_200)
    private static let midnight: Int64 = 1_795_910_400

    private let clock = TestClock(noon)
    private let store = MemoryStore(clock: { noon })
    private let names = NameTable()
    private let web = ScriptedWeb()
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private let outcomes: PolicyOutcomes
    private let tls: TLSOutcomes

    init() {
        outcomes = PolicyOutcomes(store: store, log: log)
        tls = TLSOutcomes(store: store, log: log)
    }

    /// Another run of the same server.
    private func sender(chance: Double = 0.5, ours domain: String = "example.test") throws -> ReportSender {
        let clock = clock
        return ReportSender(
            ReportSender.Setting(sender: try #require(Address("noreply-dmarc@example.test")), generator: "Martlet 1"),
            ReportSender.Surroundings(
                outcomes: outcomes, tls: tls, store: store, intake: Intake(store: store, clock: { clock.now }, log: log), resolver: names,
                web: web, compression: ZlibCompressor(), clock: { clock.now }, chance: { chance }, makeID: { TransactionID(bits: 7) }, queued: { _ in },
                isOurs: { $0.value == domain }, log: log))
    }

    private func count(_ domain: String = "a.example", uris: [String]? = nil, messages: Int = 1) async throws {
        for _ in 0..<messages { outcomes.record(try Observed.mail(domain, uris: uris), at: clock.now) }
        await outcomes.flush()
    }

    private func countTLS(_ domain: String = "a.example", _ failure: TLSFailure? = nil) async throws {
        tls.record(
            TLSObservation(
                domain: try #require(Domain(domain)), policy: .none, host: "mx.\(domain)", address: "192.0.2.9", source: "192.0.2.1", time: clock.now,
                failure: failure))
        await tls.flush()
    }

    private func queued() async throws -> [QueueEntry] { try await store.queue(after: nil, most: 100) }

    private func reports(in entry: QueueEntry) async throws -> [ReportOpener.Report] {
        try ReportOpener(compression: ZlibCompressor()).reports(in: try await store.read(nil, of: entry.id))
    }

    private func header(of entry: QueueEntry) async throws -> [String: String] {
        let text = try await store.read(nil, of: entry.id)
        return Dictionary(HeaderFields(text).map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
    }

    @Test("a report on mail goes in the hours behind midnight, when its moment has come, with all that was counted")
    func mail() async throws {
        try await count(messages: 3)
        let sender = try sender()
        for (time, isSent) in [(Self.midnight - 1, false), (Self.midnight, false), (Self.midnight + 2 * 3_600, false), (Self.midnight + 2 * 3_600 + 200, true)]
        {
            clock.advance(to: Timestamp(rawValue: time))
            await sender.sendDue()
            #expect(try await queued().isEmpty == !isSent)
        }
        let entry = try #require(try await queued().first)
        #expect(entry.draft.recipients.map(\.path.bare) == ["r@a.example"] && entry.draft.recipients[0].notify == .never)
        #expect(entry.draft.traits == [.isAutomatic] && entry.draft.reversePath.address?.written == "noreply-dmarc@example.test")
        #expect(entry.draft.origin == .own)
        let fields = try await header(of: entry)
        let id = ReportSender.id(ReportDay(date: "2026-11-28", domain: try #require(Domain("a.example"))), .dmarc, try #require(Address("x@example.test")))
        #expect(fields["subject"] == "Report Domain: a.example Submitter: example.test Report-ID: <\(id)>" && id.count == 32)
        #expect(fields["from"] == "Reports <noreply-dmarc@example.test>" && fields["auto-submitted"] == "auto-generated" && fields["tls-required"] == nil)
        let text = String(buffer: try await store.read(nil, of: entry.id))
        #expect(text.contains("filename=\"example.test!a.example!1795824000!1795910399!\(id).xml.gz\"") && text.contains("Content-Type: application/gzip"))
        #expect(text.split(separator: "\r\n", omittingEmptySubsequences: false).allSatisfy { $0.utf8.count <= 250 } && !text.contains("\n\n"))
        guard case .dmarc(let report) = try await reports(in: entry)[0] else { return #expect(Bool(false)) }
        #expect(report.id == id && report.begin == 1_795_824_000 && report.end == 1_795_910_399 && report.organization == "example.test")
        #expect(report.policy.domain == "a.example" && report.policy.policy == "reject" && report.policy.discoveryMethod == "treewalk")
        #expect(report.records.map(\.count) == [3] && report.records[0].spfChecks.map(\.scope) == ["mfrom"] && report.generator == "Martlet 1")
    }

    @Test("it goes once, whatever starts again; a day that was missed is made up for, and none before")
    func once() async throws {
        try await count()
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        for _ in 0..<2 {
            let sender = try sender()
            for _ in 0..<3 { await sender.sendDue() }
        }
        #expect(try await queued().count == 1)
        try await count("b.example")
        clock.advance(by: 4 * 86_400)
        try await count("c.example")
        clock.advance(by: 2 * 86_400)
        let late = try sender()
        await late.sendDue()
        #expect(try await queued().map { $0.draft.recipients[0].path.bare } == ["r@a.example", "r@c.example"])
    }

    @Test("a crash behind the queue sends it again with the same name, by which the other end knows it")
    func again() async throws {
        try await count()
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        await (try sender()).sendDue()
        let day = ReportDay(date: "2026-11-28", domain: try #require(Domain("a.example")))
        try await store.change([KeyValueChange(.policyOutcomes, day.key("sent-dmarc"), nil)])
        await (try sender()).sendDue()
        let entries = try await queued()
        let (first, second) = (try await header(of: entries[0]), try await header(of: entries[1]))
        #expect(entries.count == 2 && first["message-id"] == second["message-id"] && first["subject"] == second["subject"])
    }

    @Test(
        "another organization's address gets a report only where it agrees, and only as large as it takes: RFC 9990 §4, RFC 7489 §6.2",
        arguments: [
            (["mailto:r@sub.a.example"], [:], ["r@sub.a.example"]), (["mailto:r@b.example"], [:], []), (["mailto:r@aa.example"], [:], []),
            (["mailto:r@b.example"], ["a.example._report._dmarc.b.example": "v=DMARC1"], ["r@b.example"]),
            (["mailto:r@b.example"], ["a.example._report._dmarc.b.example": "v=spf1"], []),
            (["mailto:r@b.example"], ["a.example._report._dmarc.b.example": "v=DMARC1; rua=mailto:q@b.example"], ["q@b.example"]),
            (["mailto:r@b.example"], ["a.example._report._dmarc.b.example": "v=DMARC1; rua=mailto:victim@c.example"], []),
            (["mailto:r@a.example!100", "mailto:s@a.example!1m"], [:], ["s@a.example"]), (["https://a.example/", "mailto:r@a.example"], [:], ["r@a.example"]),
            (["mailto:r@a.example", "mailto:r@a.example", "mailto:s@a.example"], [:], ["r@a.example", "s@a.example"]), (["mailto:nobody"], [:], []),
        ] as [([String], [String: String], [String])])
    func external(_ uris: [String], _ records: [String: String], _ recipients: [String]) async throws {
        for (name, text) in records { try names.set(.txt, of: name, [[UInt8(text.utf8.count)] + Array(text.utf8)]) }
        try await count(uris: uris)
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        await (try sender()).sendDue()
        #expect(try await queued().flatMap { $0.draft.recipients.map(\.path.bare) } == recipients)
    }

    @Test("what cannot be looked up now is tried again, and given up in the end")
    func unknown() async throws {
        try await count(uris: ["mailto:r@b.example"])
        try names.setFault(.txt, of: "a.example._report._dmarc.b.example", .timedOut)
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        let sender = try sender()
        for _ in 0..<5 { await sender.sendDue() }
        #expect(names.asked.count == 1)
        clock.advance(by: 3_600)
        await sender.sendDue()
        #expect(names.asked.count == 2)
        #expect(try await queued().isEmpty)
        try names.set(.txt, of: "a.example._report._dmarc.b.example", [[8] + Array("v=DMARC1".utf8)])
        clock.advance(by: 3_600)
        await sender.sendDue()
        #expect(try await queued().count == 1)
    }

    @Test("whoever cannot be looked up is asked so many times, an hour apart, and then no more, be the answer there or not")
    func givenUp() async throws {
        try await count(uris: ["mailto:r@b.example"])
        try names.setFault(.txt, of: "a.example._report._dmarc.b.example", .timedOut)
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        let sender = try sender()
        for tries in 1...ReportSender.mostTries + 3 {
            await sender.sendDue()
            #expect(names.asked.count == min(tries, ReportSender.mostTries))
            clock.advance(by: ReportSender.again)
        }
        #expect(Int64(ReportSender.mostTries) * ReportSender.again <= 86_400)
        try names.set(.txt, of: "a.example._report._dmarc.b.example", [[8] + Array("v=DMARC1".utf8)])
        await sender.sendDue()
        #expect(try await queued().isEmpty)
    }

    @Test("who cannot be looked up keeps the report from nobody else, and gets it when he can, be it from another run; nobody gets it twice")
    func partly() async throws {
        try await count(uris: ["mailto:r@b.example", "mailto:s@a.example", "mailto:t@c.example"])
        try names.setFault(.txt, of: "a.example._report._dmarc.b.example", .timedOut)
        try names.set(.txt, of: "a.example._report._dmarc.c.example", [[8] + Array("v=DMARC1".utf8)])
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        let first = try sender()
        for _ in 0..<3 { await first.sendDue() }
        func recipients() async throws -> [[String]] { try await queued().map { $0.draft.recipients.map(\.path.bare) } }
        #expect(try await recipients() == [["s@a.example", "t@c.example"]])
        clock.advance(by: ReportSender.again)
        await first.sendDue()
        #expect(try await recipients().count == 1)
        try names.set(.txt, of: "a.example._report._dmarc.b.example", [[8] + Array("v=DMARC1".utf8)])
        for _ in 0..<2 {
            let next = try sender()
            for _ in 0..<3 { await next.sendDue() }
        }
        #expect(try await recipients() == [["s@a.example", "t@c.example"], ["r@b.example"]])
        let (one, other) = (try await header(of: queued()[0]), try await header(of: queued()[1]))
        #expect(one["message-id"] == other["message-id"])
    }

    @Test("a size in the policy keeps what is larger from that address alone: RFC 7489 §6.2")
    func sizes() async throws {
        let record = try #require(DMARCRecord("v=DMARC1; p=none; rua=mailto:r@a.example!100,mailto:s@a.example!10m,mailto:t@a.example!99999999999"))
        try await count(uris: record.aggregateReports)
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        await (try sender()).sendDue()
        #expect(try await queued().map { $0.draft.recipients.map(\.path.bare) } == [["s@a.example", "t@a.example"]])
    }

    @Test("a count that cannot be read makes no report, and keeps none of the others back")
    func unreadable() async throws {
        try await count()
        try await count("b.example")
        let day = ReportDay(date: "2026-11-28", domain: try #require(Domain("a.example")))
        try await store.change([KeyValueChange(.policyOutcomes, day.key("mail"), Array("x".utf8))])
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        let sender = try sender()
        for _ in 0..<3 { await sender.sendDue() }
        #expect(try await queued().map { $0.draft.recipients.map(\.path.bare) } == [["r@b.example"]])
        #expect(try store.value(of: day.key("mail"), in: .policyOutcomes) == Array("x".utf8))
    }

    // MARK: Where nobody has agreed

    @Test("a host that strangers name gets so many reports a day and no more, whatever names stand before it, and others get theirs")
    func flood() async throws {
        for number in 0..<120 {
            let text = "v=TLSRPTv1; rua=mailto:v@\(number % 2 == 0 ? "" : "n\(number).")victim.b.example"
            try names.set(.txt, of: "_smtp._tls.d\(number).example", [[UInt8(text.utf8.count)] + Array(text.utf8)])
            tls.record(TLSObservation(domain: try #require(Domain("d\(number).example")), policy: .none, host: "mx", time: clock.now))
        }
        await tls.flush()
        try await count("z.example")
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        let sender = try sender()
        for _ in 0..<2 { await sender.sendDue() }
        let hosts = try await store.queue(after: nil, most: 1_000).flatMap { $0.draft.recipients.map(\.path.bare) }
        #expect(hosts.count { $0.hasSuffix("victim.b.example") } == 100 && hosts.contains("r@z.example"))
    }

    // MARK: The web

    private func askByWeb(_ rua: String) async throws {
        let text = "v=TLSRPTv1; rua=\(rua)"
        try names.set(.txt, of: "_smtp._tls.a.example", [[UInt8(text.utf8.count)] + Array(text.utf8)])
        try await countTLS()
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
    }

    @Test("a report on TLS is brought by HTTPS where the domain names such a place, as gzip, and once: RFC 8460 §3, §5.4", arguments: [200, 201, 204])
    func posted(_ status: Int) async throws {
        web.set("r.b.example", "thanks", status: status)
        try await askByWeb("https://r.b.example/v1/reports?d=a,mailto:t@b.example")
        for _ in 0..<2 {
            let sender = try sender()
            for _ in 0..<2 { await sender.sendDue() }
        }
        let request = try #require(web.asked.first)
        #expect(web.asked.count == 1 && request.host.description == "r.b.example" && request.port == 443 && request.path == "/v1/reports?d=a")
        let plain = try ZlibCompressor().expand(request.content, .gzip, most: 1 << 20)
        #expect(
            request.method == .post && request.fields.only("content-type") == "application/tlsrpt+gzip" && TLSReport(plain)?.policies.map(\.successes) == [1])
        #expect(try await queued().map { $0.draft.recipients.map(\.path.bare) } == [["t@b.example"]])
    }

    @Test("a place that takes nothing now is tried again, an hour apart, for less than a day; mail does not wait for it")
    func postedAgain() async throws {
        web.set("r.b.example", "busy", status: 503)
        try await askByWeb("https://r.b.example/,mailto:t@b.example")
        let sender = try sender()
        for tries in 1...ReportSender.mostTries + 3 {
            if tries == 2 { web.set("r.b.example", .timedOut) }
            for _ in 0..<2 { await sender.sendDue() }
            #expect(web.asked.count == min(tries, ReportSender.mostTries))
            #expect(try await queued().count == 1)
            clock.advance(by: ReportSender.again)
        }
        // Nor does another run begin anew.
        await (try self.sender()).sendDue()
        #expect(web.asked.count == ReportSender.mostTries)
    }

    @Test("a server that does not answer holds up no other domain's report, and so many are brought at once and no more")
    func postedTogether() async throws {
        for number in 0..<2 * ReportSender.mostAtOnce {
            let text = "v=TLSRPTv1; rua=https://r.b.example/\(number)"
            try names.set(.txt, of: "_smtp._tls.d\(number).example", [[UInt8(text.utf8.count)] + Array(text.utf8)])
            try await countTLS("d\(number).example")
        }
        web.set("r.b.example", "", status: 200)
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        web.hold()
        let sender = try sender()
        async let sent: Void = sender.sendDue()
        await web.whenAsked(ReportSender.mostAtOnce)
        #expect(web.asked.count == ReportSender.mostAtOnce)
        web.letGo()
        await sent
        #expect(Set(web.asked.map(\.path)).count == 2 * ReportSender.mostAtOnce && web.asked.count == 2 * ReportSender.mostAtOnce)
    }

    @Test("once it takes it, it has it, and nothing more is brought")
    func postedLater() async throws {
        web.set("r.b.example", "busy", status: 503)
        try await askByWeb("https://r.b.example/")
        let sender = try sender()
        await sender.sendDue()
        web.set("r.b.example", "", status: 200)
        clock.advance(by: ReportSender.again)
        for _ in 0..<2 { await sender.sendDue() }
        clock.advance(by: ReportSender.again)
        await (try self.sender()).sendDue()
        #expect(web.asked.count == 2)
        #expect(try await queued().isEmpty)
    }

    @Test("what is no place on the web is not asked, and a report on mail goes by mail alone")
    func noPlace() async throws {
        try await count(uris: ["https://a.example/", "mailto:r@a.example"])
        try await askByWeb("https://[::1]/,https://192.0.2.1/,https://u@a.example/,https://a.example:0/,https:/x,https://a.example!1/")
        await (try sender()).sendDue()
        #expect(web.asked.isEmpty)
        #expect(try await queued().count == 1)
    }

    @Test("a report on TLS goes to whom the domain's record names, whatever is wrong with its TLS, and says who reports on whom: RFC 8460 §3, §5.3")
    func tlsReport() async throws {
        try names.set(.txt, of: "_smtp._tls.a.example", [[44] + Array("v=TLSRPTv1; rua=mailto:t@b.example,https://x".utf8)])
        for _ in 0..<2 { try await countTLS() }
        try await countTLS("a.example", TLSFailure(.expired, "since \"yesterday\""))
        try await countTLS("silent.example")
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        await (try sender()).sendDue()
        let entry = try #require(try await queued().first)
        #expect(try await queued().count == 1 && entry.draft.recipients[0].path.bare == "t@b.example" && entry.draft.traits == [.isAutomatic, .waivesTLS])
        #expect(entry.draft.origin == .own)
        let fields = try await header(of: entry)
        #expect(fields["tls-report-domain"] == "a.example" && fields["tls-report-submitter"] == "example.test" && fields["tls-required"] == "No")
        #expect(
            fields["subject"]?.hasPrefix("Report Domain: a.example Submitter: example.test Report-ID: <") == true
                && fields["subject"]?.contains("@example.test>") == true)
        #expect(fields["content-type"]?.hasPrefix("multipart/report; report-type=\"tlsrpt\"") == true)
        guard case .tls(let report) = try await reports(in: entry)[0] else { return #expect(Bool(false)) }
        #expect(report.policies.map(\.successes) == [2] && report.policies[0].failures == 1 && report.policies[0].type == "no-policy-found")
        #expect(report.policies[0].details.map(\.reason) == ["since \"yesterday\""] && report.begin == "2026-11-28T00:00:00Z")
        #expect(String(buffer: try await store.read(nil, of: entry.id)).contains("Content-Type: application/tlsrpt+gzip"))
    }

    @Test("nothing goes in the name of a domain that is not ours, and all of it once it is")
    func foreign() async throws {
        try await count()
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        await (try sender(ours: "other.example")).sendDue()
        #expect(try await queued().isEmpty)
        await (try sender()).sendDue()
        #expect(try await queued().count == 1)
    }

    @Test("a report leaves signed in the domain that sends it: RFC 8460 §3, RFC 9990", arguments: [true, false])
    func signed(_ isMail: Bool) async throws {
        let house = try KeyHouse()
        let domain = try #require(Domain("example.test"))
        for key in try await house.keys.generate([.ed25519SHA256], for: domain) { try await house.keys.activate(key.selector, of: domain) }
        let desk = SigningDesk(keys: house.keys, serverName: try #require(Domain("mail.example.test")), clock: { ReportSenderTests.noon }, log: log) {
            $0 == domain
        }
        try names.set(.txt, of: "_smtp._tls.a.example", [[30] + Array("v=TLSRPTv1; rua=mailto:t@a.exa".utf8)])
        if isMail { try await count() } else { try await countTLS() }
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        await (try sender()).sendDue()
        let entry = try #require(try await queued().first)
        let text = try await store.read(nil, of: entry.id)
        let message = OutgoingMessage(
            reversePath: entry.draft.reversePath, recipients: entry.draft.recipients, traits: entry.draft.traits, origin: entry.draft.origin, envelopeID: nil,
            size: text.readableBytes, read: { text.getSlice(at: $0.lowerBound, length: min($0.count, text.readableBytes - $0.lowerBound)) ?? ByteBuffer() })
        var signer = try #require(try await desk.signer(for: message))
        signer.take(text)
        let fields = String(buffer: signer.finish())
        #expect(fields.hasPrefix("DKIM-Signature:") && fields.contains("d=example.test;"))
    }

    @Test("what goes is what other programs are shown to read (Tests/Reports): all but the packing is the same", arguments: ["ours.eml", "ours-tls.eml"])
    func sample(_ name: String) async throws {
        try names.set(.txt, of: "_smtp._tls.a.example", [[30] + Array("v=TLSRPTv1; rua=mailto:t@a.exa".utf8)])
        if name == "ours.eml" {
            try await count(messages: 3)
            outcomes.record(try Observed.mail(source: "2001:db8::1", disposition: .reject, isAligned: false), at: clock.now)
            outcomes.record(
                try Observed.mail(disposition: .none, isAligned: false, envelopeFrom: nil, overrides: [.init(.mailingList, comment: "a <list> & more")]),
                at: clock.now)
            await outcomes.flush()
        } else {
            for _ in 0..<2 { try await countTLS() }
            try await countTLS("a.example", TLSFailure(.expired, "since \"yesterday\""))
        }
        clock.advance(to: Timestamp(rawValue: Self.midnight + 6 * 3_600))
        await (try sender()).sendDue()
        let sent = try await store.read(nil, of: #require(try await queued().first).id)
        ReportSample.renew(name, sent)
        let known = try ReportSample.file(name)
        #expect(ReportSample.withoutPacking(sent) == ReportSample.withoutPacking(known))
        let opener = ReportOpener(compression: ZlibCompressor())
        #expect(try opener.reports(in: sent) == opener.reports(in: known))
    }

    @Test("reports are spread over the hours behind the first five minutes, and the last goes before four are over", arguments: [0, 0.999_999])
    func spread(_ chance: Double) async throws {
        try await count()
        let sender = try sender(chance: chance)
        let moment = Self.midnight + (chance == 0 ? 300 : 4 * 3_600 - 1)
        for (time, isSent) in [(moment - 1, false), (moment, true)] {
            clock.advance(to: Timestamp(rawValue: time))
            await sender.sendDue()
            #expect(try await queued().isEmpty == !isSent)
        }
    }
}
