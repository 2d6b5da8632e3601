package import Conversation
import Crypto
package import Logging
package import MailModel
import MessageFormat
import NIOCore
package import Storage

/// Sends what was counted of a day to the domains that ask for it, once the day is over: how TLS with them went (RFC 8460), and what came in their names (RFC 9990).
///
/// - Each report has a moment of its own in the four hours behind midnight in UTC (RFC 8460 §4.1); what was missed is made up for, `mostDays` days back.
/// - A report is queued, and then it is written down that it was: a crash between the two sends it again, with the same Report-ID, by which the other end knows it.
/// - What it queues is automatic, nobody is told of its fate, and it comes back to an address that takes reports. Reports on TLS go whatever is wrong with TLS
///   (RFC 8460 §5.3), and are not counted themselves.
package actor ReportSender {
    package struct Setting: Sendable {
        /// In From and in the envelope.
        package var sender: Address
        /// Name and version of the program.
        package var generator: String

        package init(sender: Address, generator: String) {
            self.sender = sender
            self.generator = generator
        }
    }

    package struct Surroundings: Sendable {
        let outcomes: PolicyOutcomes
        let tls: TLSOutcomes
        let store: any KeyValueStore & QueueStore
        let intake: Intake
        let resolver: any Resolver
        let compression: any Compressor
        let clock: Timestamp.Clock
        /// 0..<1.
        let chance: @Sendable () -> Double
        let makeID: TransactionID.Source
        /// Hears of new entries of the queue.
        let queued: @Sendable ([QueueID]) async -> Void
        /// Whether a domain is ours.
        let isOurs: @Sendable (Domain) async throws -> Bool
        let log: Logger

        package init(
            outcomes: PolicyOutcomes, tls: TLSOutcomes, store: any KeyValueStore & QueueStore, intake: Intake, resolver: any Resolver,
            compression: any Compressor, clock: @escaping Timestamp.Clock, chance: @escaping @Sendable () -> Double,
            makeID: @escaping TransactionID.Source, queued: @escaping @Sendable ([QueueID]) async -> Void,
            isOurs: @escaping @Sendable (Domain) async throws -> Bool, log: Logger
        ) {
            self.outcomes = outcomes
            self.tls = tls
            self.store = store
            self.intake = intake
            self.resolver = resolver
            self.compression = compression
            self.clock = clock
            self.chance = chance
            self.makeID = makeID
            self.queued = queued
            self.isOurs = isOurs
            self.log = log
        }
    }

    private struct Report: Hashable {
        let day: ReportDay
        let kind: ReportDay.Kind
    }

    private struct Plan {
        var due: Timestamp
        var tries = 0
    }

    /// Days that are looked at.
    static let mostDays = 2
    /// Seconds behind midnight in which a day's last mail is judged and written down, and those in which reports go.
    private static let settling: Int64 = 300
    private static let spread: Int64 = 4 * 3_600
    /// Seconds until what could not be looked up is tried again, and how often.
    private static let again: Int64 = 3_600
    private static let mostTries = 8

    private let setting: Setting
    private let around: Surroundings
    private let targets: ReportTargets
    private var plans: [Report: Plan] = [:]
    /// Sent, or wanted by nobody.
    private var settled: Set<Report> = []
    /// The log knows that the sender's domain is not ours.
    private var isForeignTold = false

    package init(_ setting: Setting, _ around: Surroundings) {
        self.setting = setting
        self.around = around
        targets = ReportTargets(resolver: around.resolver)
    }

    /// Looks for what is due each time the alarm returns, until its task is cancelled.
    package func keep(alarm: @escaping @Sendable () async -> Void) async {
        _ = await mayWrite()
        while !Task.isCancelled {
            await alarm()
            await sendDue()
        }
    }

    /// False: the sender's domain is not ours, so that nobody could take the reports for its word; or nobody knows for now.
    private func mayWrite() async -> Bool {
        do {
            if try await around.isOurs(setting.sender.domain) {
                isForeignTold = false
                return true
            }
            if !isForeignTold { around.log.warning("No reports are sent: the domain of \(setting.sender) (reports.from) is none of ours") }
            isForeignTold = true
        } catch { around.log.warning("Reports were not sent: \(error)") }
        return false
    }

    /// Sends what is due now. A failure is told in the log, and tried again.
    package func sendDue() async {
        guard await mayWrite() else { return }
        let now = around.clock()
        let days = (1...ReportSender.mostDays).map { ReportDay.date(Timestamp(rawValue: now.rawValue - Int64($0) * 86_400)) }
        settled = settled.filter { days.contains($0.day.date) }
        plans = plans.filter { days.contains($0.key.day.date) }
        do {
            for date in days.reversed() {
                let domains = [(ReportDay.Kind.dmarc, try around.outcomes.domains(on: date)), (.tls, try around.tls.domains(on: date))]
                for (kind, names) in domains {
                    for domain in names where !Task.isCancelled {
                        // One that fails keeps none of the others back.
                        do { try await send(Report(day: ReportDay(date: date, domain: domain), kind: kind), now) } catch is CancellationError { return } catch {
                            around.log.warning("A report was not sent, and is tried again: \(error)", metadata: ["domain": "\(domain)"])
                        }
                    }
                }
            }
        } catch { around.log.warning("Reports were not sent: \(error)") }
    }

    private func send(_ report: Report, _ now: Timestamp) async throws {
        guard !settled.contains(report), let begin = report.day.begin else { return }
        let plan = plans[report] ?? Plan(due: moment(behind: begin))
        plans[report] = plan
        guard plan.due <= now else { return }
        guard try around.store.value(of: report.day.sent(report.kind), in: .policyOutcomes) == nil else { return settle(report) }
        do {
            let isSent = try await make(report, begin)
            if isSent { try await around.store.change([KeyValueChange(.policyOutcomes, report.day.sent(report.kind), Array("\(now)".utf8))]) }
            settle(report)
        } catch let fault as ResolverFault {
            plans[report]?.tries += 1
            plans[report]?.due = Timestamp(rawValue: now.rawValue + ReportSender.again)
            guard plan.tries + 1 >= ReportSender.mostTries else { return }
            around.log.notice("A report was not sent: whom it is for cannot be looked up", metadata: ["domain": "\(report.day.domain)", "reason": "\(fault)"])
            settle(report)
        }
    }

    private func settle(_ report: Report) {
        settled.insert(report)
        plans[report] = nil
    }

    private func moment(behind begin: Timestamp) -> Timestamp {
        let delay = Int64(around.chance() * Double(ReportSender.spread - ReportSender.settling))
        return Timestamp(rawValue: begin.rawValue + 86_400 + ReportSender.settling + delay)
    }

    // MARK: One report

    /// False: nobody wants it.
    private func make(_ report: Report, _ begin: Timestamp) async throws -> Bool {
        let id = ReportSender.id(report.day, report.kind, setting.sender)
        let end = begin.rawValue + 86_399
        let name = ReportLetter.reportID(id, report.kind, setting.sender)
        let (content, uris): (ByteBuffer, [ReportURI])
        switch report.kind {
        case .dmarc:
            guard let tally = try around.outcomes.tally(of: report.day), !tally.rows.isEmpty else { return false }
            uris = try await targets.dmarc(of: report.day.domain, tally.published)
            content = AggregateReport(tally, on: report.day, begin: begin.rawValue, end: end, id: name, setting).xml
        case .tls:
            guard let tally = try around.tls.tally(on: report.day.date, of: report.day.domain), tally.successes + tally.failureCount > 0 else { return false }
            uris = try await targets.tls(of: report.day.domain)
            content = TLSReport(tally, on: report.day, id: name, setting).json
        }
        if uris.isEmpty { return false }
        let packed = try around.compression.gzip(content)
        let size = ReportLetter.encodedSize(packed.readableBytes)
        var addresses: [Address] = []
        for uri in uris where uri.mostOctets.map({ size <= $0 }) ?? true {
            if case .mail(let address) = uri.target, address.isASCII, !addresses.contains(address) { addresses.append(address) }
        }
        guard !addresses.isEmpty else {
            around.log.info("A report has nobody who takes it by mail", metadata: ["domain": "\(report.day.domain)", "report": "\(report.kind.rawValue)"])
            return false
        }
        let letter = ReportLetter(
            kind: report.kind, day: report.day, begin: begin.rawValue, end: end, id: id, sender: setting.sender, targets: addresses, content: packed,
            now: around.clock())
        try await queue(letter)
        return true
    }

    private func queue(_ letter: ReportLetter) async throws {
        // Whoever gets none misses nothing of theirs: no sender is told.
        let recipients = letter.targets.map { QueuedRecipient(.mailbox($0), notify: .never) }
        var draft = QueueDraft(
            transaction: around.makeID(), reversePath: .mailbox(setting.sender), recipients: recipients, traits: [.isAutomatic], arrived: letter.now)
        // Signed in the sender's domain: others take no report otherwise (RFC 8460 §3, RFC 9990 §3.5).
        draft.origin = .own
        if letter.kind == .tls { draft.traits.insert(.waivesTLS) }
        let done = try await around.store.place(around.intake.stage(letter.text), [], queueing: [draft])
        around.log.info(
            "A report is on its way", metadata: ["domain": "\(letter.day.domain)", "day": "\(letter.day.date)", "report": "\(letter.kind.rawValue)"])
        await around.queued(done.queued)
    }

    /// The same for the same report, whenever it is made.
    static func id(_ day: ReportDay, _ kind: ReportDay.Kind, _ sender: Address) -> String {
        SHA256.hash(data: Array("\(kind.rawValue) \(day.date) \(day.domain) \(sender.domain)".utf8)).prefix(16).map {
            ($0 < 16 ? "0" : "") + String($0, radix: 16)
        }.joined()
    }
}
