import Gatehouse
import IMAP
import Metrics
import POP3
import PostOffice
import SMTP
import SQLiteStore
import Synchronization
import Transport

/// All that the program counts: made once at the roof, and handed down to who counts. `martlet metrics reference` lists it.
final class ServerMetrics: Sendable {
    /// Why a connection is not let in.
    private enum Reason: MetricLabel {
        /// As many are open as the server may have.
        case full
        /// As many are open from there as one address may have.
        case address
        /// More came from there in a minute than may.
        case rate
        /// The door is closed to it for a while.
        case banned
    }

    /// By which connections come in: a service, or the socket of `martlet sendmail`.
    struct Door: MetricLabel {
        let name: String

        private init(name: String) { self.name = name }
        init(_ service: Service) { self.init(name: service.rawValue) }

        static let sendmail = Door(name: "sendmail")
        static var allCases: [Door] { Service.allCases.map { Door($0) } + [sendmail] }
        var words: [String] { [name] }
    }

    /// The services that answer requests of HTTP.
    enum WebService: MetricLabel {
        case https, http

        fileprivate var service: Service { self == .https ? .https : .http }
    }

    /// A door where handshakes of TLS come to nothing: all but those that have none.
    private struct SecuredDoor: MetricLabel {
        let door: Door

        static var allCases: [SecuredDoor] { Service.allCases.filter { $0 != .http }.map { SecuredDoor(door: Door($0)) } }
        var words: [String] { door.words }
    }

    /// Whose state is shown when somebody reads; there from when the server runs.
    struct Sources: Sendable {
        let store: SQLiteStore
        let gatekeeper: Gatekeeper
        /// Nil when TLS is off.
        let certificates: CertificateShelf?
    }

    let registry: MetricRegistry
    let security: SecurityCounters
    let gatehouse: GatehouseMetrics
    let store: StoreMetrics
    let mail: MailMetrics
    let smtp: SMTPMetrics
    let imap: IMAPMetrics
    let pop3: POP3Metrics
    private let requests: Labelled<LabelPair<WebService, WebMetrics.Outcome>, Counter>
    private let requestTime: Histogram
    /// How late event loops are with a task.
    let loopDelay: Histogram
    private let open: Labelled<Door, Gauge>
    private let total: Labelled<Door, Counter>
    private let refused: Labelled<LabelPair<Door, Reason>, Counter>
    private let handshakeFailures: Labelled<LabelPair<SecuredDoor, HandshakeFailure>, Counter>
    private let sources = Mutex<Sources?>(nil)

    init() {
        let registry = MetricRegistry()
        self.registry = registry
        security = SecurityCounters(registry)
        gatehouse = GatehouseMetrics(registry, security)
        store = StoreMetrics(registry)
        mail = MailMetrics(registry, security)
        smtp = SMTPMetrics(registry, security)
        imap = IMAPMetrics(registry, security)
        pop3 = POP3Metrics(registry, security)
        open = registry.gauges("martlet_open_connections", "Connections that are open.", by: "service")
        total = registry.counters("martlet_connections_total", "Connections whose session has begun.", by: "service")
        refused = registry.counters(
            "martlet_connections_refused_total",
            "Connections that were not let in: full (limits.connections), address (limits.connections-per-address), rate (limits.rate-per-address), banned.",
            by: "service", "reason")
        handshakeFailures = registry.counters(
            "martlet_tls_handshake_failures_total",
            "TLS handshakes that came to nothing: version, cipher, protocol (none that both sides speak), certificate (the client does not believe ours), client_certificate (it showed none, or a bad one), garbage (no TLS), closed (it went away), timeout, other.",
            by: "service", "reason")
        requests = registry.counters(
            "martlet_http_requests_total", "Requests by HTTP that were answered, by the kind of their status.", by: "service", "status")
        requestTime = registry.histogram("martlet_http_request_seconds", "From a request's header to the beginning of its answer.")
        loopDelay = registry.histogram(
            "martlet_event_loop_delay_seconds", "How late event loops were with a task, each twice a second: so long connections wait for a turn.")
        addReadings()
        ProcessFacts(started: SystemClock.now()).add(to: registry)
    }

    /// From now on what these say is shown.
    func show(_ sources: Sources) { self.sources.withLock { $0 = sources } }

    func connections(at door: Door) -> ConnectionCounts { ConnectionCounts(open: open[door], total: total[door]) }

    func web(_ web: WebService) -> WebMetrics {
        let door = Door(web.service)
        return WebMetrics(connections: connections(at: door), requests: WebMetrics.Outcome.allCases.map { requests[LabelPair(web, $0)] }, time: requestTime) {
            [self] in note($0, at: door)
        }
    }

    func note(_ refusal: Doorkeeper.Refusal, at door: Door) {
        let reason: Reason =
            switch refusal {
            case .tooManyConnections: .full
            case .tooManyFromAddress: .address
            case .tooFast: .rate
            case .banned: .banned
            }
        refused[LabelPair(door, reason)].add()
        if reason != .full { security.note(.rateLimit) }
    }

    func note(_ failure: HandshakeFailure, at door: Door) { handshakeFailures[LabelPair(SecuredDoor(door: door), failure)].add() }

    /// What is known only when somebody asks.
    private func addReadings() {
        let scheduled = mail.scheduled
        add("martlet_queue_messages", "Messages of the outgoing queue: scheduled, or not, as they are held or mail to others does not leave.", by: "state") {
            let all = $0.store.queueLength
            let known = min(all, scheduled.value)
            return [.init(["scheduled"], Double(known)), .init(["held"], Double(all - known))]
        }
        add("martlet_search_waiting_messages", "Messages that came in and are not in the search index yet; 0: it is up to date.") {
            [.init([], Double($0.store.searchWaiting))]
        }
        add("martlet_disk_free_bytes", "What is free on the data folder's disk, for who is not root.") { [.init([], Double($0.store.freeOctets))] }
        add("martlet_login_failures_worst_address", "Failed logins in the last minute, about, of the address that has most of them.") {
            [.init([], Double($0.gatekeeper.worstFailures.mostInMinute))]
        }
        add("martlet_address_bans", "Addresses and networks that no port is open to now.") { [.init([], Double($0.gatekeeper.penalties.banCount))] }
        add("martlet_login_lockouts", "Accounts that are locked in a network now, each network by itself.") {
            [.init([], Double($0.gatekeeper.penalties.lockoutCount))]
        }
        add("martlet_certificate_expiry_timestamp_seconds", "When the certificate of this first name ends, in seconds since 1970.", by: "name") { sources in
            (sources.certificates?.identities ?? []).map { .init([$0.names.first ?? ""], Double($0.notAfter.rawValue)) }
        }
        add("martlet_certificate_faults", "Files of certificates that cannot be used as they are now; of what was read of them before, the last is in use.") {
            [.init([], Double($0.certificates?.faults.count ?? 0))]
        }
    }

    private func add(_ name: String, _ help: String, by label: String..., read: @escaping @Sendable (Sources) -> [MetricRegistry.Reading]) {
        registry.reading(.gauge, name, help, labels: label) { [weak self] in
            self?.sources.withLock { $0 }.map(read) ?? []
        }
    }
}

extension HandshakeFailure: MetricLabel {}
