import MailModel
import Storage

/// Counts how TLS with other servers goes, for each domain and day in UTC, for reports to them (TLS-RPT, RFC 8460) and for administrators.
package typealias TLSOutcomes = DailyCounts<TLSTally>

extension TLSTally: DailyTally {
    package static let terms = DailyTerms(
        keyspace: .transportOutcomes, mark: "", subject: "TLS with other servers", mostDomains: 5_000, mostDayOctets: 4 << 20, mostOctets: 32 << 20,
        keptDays: 21, batch: 200)

    /// Everything has a row.
    package var leftOut: Int { 0 }
    package var forms: [TLSTally] { [self, withoutDetails] }
}

extension DailyCounts<TLSTally> {
    package func record(_ observation: TLSObservation) {
        let policy = TLSTally.Policy(observation.policy, strings: strings(observation))
        var one = TLSTally()
        if let failure = observation.failure {
            let source = failure.source ?? observation.source ?? ""
            one.add(
                TLSTally.Failure(failure.kind, host: observation.host, address: observation.address ?? "", source: source, reason: failure.reason), policy)
        } else {
            one.addSuccess(policy)
        }
        count(one, on: ReportDay(date: ReportDay.date(observation.time), domain: observation.domain))
    }

    private func strings(_ observation: TLSObservation) -> [String] {
        switch observation.policy {
        case .tlsa: observation.records.map(\.description)
        case .sts: kept(of: observation.domain)?.policy.lines ?? []
        case .none: []
        }
    }

    /// Without what cannot be read a report is told less, and the log says so.
    private func kept(of domain: Domain) -> KeptPolicy? {
        do { return try store.value(of: domain.value, in: .transportPolicies).flatMap { KeptPolicy($0) } } catch {
            log.warning("A kept policy could not be read, and is left out of the count: \(error)", metadata: ["domain": "\(domain)"])
            return nil
        }
    }
}
