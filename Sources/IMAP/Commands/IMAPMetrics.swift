package import Metrics

/// What the IMAP service counts (S89, S90). Commands that the session answers by itself take no time, and are not counted.
package final class IMAPMetrics: Sendable {
    private enum Class: MetricLabel {
        case login, fetch, search, change, append, other
    }

    let security: SecurityCounters
    private let login: Histogram
    private let fetch: Histogram
    private let search: Histogram
    private let change: Histogram
    private let append: Histogram
    private let other: Histogram

    package init(_ registry: MetricRegistry = MetricRegistry(), _ security: SecurityCounters = SecurityCounters()) {
        self.security = security
        let times = registry.histograms(
            "martlet_imap_command_seconds",
            """
            How long IMAP commands took: login (with the delay of what is no success), fetch (until the client has taken nearly all of it), search (SEARCH, SORT, THREAD, \
            ESEARCH), change (STORE, COPY, MOVE), append (from the last octet to the answer), other (SELECT, LIST, STATUS, EXPUNGE and the rest).
            """, by: "class", of: Class.self)
        (login, fetch, search) = (times[.login], times[.fetch], times[.search])
        (change, append, other) = (times[.change], times[.append], times[.other])
    }

    /// Nil: it is a part of something that is timed as a whole, or no command.
    func time(of work: IMAPWork) -> Histogram? {
        switch work {
        case .logIn: login
        case .command(let job): time(of: job.command.arguments.kind)
        case .place: append
        case .watch, .notice, .update, .checkTarget, .read, .receive, .finish, .include: nil
        }
    }

    private func time(of kind: CommandKind) -> Histogram {
        switch kind {
        case .fetch: fetch
        case .search: search
        case .change: change
        case .other: other
        }
    }
}
