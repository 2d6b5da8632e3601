package import MailModel
package import SenderTrust
import Storage

/// Counts what comes in the names of domains that ask for reports on it, by day in UTC and policy domain (RFC 9990).
package typealias PolicyOutcomes = DailyCounts<PolicyTally>

extension PolicyTally: DailyTally {
    package static let terms = DailyTerms(
        keyspace: .policyOutcomes, mark: "mail", subject: "mail in the names of domains with a policy", mostDomains: 5_000, mostDayOctets: 8 << 20,
        mostOctets: 24 << 20, keptDays: 7, batch: 50)

    package var forms: [PolicyTally] { [self] }
}

extension DailyCounts<PolicyTally> {
    /// - parameter time: when it came.
    ///
    /// Of a domain that asks for no reports, or has no record, nothing is counted.
    package func record(_ observation: DMARCObservation, at time: Timestamp) {
        let published = PolicyTally.Published(observation.verdict)
        guard let domain = observation.verdict.recordDomain, !published.reportURIs.isEmpty else { return }
        var one = PolicyTally()
        one.published = published
        one.add(PolicyTally.Row(observation))
        count(one, on: ReportDay(date: ReportDay.date(time), domain: domain.asciiForm ?? domain))
    }
}
