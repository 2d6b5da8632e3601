import MailModel
import PostOffice

// What others report on our domains.
extension Administration {
    /// Octets in one answer: far below `ControlLine.longest`, however they are escaped.
    private static let mostReportOctets = 1 << 20

    /// Of the last `days` days, the first with today.
    func reports(_ kind: String, of name: String?, days: Int, skipping: Int) throws -> ReportPage {
        let domain = try name.map { name in
            guard let domain = Domain(name)?.asciiForm else { throw DirectoryFault.domain }
            return domain
        }
        guard let kind = ReportDay.Kind(rawValue: kind) else { return ReportPage(reports: [], hasMore: false) }
        let first = Timestamp(rawValue: SystemClock.now().rawValue - Int64(min(max(days, 1), 36_500) - 1) * 86_400)
        let all = try ReceivedReports.all(in: store, kind, of: domain, from: String(first.description.prefix(10)))
        var page: [ReceivedReport] = []
        var octets = 0
        for report in all.dropFirst(max(0, skipping)) {
            octets += report.size
            guard page.isEmpty || octets <= Administration.mostReportOctets else { return ReportPage(reports: page, hasMore: true) }
            page.append(report)
        }
        return ReportPage(reports: page, hasMore: false)
    }
}

/// Some of them, by day and domain.
struct ReportPage: Codable, Sendable, Equatable {
    let reports: [ReceivedReport]
    /// There are more.
    let hasMore: Bool
}

extension ReceivedReport {
    /// In octets, as far as it matters for how many of them one answer holds.
    fileprivate var size: Int {
        let rows = mail.reduce(400) { $0 + 150 + $1.source.utf8.count + $1.headerFrom.utf8.count }
        return tls.reduce(rows) { $0 + 150 + $1.host.utf8.count + $1.reason.utf8.count + $1.source.utf8.count + $1.failure.utf8.count }
    }
}
