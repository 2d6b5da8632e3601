package import Metrics

/// What the post office counts of mail that comes and goes (S90).
package final class MailMetrics: Sendable {
    /// Who brought a message.
    enum Bringer: MetricLabel {
        /// A client that has logged in, or a program of this machine.
        case users
        case others
    }

    /// What became of a recipient of the queue.
    enum Outcome: MetricLabel {
        case delivered
        /// For good.
        case failed
        /// It is tried again.
        case deferred
    }

    /// Entries of the queue that the outbox knows, with some recipient to reach.
    package let scheduled: Gauge
    /// Octets of messages that were taken.
    let acceptedOctets: Counter
    let placements: Counter
    let sent: Counter
    let sentOctets: Counter
    let reports: Counter
    let connections: Gauge
    let security: SecurityCounters
    private let accepted: Labelled<Bringer, Counter>
    private let refused: Labelled<Refusal.Cause, Counter>
    private let outcomes: Labelled<Outcome, Counter>

    /// - parameter scheduled: who reads the queue's state shows it.
    package init(_ registry: MetricRegistry = MetricRegistry(), _ security: SecurityCounters = SecurityCounters(), scheduled: Gauge = Gauge()) {
        self.scheduled = scheduled
        self.security = security
        accepted = registry.counters("martlet_messages_accepted_total", "Messages that were taken by SMTP, from users or from others.", by: "from")
        acceptedOctets = registry.counter("martlet_messages_accepted_bytes_total", "Their octets.")
        refused = registry.counters(
            "martlet_messages_refused_total",
            """
            Messages that were not, once their text came: author, junk, loop, malformed, quota, disk, fault (the server's own), policy, recipient. Refusals before the \
            text are martlet_smtp_refusals_total.
            """, by: "reason")
        placements = registry.counter("martlet_mailbox_deliveries_total", "Mailboxes in which they were placed at once.")
        outcomes = registry.counters(
            "martlet_queue_tries_total", "What became of a recipient of the queue with each try: delivered, failed for good, deferred.", by: "outcome")
        sent = registry.counter("martlet_messages_sent_total", "Messages that another server took, for some recipient at least.")
        sentOctets = registry.counter("martlet_messages_sent_bytes_total", "Their octets.")
        reports = registry.counter("martlet_delivery_reports_total", "Reports on failures, delays and deliveries that senders were written (bounces).")
        connections = registry.gauge("martlet_outgoing_connections", "Connections to other servers, and to mailboxes here, that the queue has open.")
    }

    func took(_ receipt: Intake.Receipt, of envelope: Intake.Envelope) {
        accepted[envelope.submission == nil ? .others : .users].add()
        acceptedOctets.add(receipt.size)
        placements.add(receipt.placed.count)
    }

    func note(_ refusal: Refusal) {
        refused[refusal.cause].add()
        // A bare CR or a NUL, by which somebody else's parser would see another message.
        if refusal == .malformed { security.note(.headerInjection) }
    }

    func note(_ outcome: Outcome) { outcomes[outcome].add() }
}

extension Refusal {
    /// Of what kind it is.
    package enum Cause: MetricLabel {
        case recipient, author, junk, loop, malformed, quota, disk, fault, policy
    }

    package var cause: Cause {
        switch self {
        case .unknownUser, .notLocal, .notReport: .recipient
        case .notOwner, .notAuthor, .unclearAuthor, .borrowedName: .author
        case .unwanted: .junk
        case .loop, .returned: .loop
        case .malformed: .malformed
        case .overQuota: .quota
        case .full: .disk
        case .unavailable: .fault
        case .policy: .policy
        }
    }
}
