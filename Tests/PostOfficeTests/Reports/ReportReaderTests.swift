import Logging
import MailModel
import MessageFormat
import NIOCore
import Storage
import Synchronization
import Testing
import Transport

@testable import PostOffice

@Suite("Mail for an address that takes reports is read at its turn, and lies nowhere")
struct ReportReaderTests {
    /// 2026-11-29T06:00:00Z.
    private static let morning = Timestamp(rawValue: 1_795_932_000)

    private func house() async throws -> OutboxHouse {
        let house = try await OutboxHouse()
        house.clock.advance(to: Self.morning)
        return house
    }

    /// By SMTP's way in.
    private func bring(
        _ message: ByteBuffer, to recipients: [String] = ["dmarc-reports@example.test"], annotations: [HeadField] = [], _ house: OutboxHouse
    ) async throws -> Intake.Receipt {
        var people: [Intake.Recipient] = []
        for text in recipients {
            let address = try #require(Address(text))
            guard case .destinations(let destinations) = try await house.directory.resolve(address) else { throw StorageFault.noSuchAccount }
            people.append(Intake.Recipient(address: .mailbox(address), destinations: destinations))
        }
        var envelope = Intake.Envelope(
            id: try #require(TransactionID("t-2")), reversePath: .mailbox(try #require(Address("r@reporter.example"))), recipients: people, isSMTPUTF8: false,
            trace: ByteBuffer(string: "Received: from x by mail.example.test\r\n"), submission: nil)
        envelope.annotations = annotations
        let receipt = try await house.intake.deliver(envelope, message)
        await house.outbox.queued(receipt.queued)
        await house.outbox.whenQuiet()
        return receipt
    }

    private func kept(_ house: OutboxHouse, _ kind: ReportDay.Kind = .dmarc) throws -> [ReceivedReport] {
        try ReceivedReports.all(in: house.store, kind, of: nil, from: "2026-01-01")
    }

    @Test("a report is kept by day, domain, source and verdict, and its mail is in no mailbox and no longer in the queue")
    func read() async throws {
        let house = try await house()
        let receipt = try await bring(ReportSample.message(try ZlibCompressor().gzip(ReportSample.file("google.xml"))), house)
        #expect(receipt.placed.isEmpty && receipt.queued.count == 1)
        #expect(try await house.store.queue(after: nil, most: 10).isEmpty)
        let report = try #require(try kept(house).first)
        #expect(report.domain == "example.test" && report.date == "2026-11-28" && report.reporter == "google.com" && report.isAuthenticated == nil)
        #expect(
            report.mail.map { "\($0.source) \($0.count) \($0.disposition) \($0.dkim) \($0.spf)" } == [
                "192.0.2.10 12 none pass pass", "2001:db8::5 3 none fail fail",
            ])
        #expect(try house.store.usage(of: house.alice)[.message] ?? 0 == 0)
    }

    @Test("a report that comes again counts once; another of the same reporter is another")
    func known() async throws {
        let house = try await house()
        for _ in 0..<3 { _ = try await bring(ReportSample.message(ReportSample.file("google.xml")), house) }
        #expect(try kept(house).count == 1)
        let other = String(buffer: try ReportSample.file("google.xml")).replacing("1234567890123456789", with: "2")
        _ = try await bring(ReportSample.message(ByteBuffer(string: other)), house)
        #expect(try kept(house).count == 2 && house.events.all.contains { $0.fields["reason"]?.contains("here before") == true })
    }

    @Test("what is on others' domains, too old, to come, no report or too large is dropped without a word to anybody, and the log and the trace say why")
    func dropped() async throws {
        let house = try await house()
        let xml = String(buffer: try ReportSample.file("google.xml"))
        let bad: [(String, String)] = [
            (xml.replacing("<domain>example.test</domain>\n    <adkim>", with: "<domain>other.example</domain>\n    <adkim>"), "not ours"),
            (xml.replacing("1795824000", with: "1700000000"), "2023-11-14"), (xml.replacing("1795824000", with: "1999999999"), "2033-05-18"),
            ("<html>", "no report"), ("Hello", "nothing that looks like"), ("<!DOCTYPE a [<!ENTITY b \"c\">]><feedback/>", "it declares a document type"),
        ]
        for (content, reason) in bad {
            _ = try await bring(ReportSample.message(ByteBuffer(string: content)), house)
            #expect(house.events.all.last?.fields["reason"]?.contains(reason) == true, "\(reason): \(house.events.all.last?.fields["reason"] ?? "")")
        }
        let draft = QueueDraft(transaction: try #require(TransactionID("t-4")), reversePath: .null, recipients: [], arrived: Self.morning)
        let large = QueueEntry(
            id: QueueID(rawValue: 1), body: BodyID(rawValue: 1), size: ReportReader.mostOctets + 1, draft: draft, progress: [], hold: nil)
        #expect(try await house.reader.read(large) == .dropped("it is too large"))
        #expect(try await house.store.queue(after: nil, most: 10).isEmpty)
        #expect(try kept(house).isEmpty)
        #expect(try house.store.usage(of: house.alice)[.message] ?? 0 == 0)
    }

    @Test("who else gets the message gets it, and an alias may lead there too")
    func others() async throws {
        let house = try await house()
        let message = ReportSample.message(try ReportSample.file("google.xml"))
        let receipt = try await bring(message, to: ["alice@example.test", "TLS-Reports@Example.test"], house)
        #expect(try receipt.placed.count == 1 && kept(house).count == 1)
        try await house.directory.add(alias: "rua@example.test", targets: ["dmarc-reports@example.test", "alice@example.test"])
        let json = ReportSample.message(try ReportSample.file("google-tls.json"))
        #expect(try await bring(json, to: ["rua@example.test"], house).placed.count == 1)
        let report = try #require(try kept(house, .tls).first)
        #expect(report.tls.map { "\($0.policy) \($0.failure) \($0.count)" } == ["sts  40", "sts validation-failure 2", "sts certificate-expired 1"])
    }

    @Test("whether the reporter is who it says is what our own check wrote, and nothing that came with the mail")
    func authenticated() async throws {
        for (value, host, expected) in [
            ("mail.example.test; spf=pass smtp.mailfrom=x; dmarc=pass header.from=reporter.example", "Authentication-Results", true),
            ("mail.example.test; dmarc=fail (p=none)", "Authentication-Results", false), ("other.example; dmarc=pass", "Authentication-Results", nil),
            ("mail.example.test; none", "Authentication-Results", nil), ("mail.example.test; dmarc=pass", "X-Authentication-Results", nil),
        ] as [(String, String, Bool?)] {
            let house = try await house()
            var message = ByteBuffer(string: "Authentication-Results: mail.example.test; dmarc=pass\r\n")
            message.writeImmutableBuffer(ReportSample.message(try ReportSample.file("google.xml")))
            _ = try await bring(message, annotations: [HeadField(host, value)], house)
            let report = try #require(try kept(house).first)
            #expect(report.isAuthenticated == expected && report.provedBy == (expected == true ? "reporter.example" : nil))
        }
    }

    @Test("an account of that name comes before, a reader has names of its own, and our own sender's address takes what comes back")
    func addresses() async throws {
        let named = ReportAddresses(named: [try #require(Address("rua@example.test"))], sender: Address("out@example.test"))
        for (text, isTaken) in [
            ("rua@example.test", true), ("RUA@EXAMPLE.test", true), ("out@example.test", true), ("dmarc-reports@example.test", false),
            ("rua@other.test", false),
        ] { #expect(try named.contains(#require(Address(text))) == isTaken) }
        let house = try await house()
        for local in ["dmarc-reports", "tls-reports", "noreply-dmarc"] {
            let address = try #require(Address("\(local)@example.test"))
            #expect(try await house.directory.resolve(address) == .destinations([.reports(address)]))
        }
        let account = try await house.store.add(account: AccountName("dmarc-reports@example.test"), passwordHash: "$argon2id$x")
        guard case .destinations(let destinations) = try await house.directory.resolve(#require(Address("dmarc-reports@example.test"))) else {
            return #expect(Bool(false))
        }
        let inbox = try #require(try await house.store.mailbox(named: .inbox, of: account.id)).id
        #expect(destinations == [.mailbox(inbox, of: account.id)])
        #expect(try await house.directory.resolve(#require(Address("tls-reports@elsewhere.example"))) == .notLocal)
    }

    @Test("mail for report addresses alone is not to be reported on")
    func circles() async throws {
        let house = try await house()
        func envelope(_ recipients: [String]) async throws -> Intake.Envelope {
            var people: [Intake.Recipient] = []
            for text in recipients {
                let address = try #require(Address(text))
                guard case .destinations(let destinations) = try await house.directory.resolve(address) else { throw StorageFault.noSuchAccount }
                people.append(Intake.Recipient(address: .mailbox(address), destinations: destinations))
            }
            return Intake.Envelope(
                id: try #require(TransactionID("t-3")), reversePath: .null, recipients: people, isSMTPUTF8: false, trace: ByteBuffer(), submission: nil)
        }
        let alone = try await envelope(["dmarc-reports@example.test", "tls-reports@example.test"])
        let (shared, empty) = (try await envelope(["dmarc-reports@example.test", "alice@example.test"]), try await envelope([]))
        #expect(alone.isForReports && !shared.isForReports && !empty.isForReports)
    }

    @Test("a report on TLS reaches a domain whose own TLS is broken, and its way there is not counted, as other mail's is: RFC 8460 §5.3")
    func waived() async throws {
        for (traits, isThere) in [([.isAutomatic, .waivesTLS], true), ([.isAutomatic], false)] as [(QueueDraft.Traits, Bool)] {
            let house = try await OutboxHouse()
            try house.names.setExchangers(of: "b.example", [(10, "mx.b.example")], isSecure: true)
            try house.names.setAddresses(of: "mx.b.example", ["9.0.0.1"], isSecure: true)
            try house.names.setFault(.tlsa, of: "_25._tcp.mx.b.example", .failed(code: 2))
            try await house.send(["t@b.example"]) { $0.traits = traits }
            #expect(house.carrier.recipients == (isThere ? ["t@b.example"] : []) && house.observations.all.isEmpty == isThere)
        }
    }

    @Test("they end with their days, and a flood takes no room from those that are proved")
    func bounded() async throws {
        let house = try await house()
        let clock = house.clock
        let report = try AggregateReport(ReportSample.file("google.xml"))
        var limits = ReceivedReports.Limits()
        limits.most = 50
        let received = ReceivedReports(
            store: house.store, keptDays: 90, limits: limits, clock: { clock.now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        for number in 0..<200 {
            var one = report
            one.id = "\(number)"
            let kept = try #require(ReceivedReport(one, isAuthenticated: number < 20 ? true : nil, received: clock.now))
            #expect(try await received.add(kept) == .kept)
        }
        let left = try kept(house)
        #expect(left.count <= 50 && left.count > 30 && left.filter { $0.isAuthenticated == true }.count == 20)
        clock.advance(by: 100 * 86_400)
        try await received.prune()
        #expect(try kept(house).isEmpty)
    }

    @Test("one reporter who proves who he is, under however many names below his own, takes a tenth of the room from the others and no more")
    func oneReporter() async throws {
        let house = try await house()
        let clock = house.clock
        let report = try AggregateReport(ReportSample.file("google.xml"))
        var limits = ReceivedReports.Limits()
        limits.most = 100
        func open() -> ReceivedReports {
            ReceivedReports(
                store: house.store, keptDays: 90, limits: limits, clock: { clock.now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }
        func add(_ name: String, _ domain: String, to received: ReceivedReports) async throws {
            var one = report
            one.id = name
            var kept = try #require(ReceivedReport(one, isAuthenticated: true, received: clock.now))
            kept.provedBy = domain
            #expect(try await received.add(kept) == .kept)
            clock.advance(by: 1)
        }
        let first = open()
        for number in 0..<8 {
            for other in 0..<5 { try await add("honest \(number) \(other)", "reporter\(number).example", to: first) }
        }
        // Another run knows who they are.
        let received = open()
        for number in 0..<300 { try await add("flood \(number)", "n\(number).stranger.example", to: received) }
        let left = try kept(house)
        #expect(left.count <= 100 && left.count { $0.reportID.hasPrefix("honest") } == 40)
        // Of one's own the newest stay.
        #expect(left.contains { $0.reportID == "flood 299" } && !left.contains { $0.reportID == "flood 0" })
    }

    @Test("where nobody has more than a share the oldest go, by when they came and not by the day that they are on")
    func oldest() async throws {
        let house = try await house()
        let clock = house.clock
        var limits = ReceivedReports.Limits()
        limits.most = 20
        let received = ReceivedReports(
            store: house.store, keptDays: 90, limits: limits, clock: { clock.now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        for number in 0..<40 {
            var one = try AggregateReport(ReportSample.file("google.xml"))
            one.id = "\(number)"
            // Whoever comes later tells of an earlier day.
            one.begin -= Int64(number) * 86_400
            var kept = try #require(ReceivedReport(one, isAuthenticated: true, received: clock.now))
            kept.provedBy = "reporter\(number).example"
            #expect(try await received.add(kept) == .kept)
            clock.advance(by: 1)
        }
        let left = try kept(house).compactMap { Int($0.reportID) }.sorted()
        #expect(left == Array(40 - left.count..<40) && left.count >= 17)
    }

    @Test("one message is in memory, however many are read at once")
    func oneByOne() async throws {
        let house = try await house()
        let state = Mutex((inside: 0, most: 0))
        let reader = ReportReader(
            store: house.store, directory: house.directory, received: house.received, compression: ZlibCompressor(),
            host: try #require(Domain("mail.example.test")),
            burn: { work in
                state.withLock { $0 = ($0.inside + 1, max($0.most, $0.inside + 1)) }
                for _ in 0..<50 { await Task.yield() }
                // Its work lets the next one go.
                state.withLock { $0.inside -= 1 }
                work()
            }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        for _ in 0..<6 { try await house.queue(["dmarc-reports@example.test"], text: String(buffer: ReportSample.message(ReportSample.file("google.xml")))) }
        let entries = try await house.store.queue(after: nil, most: 10)
        #expect(entries.count == 6)
        let endings = try await withThrowingTaskGroup(of: ReportReader.Ending.self) { group in
            for entry in entries { group.addTask { try await reader.read(entry) } }
            var endings: [ReportReader.Ending] = []
            for try await ending in group { endings.append(ending) }
            return endings
        }
        #expect(state.withLock { $0.most } == 1 && endings.count { $0 == .read } == 1)
    }

    @Test("many rows are summed up, and texts of strangers do nothing to a terminal")
    func rows() throws {
        var report = try AggregateReport(ReportSample.file("google.xml"))
        report.organization = "evil\u{1B}[2J\u{202E}" + String(repeating: "x", count: 400)
        report.records = (0..<1_000).map { number in
            var record = report.records[0]
            record.source = "10.0.\(number / 250).\(number % 250)"
            record.count = 1
            return record
        }
        let kept = try #require(ReceivedReport(report, isAuthenticated: nil, received: Self.morning))
        #expect(kept.mail.count == ReceivedReport.mostRows && kept.leftOut == 600)
        #expect(kept.reporter.hasPrefix("evil?[2J?x") && kept.reporter.utf8.count <= 120)
    }
}
