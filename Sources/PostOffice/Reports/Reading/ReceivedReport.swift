import Crypto
package import MailModel
import Storage

/// A report that somebody sent us on one of our domains, as it is kept. Strangers' texts are cut and have no control characters.
package struct ReceivedReport: Hashable, Sendable, Codable {
    /// What is alike in a report on mail (RFC 9990).
    package struct MailRow: Hashable, Sendable, Codable {
        package let source: String
        package let headerFrom: String
        package let disposition: String
        package let dkim: String
        package let spf: String
        package internal(set) var count: Int
    }

    /// What is alike in a report on TLS (RFC 8460): successes where `failure` is empty.
    package struct TLSRow: Hashable, Sendable, Codable {
        package let policy: String
        package let failure: String
        /// Of who sent; of ours.
        package let source: String
        package let host: String
        package let reason: String
        package internal(set) var count: Int
    }

    package let kind: String
    /// In ASCII: ours.
    package let domain: String
    /// The first day in UTC that it is on: `2026-11-29`.
    package let date: String
    /// What the reporter calls itself.
    package let reporter: String
    package let reportID: String
    /// Seconds since 1970.
    package let received: Int64
    /// Whether the report's own mail passed DMARC; nil: nobody has judged it.
    package let isAuthenticated: Bool?
    /// The author of that mail, where it passed: in ASCII.
    package internal(set) var provedBy: String?
    /// Those with the most first.
    package var mail: [MailRow] = []
    package var tls: [TLSRow] = []
    /// What is in the report and not in the rows: messages, or sessions.
    package var leftOut = 0

    static let mostRows = 400
    static let mostText = 120

    enum CodingKeys: String, CodingKey {
        case kind, date, reporter, received, mail, tls
        case domain, reportID = "id"
        case isAuthenticated = "authenticated"
        case provedBy = "proved-by"
        case leftOut = "left-out"
    }
}

extension ReceivedReport {
    /// - parameter received: when its mail came.
    init?(_ report: AggregateReport, isAuthenticated: Bool?, received: Timestamp) {
        guard let domain = Domain(report.policy.domain)?.asciiForm, !domain.isLiteral else { return nil }
        self.init(
            kind: ReportDay.Kind.dmarc.rawValue, domain: domain.value, date: ReportDay.date(Timestamp(rawValue: report.begin)),
            reporter: ReceivedReport.cleaned(report.organization.isEmpty ? report.email : report.organization), reportID: ReceivedReport.cleaned(report.id),
            received: received.rawValue, isAuthenticated: isAuthenticated)
        var counts: [MailRow: Int] = [:]
        for record in report.records {
            counts[MailRow(record), default: 0] += record.count
        }
        let rows = counts.sorted { a, b in (b.value, a.key.source, a.key.headerFrom) < (a.value, b.key.source, b.key.headerFrom) }
        mail = rows.prefix(ReceivedReport.mostRows).map { row, count in
            var row = row
            row.count = min(count, 1 << 40)
            return row
        }
        leftOut = min(rows.dropFirst(ReceivedReport.mostRows).reduce(report.leftOut) { $0 + $1.value }, 1 << 40)
    }

    /// One for each domain that it is on.
    static func all(in report: TLSReport, isAuthenticated: Bool?, received: Timestamp) -> [ReceivedReport] {
        guard ReportDay.begin(of: String(report.begin.prefix(10))) != nil else { return [] }
        var found: [Domain: ReceivedReport] = [:]
        for policy in report.policies {
            guard let domain = Domain(policy.domain)?.asciiForm, !domain.isLiteral, found[domain] != nil || found.count < 20 else { continue }
            var one =
                found[domain]
                ?? ReceivedReport(
                    kind: ReportDay.Kind.tls.rawValue, domain: domain.value, date: String(report.begin.prefix(10)),
                    reporter: cleaned(report.organization.isEmpty ? report.contact : report.organization), reportID: cleaned(report.id),
                    received: received.rawValue, isAuthenticated: isAuthenticated)
            one.add(policy)
            found[domain] = one
        }
        return found.values.sorted { $0.domain < $1.domain }
    }

    private mutating func add(_ policy: TLSReport.Policy) {
        let type = ReceivedReport.cleaned(policy.type)
        if policy.successes > 0 { add(TLSRow(policy: type, failure: "", source: "", host: "", reason: "", count: policy.successes)) }
        for failure in policy.details { add(TLSRow(failure, type)) }
        // Some tell how many failed, and not how.
        let told = policy.details.reduce(0) { min($0 + $1.count, 1 << 53) }
        if policy.failures > told { add(TLSRow(policy: type, failure: "unspecified", source: "", host: "", reason: "", count: policy.failures - told)) }
    }

    private mutating func add(_ row: TLSRow) {
        if tls.count < ReceivedReport.mostRows { tls.append(row) } else { leftOut = min(leftOut + row.count, 1 << 40) }
    }

    static func cleaned(_ text: String) -> String { PolicyTally.cleaned(text, most: mostText) }

    /// Where it is kept: the same report from the same reporter has the same.
    var key: String {
        let digest = SHA256.hash(data: Array("\(reporter.lowercased())\n\(reportID)".utf8)).prefix(12)
        return "\(date) \(domain) \(kind) " + digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension ReceivedReport.MailRow {
    /// With no count, so that what is alike is the same.
    fileprivate init(_ record: AggregateReport.Record) {
        source = IPAddress(record.source)?.description ?? ReceivedReport.cleaned(record.source)
        headerFrom = ReceivedReport.cleaned(record.headerFrom)
        disposition = ReceivedReport.cleaned(record.disposition.isEmpty ? "unknown" : record.disposition)
        dkim = ReceivedReport.cleaned(record.dkim.isEmpty ? "unknown" : record.dkim)
        spf = ReceivedReport.cleaned(record.spf.isEmpty ? "unknown" : record.spf)
        count = 0
    }
}

extension ReceivedReport.TLSRow {
    fileprivate init(_ failure: TLSReport.Failure, _ policy: String) {
        self.policy = policy
        self.failure = ReceivedReport.cleaned(failure.kind.isEmpty ? "unspecified" : failure.kind)
        source = ReceivedReport.cleaned(failure.source)
        host = ReceivedReport.cleaned(failure.host)
        reason = ReceivedReport.cleaned(failure.reason)
        count = failure.count
    }
}
