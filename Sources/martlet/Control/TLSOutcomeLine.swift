import PostOffice

/// How TLS with one domain's servers went on one day in UTC, under one policy of the domain's.
struct TLSOutcomeLine: Codable, Sendable, Equatable {
    struct Failure: Codable, Sendable, Equatable {
        /// As RFC 8460 §4.3 names it.
        let result: String
        let count: Int
        /// What follows is left out where it is not known.
        let host: String?
        let address: String?
        /// Ours.
        let source: String?
        let reason: String?
    }

    /// `2026-11-29`.
    let date: String
    let domain: String
    /// `tlsa`, `sts` or `no-policy-found`.
    let policy: String
    /// A policy's file line by line, or TLSA records.
    let policyStrings: [String]
    let successes: Int
    /// The most frequent first.
    let failures: [Failure]

    init(_ day: TLSOutcomes.Day, _ policy: TLSTally.Policy, _ counts: TLSTally.Counts) {
        func known(_ text: String) -> String? { text.isEmpty ? nil : text }
        date = day.date
        domain = day.domain.value
        self.policy = policy.type.rawValue
        policyStrings = policy.strings
        successes = counts.successes
        failures = counts.failures
            .map { failure, count in
                Failure(
                    result: failure.kind.rawValue, count: count, host: known(failure.host), address: known(failure.address), source: known(failure.source),
                    reason: known(failure.reason))
            }
            .sorted { ($1.count, $0.result, $0.host ?? "", $0.address ?? "") < ($0.count, $1.result, $1.host ?? "", $1.address ?? "") }
    }

    /// In octets, as far as it matters for how many of them one answer holds.
    var size: Int {
        failures.reduce(policyStrings.reduce(200) { $0 + $1.utf8.count }) { $0 + 200 + ($1.reason?.utf8.count ?? 0) + ($1.host?.utf8.count ?? 0) }
    }
}

/// Some of them, by day and domain.
struct TLSOutcomePage: Codable, Sendable, Equatable {
    let lines: [TLSOutcomeLine]
    /// There are more.
    let hasMore: Bool
}
