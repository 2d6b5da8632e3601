package import MailModel

/// A domain on a day in UTC, which one report is on.
package struct ReportDay: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case dmarc, tls
    }

    /// `2026-11-29`
    package let date: String
    /// In ASCII.
    package let domain: Domain

    package init(date: String, domain: Domain) {
        self.date = date
        self.domain = domain
    }

    static func date(_ time: Timestamp) -> String { String(time.description.prefix(10)) }

    /// The first second of a day; nil where that is no date.
    static func begin(of date: String) -> Timestamp? {
        let parts = date.split(separator: "-").map { Int($0) }
        guard date.utf8.count == 10, parts.count == 3, let year = parts[0], let month = parts[1], let day = parts[2] else { return nil }
        return Timestamp(Timestamp.Civil(year: year, month: month, day: day))
    }

    package var begin: Timestamp? { ReportDay.begin(of: date) }

    /// Its last second.
    package var end: Timestamp? { begin.map { Timestamp(rawValue: $0.rawValue + 86_399) } }

    /// Of what is kept of it: days come in order, and go together.
    func key(_ mark: String) -> String { mark.isEmpty ? "\(date) \(domain)" : "\(date) \(mark) \(domain)" }

    /// Nil: the key has another mark.
    init?(key: String, _ mark: String) {
        let parts = key.split(separator: " ")
        guard parts.count == (mark.isEmpty ? 2 : 3), parts[0].utf8.count == 10, mark.isEmpty || parts[1] == mark[...],
            let domain = parts.last.flatMap({ Domain($0) })
        else { return nil }
        date = String(parts[0])
        self.domain = domain
    }
}
