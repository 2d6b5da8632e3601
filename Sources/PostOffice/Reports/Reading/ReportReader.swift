package import Conversation
package import Logging
package import MailModel
import MessageFormat
import NIOCore
package import Storage
import Synchronization

/// Reads the mail that comes for addresses that take reports, at its turn in the queue, and keeps what it says in tables. The mail itself ends there: it is in no
/// mailbox, and whatever comes fills nothing.
package struct ReportReader: Sendable {
    enum Ending: Hashable, Sendable {
        case read
        /// Why it says nothing, in one line. Nobody is told: who forges a sender would have us write to them.
        case dropped(String)
    }

    /// Octets of a message: what ten megabytes of a packed report come to, encoded.
    static let mostOctets = 16 << 20

    private let store: any QueueStore
    private let directory: Directory
    private let received: ReceivedReports
    private let opener: ReportOpener
    /// By which our own Authentication-Results are known.
    private let host: Domain
    /// Carries work out where it may take long.
    private let burn: @Sendable (@escaping @Sendable () -> Void) async throws -> Void
    private let log: Logger
    private let line = Line()

    package init(
        store: any QueueStore, directory: Directory, received: ReceivedReports, compression: any Compressor, host: Domain,
        burn: @escaping @Sendable (@escaping @Sendable () -> Void) async throws -> Void, log: Logger
    ) {
        self.store = store
        self.directory = directory
        self.received = received
        opener = ReportOpener(compression: compression)
        self.host = host
        self.burn = burn
        self.log = log
    }

    /// What it says is durable on return. Throws what is ours to mend: then it is read again.
    func read(_ entry: QueueEntry) async throws -> Ending {
        guard entry.size <= ReportReader.mostOctets else { return .dropped("it is too large") }
        // One message is in memory, however many have their turn.
        let turn = line.next()
        await turn.come()
        defer { turn.pass() }
        let message = try await store.read(nil, of: entry.id)
        let found: Result<[ReportOpener.Report], ReportOpener.Fault> = try await opened(message)
        let reports: [ReportOpener.Report]
        switch found {
        case .success(let some): reports = some
        case .failure(let fault): return .dropped(fault.reason)
        }
        let author = AuthenticationNote.author(entry.draft.head, by: host)
        var reasons: [String] = []
        var isRead = false
        for report in reports {
            for var one in ReportReader.received(report, author?.isProved, entry.draft.arrived) {
                if author?.isProved == true { one.provedBy = author?.domain?.value }
                if let reason = try await keep(one) { reasons.append(reason) } else { isRead = true }
            }
        }
        return isRead ? .read : .dropped(reasons.first ?? "it is on no domain")
    }

    private func opened(_ message: ByteBuffer) async throws -> Result<[ReportOpener.Report], ReportOpener.Fault> {
        try await withCheckedThrowingContinuation { continuation in
            let opener = opener
            Task {
                do {
                    try await burn { continuation.resume(returning: Result { () throws(ReportOpener.Fault) in try opener.reports(in: message) }) }
                } catch { continuation.resume(throwing: error) }
            }
        }
    }

    private static func received(_ report: ReportOpener.Report, _ isAuthenticated: Bool?, _ time: Timestamp) -> [ReceivedReport] {
        switch report {
        case .dmarc(let report): [ReceivedReport(report, isAuthenticated: isAuthenticated, received: time)].compactMap(\.self)
        case .tls(let report): ReceivedReport.all(in: report, isAuthenticated: isAuthenticated, received: time)
        }
    }

    /// Nil: it is kept.
    private func keep(_ report: ReceivedReport) async throws -> String? {
        guard try await isOurs(report.domain) else { return "it is on \(report.domain), which is not ours" }
        switch try await received.add(report) {
        case .kept:
            log.info(
                "A report was read",
                metadata: ["domain": "\(report.domain)", "day": "\(report.date)", "report": "\(report.kind)", "reporter": "\(LogText.quoted(report.reporter))"])
            return nil
        case .known: return "it was here before"
        case .outOfTime: return "it is on \(report.date)"
        }
    }

    /// One that we serve, or one below it.
    private func isOurs(_ domain: String) async throws -> Bool {
        try await directory.domainsServed().contains { served in
            let name = (served.asciiForm ?? served).value
            return domain == name || domain.hasSuffix("." + name)
        }
    }
}

/// Those who wait for their turn, in the order in which they came.
private final class Line: Sendable {
    private let last = Mutex<Turn?>(nil)

    func next() -> Turn {
        last.withLock { last in
            let turn = Turn(after: last)
            last = turn
            return turn
        }
    }
}

/// What our own check has written of a message's sender (RFC 8601).
enum AuthenticationNote {
    /// In whose name it came, and whether DMARC passes, by the field that stands in a head of ours; nil: there is none that says it.
    static func author(_ head: MessageHead?, by host: Domain) -> (domain: Domain?, isProved: Bool)? {
        guard let head else { return nil }
        return MessageSeal(ByteBuffer(bytes: head.octets), host.asciiForm ?? host)?.findings.findings.first { $0.method == "dmarc" }.map {
            ($0.domain("header", "from"), $0.result == "pass")
        }
    }
}
