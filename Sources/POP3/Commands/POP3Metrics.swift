package import Metrics

/// What the POP3 service counts (S89, S90). Commands that the session answers by itself take no time, and are not counted.
package final class POP3Metrics: Sendable {
    private enum Class: MetricLabel {
        case login, list, retrieve, quit
    }

    let security: SecurityCounters
    private let login: Histogram
    private let list: Histogram
    private let retrieve: Histogram
    private let quit: Histogram

    package init(_ registry: MetricRegistry = MetricRegistry(), _ security: SecurityCounters = SecurityCounters()) {
        self.security = security
        let times = registry.histograms(
            "martlet_pop3_command_seconds",
            """
            How long POP3 commands took: login (with the delay of what is no success), list (LIST and UIDL of all), retrieve (RETR and TOP that came together, until the \
            client has taken nearly all of it), quit (where messages are removed).
            """, by: "class", of: Class.self)
        (login, list, retrieve, quit) = (times[.login], times[.list], times[.retrieve], times[.quit])
    }

    /// Nil: nobody waits for it.
    func time(of work: POP3Work) -> Histogram? {
        switch work {
        case .logIn: login
        case .list: list
        case .retrieve: retrieve
        case .update: quit
        case .readAhead: nil
        }
    }
}
