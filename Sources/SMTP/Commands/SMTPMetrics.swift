package import Metrics
import PostOffice

/// What the SMTP service counts (S89, S90). Commands that the session answers by itself take no time, and are not counted.
package final class SMTPMetrics: Sendable {
    private enum Class: MetricLabel {
        case login, envelope, delivery
    }

    /// Where somebody is refused before there is a text.
    enum Stage: MetricLabel {
        case connect, hello, sender, recipient
    }

    let security: SecurityCounters
    private let login: Histogram
    private let envelope: Histogram
    private let delivery: Histogram
    private let refused: Labelled<LabelPair<Stage, Refusal.Cause>, Counter>

    package init(_ registry: MetricRegistry = MetricRegistry(), _ security: SecurityCounters = SecurityCounters()) {
        self.security = security
        let times = registry.histograms(
            "martlet_smtp_command_seconds",
            """
            How long SMTP commands took: login (AUTH, with the delay of what is no success), envelope (EHLO, MAIL and RCPT where somebody is asked), delivery (from the \
            last octet of the text to its answer).
            """, by: "class", of: Class.self)
        (login, envelope, delivery) = (times[.login], times[.envelope], times[.delivery])
        refused = registry.counters(
            "martlet_smtp_refusals_total", "Refusals before the text of a message: at connect, hello, sender, recipient, by what is refused.", by: "stage",
            "reason")
    }

    /// Nil: it is a part of something that is timed as a whole, or waits for the peer.
    func time(of work: SMTPWork) -> Histogram? {
        switch work {
        case .authenticate: login
        case .authorize, .resolve, .judgeConnection, .judgeHello, .judgeSender, .judgeRecipient: envelope
        case .deliver, .finish: delivery
        case .open, .append: nil
        }
    }

    func note(_ outcome: SMTPOutcome, of work: SMTPWork) {
        guard case .refused(let refusal) = outcome, let stage = stage(of: work) else { return }
        refused[LabelPair(stage, refusal.cause)].add()
    }

    private func stage(of work: SMTPWork) -> Stage? {
        switch work {
        case .judgeConnection: .connect
        case .judgeHello: .hello
        case .authorize, .judgeSender: .sender
        case .resolve, .judgeRecipient: .recipient
        case .authenticate, .deliver, .open, .append, .finish: nil
        }
    }
}
