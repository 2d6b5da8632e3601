package import Metrics

/// What the Gatehouse counts (S85, S87, S88).
package final class GatehouseMetrics: Sendable {
    /// Why a login failed.
    enum Failure: MetricLabel {
        /// No such user, or a wrong password.
        case credentials
        case disabled
        /// Nobody was asked, as the account is locked there or the address is banned.
        case locked
        /// Too many waited for an answer.
        case busy
        /// The server's own fault.
        case fault
    }

    let successes: Labelled<ProtocolName, Counter>
    let failures: Labelled<LabelPair<ProtocolName, Failure>, Counter>
    /// From the question to the verdict, without the delay of what is no success.
    let time: Histogram
    /// Of a hash alone.
    let hashing: Histogram
    let delays: Counter
    let lockouts: Counter
    let bans: Counter
    let alerts: Counter
    let security: SecurityCounters

    package init(_ registry: MetricRegistry = MetricRegistry(), _ security: SecurityCounters = SecurityCounters()) {
        successes = registry.counters("martlet_login_successes_total", "Logins that were admitted.", by: "protocol")
        failures = registry.counters(
            "martlet_login_failures_total",
            "Logins that were not: credentials (no such user or a wrong password), disabled, locked (out for a while), busy (told to try later), fault (the server's own).",
            by: "protocol", "reason")
        time = registry.histogram("martlet_login_seconds", "From a login to its verdict, with what it waited for other hashes.")
        hashing = registry.histogram("martlet_password_hash_seconds", "One Argon2id hash of a password.")
        delays = registry.counter(
            "martlet_login_delays_total", "Answers to logins that were held back by 1 to 16 seconds, as all but successes are.")
        lockouts = registry.counter("martlet_login_lockouts_total", "Lockouts of an account in one network, after too many wrong passwords from there.")
        bans = registry.counter("martlet_address_bans_total", "Bans of addresses and networks, after too many failures or by an administrator.")
        alerts = registry.counter("martlet_login_alerts_total", "Minutes in which more than ten logins from one address failed.")
        self.security = security
    }

    func note(_ failure: Failure, over protocolName: ProtocolName) {
        failures[LabelPair(protocolName, failure)].add()
        if failure == .busy { security.note(.rateLimit) }
    }
}

extension ProtocolName: MetricLabel {}
