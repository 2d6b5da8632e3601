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
/// - A report is queued, and then it is written down who has it: a crash between the two sends it again, with the same Report-ID, by which the other end knows it. Those
///   who cannot be looked up or reached now keep it from nobody else, and are tried again in the hours that follow.
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
    /// Seconds until those who could not be looked up or reached are tried again, and how often: within the day that RFC 8460 §5.5 gives.
    static let again: Int64 = 3_600
    static let mostTries = 8
    /// Reports that are made and brought at the same time.
    static let mostAtOnce = 8
    /// Reports of one day to names that have not agreed to them, of which a stranger's domain may name any: in all, and to a name of two labels, and of three, with what is
    /// below it.
    private static let mostUnasked = SharedRoom(most: 10_000, shares: [500, 100])
    /// Of a web server that takes a report.
    private static let patience = Duration.seconds(20)
    private static let mostAnswer = 64 << 10

    private let setting: Setting
    private let around: Surroundings
    private let targets: ReportTargets
    private var plans: [Report: Plan] = [:]
    /// Sent, or wanted by nobody.
    private var settled: Set<Report> = []
    /// What went today without having been agreed to.
    private var unasked = ReportSender.mostUnasked
    private var today = ""
    /// The log knows that the sender's domain is not ours.
    private var isForeignTold = false

    package init(_ setting: Setting, _ around: Surroundings) {
        self.setting = setting
        self.around = around
        targets = ReportTargets(resolver: around.resolver)
    }

    /// Looks for what is due, and again each time the alarm returns, until its task is cancelled.
    package func keep(alarm: @escaping @Sendable () async -> Void) async {
        _ = await mayWrite()
        while !Task.isCancelled {
            await sendDue()
            await alarm()
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
        if today != ReportDay.date(now) { (today, unasked) = (ReportDay.date(now), ReportSender.mostUnasked) }
        do {
            let reports = try days.reversed().flatMap { date in
                try around.outcomes.domains(on: date).map { Report(day: ReportDay(date: date, domain: $0), kind: .dmarc) }
                    + around.tls.domains(on: date).map { Report(day: ReportDay(date: date, domain: $0), kind: .tls) }
            }
            await send(reports.filter { isDue($0, now) }, now)
        } catch { around.log.warning("Reports were not sent: \(error)") }
    }

    /// A few at a time: who answers slowly holds up as many others, and no more.
    private func send(_ reports: [Report], _ now: Timestamp) async {
        await withTaskGroup(of: Void.self) { group in
            for (place, report) in reports.enumerated() where !Task.isCancelled {
                if place >= ReportSender.mostAtOnce { await group.next() }
                group.addTask {
                    // One that fails keeps none of the others back.
                    do { try await self.send(report, now) } catch is CancellationError { return } catch {
                        self.around.log.warning("A report was not sent, and is tried again: \(error)", metadata: ["domain": "\(report.day.domain)"])
                    }
                }
            }
        }
    }

    private func isDue(_ report: Report, _ now: Timestamp) -> Bool {
        guard !settled.contains(report), let begin = report.day.begin else { return false }
        let plan = plans[report] ?? Plan(due: moment(behind: begin))
        plans[report] = plan
        return plan.due <= now
    }

    private func send(_ report: Report, _ now: Timestamp) async throws {
        guard let begin = report.day.begin, let tries = plans[report]?.tries else { return }
        let key = report.day.key("sent-\(report.kind.rawValue)")
        let kept = try around.store.value(of: key, in: .policyOutcomes).map { ReportNote($0) }
        if let kept, !kept.isOpen { return settle(report) }
        var note = kept ?? ReportNote()
        let reason: String?
        do { reason = try await make(report, begin, &note) } catch let fault as UnreadableTally {
            around.log.error("A report is not sent: what was counted for it cannot be read", metadata: ["key": "\(LogText.quoted(fault.key))"])
            return settle(report)
        }
        note.isOpen = reason != nil && tries + 1 < ReportSender.mostTries
        let isNew = note.done.count > kept?.done.count ?? 0
        if isNew || note.isOpen != kept?.isOpen ?? note.isOpen {
            try await around.store.change([KeyValueChange(.policyOutcomes, key, note.octets("\(now)"))])
        }
        guard note.isOpen else {
            if let reason {
                around.log.notice(
                    "A report was not sent to all who want it", metadata: ["domain": "\(report.day.domain)", "reason": "\(LogText.quoted(reason))"])
            }
            return settle(report)
        }
        plans[report]?.tries += 1
        plans[report]?.due = Timestamp(rawValue: now.rawValue + ReportSender.again)
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

    /// Why some who want it have not got it yet; nil: all have, or nobody wants it.
    private func make(_ report: Report, _ begin: Timestamp, _ note: inout ReportNote) async throws -> String? {
        let id = ReportSender.id(report.day, report.kind, setting.sender)
        let end = begin.rawValue + 86_399
        let name = ReportLetter.reportID(id, report.kind, setting.sender)
        let (content, found): (ByteBuffer, ReportTargets.Found)
        switch report.kind {
        case .dmarc:
            guard let tally = try around.outcomes.tally(of: report.day), !tally.rows.isEmpty else { return nil }
            found = try await targets.dmarc(of: report.day.domain, tally.published)
            content = AggregateReport(tally, on: report.day, begin: begin.rawValue, end: end, id: name, setting).xml
        case .tls:
            guard let tally = try around.tls.tally(of: report.day), tally.successes + tally.failureCount > 0 else { return nil }
            found = try await targets.tls(of: report.day.domain)
            content = TLSReport(tally, on: report.day, id: name, setting).json
        }
        var reason = found.fault.map { "somebody who wants it cannot be looked up: \($0)" }
        if found.targets.isEmpty { return reason }
        let packed = try around.compression.gzip(content)
        var addresses: [Address] = []
        for target in found.targets where !note.done.contains(target.uri.target.name) && mayGo(packed, to: target) {
            if case .mail(let address) = target.uri.target {
                if !addresses.contains(address) { addresses.append(address) }
            } else if let place = target.uri.place, let fault = await post(packed, to: place) {
                reason = "\(place.host): \(fault)"
            } else if target.uri.place != nil {
                note.done.append(target.uri.target.name)
                around.log.info("A report was brought to its place on the web", metadata: ["domain": "\(report.day.domain)", "day": "\(report.day.date)"])
            }
        }
        if !addresses.isEmpty {
            try await queue(
                ReportLetter(
                    kind: report.kind, day: report.day, begin: begin.rawValue, end: end, id: id, sender: setting.sender, targets: addresses, content: packed,
                    now: around.clock()))
            note.done += addresses.map { ReportURI.Target.mail($0).name }
        }
        if note.done.isEmpty, reason == nil {
            around.log.info("A report has nobody who takes it", metadata: ["domain": "\(report.day.domain)", "report": "\(report.kind.rawValue)"])
        }
        return reason
    }

    /// Whether it is no larger than is wanted there, and not too much of what nobody there has agreed to.
    private func mayGo(_ packed: ByteBuffer, to target: ReportTargets.Target) -> Bool {
        let host: Domain
        let size: Int
        switch target.uri.target {
        case .mail(let address):
            guard address.isASCII else { return false }
            (host, size) = (address.domain, ReportLetter.encodedSize(packed.readableBytes))
        case .web:
            guard let place = target.uri.place else { return false }
            (host, size) = (place.host, packed.readableBytes)
        }
        guard size <= target.uri.mostOctets ?? Int.max else { return false }
        guard !target.hasAgreed else { return true }
        guard unasked.admits(1, of: host) else {
            around.log.notice("A report is kept back: too many of today's name that place", metadata: ["to": "\(host)"])
            return false
        }
        unasked.take(1, of: host)
        return true
    }

    /// By RFC 8460 §5.4. Nil: it is there. Certificates are checked; that they need not be (§3) is no gain where anybody could answer.
    private func post(_ packed: ByteBuffer, to place: ReportPlace) async -> String? {
        let request = WebRequest(
            .post, host: .name(place.host), port: place.port, path: place.path, fields: ["Content-Type": "application/tlsrpt+gzip"], content: packed,
            mostOctets: ReportSender.mostAnswer, patience: ReportSender.patience)
        do {
            let reply = try await around.web.fetch(request)
            return (200...299).contains(reply.status) ? nil : "it answers \(reply.status)"
        } catch { return "\(error)" }
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
