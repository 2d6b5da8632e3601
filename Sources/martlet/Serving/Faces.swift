import Gatehouse
import IMAP
import Logging
import MailModel
import POP3
import PostOffice
import SMTP
import Transport

/// Opens the door of each configured service to the face that answers there.
struct Faces {
    let configuration: Configuration
    let house: House
    let intake: Intake
    /// Nil when TLS is off.
    let certificates: CertificateShelf?
    let log: Logger
    private let mailroom: Mailroom
    /// One for all POP3 listeners: what one of them lends out, no other does.
    private let maildrops: Maildrops
    private let sites: WebSites

    /// - parameter keyAuthorization: what an authority for certificates is shown for a token (RFC 8555 §8.3).
    init(
        _ configuration: Configuration, _ house: House, _ intake: Intake, _ certificates: CertificateShelf?,
        keyAuthorization: @escaping @Sendable (String) -> String?, _ log: Logger
    ) {
        self.configuration = configuration
        self.house = house
        self.intake = intake
        self.certificates = certificates
        self.log = log
        mailroom = Mailroom(store: house.store, clock: SystemClock.now, security: house.metrics.security)
        maildrops = Maildrops(mailroom: mailroom)
        sites = WebSites(configuration, house, log: log, keyAuthorization: keyAuthorization)
    }

    /// `socket`: one that listens there. Throws `Listener.Fault`.
    func open(_ listener: Configuration.Listener, at socket: Int32, in listeners: Listeners) async throws {
        var endpoint = Endpoint(host: listener.address, port: listener.port, security: security(of: listener.service))
        endpoint.portSocket = socket
        endpoint.proxies = listener.proxies
        let door = ServerMetrics.Door(listener.service)
        switch listener.service {
        case .smtp, .submission, .submissions:
            // RFC 5321 §3.8: a server that must turn a client away says 421.
            endpoint.farewell = farewell("421 4.7.0 Too many connections, try again later", door)
            let role: SMTPRole =
                switch listener.service {
                case .submission: .submission
                case .submissions: .submissions
                default: .mx
                }
            try await listeners.open(endpoint, smtp(role, door))
        case .imap, .imaps:
            endpoint.farewell = farewell("* BYE Too many connections, try again later", door)
            try await listeners.open(endpoint, imap(door))
        case .pop3, .pop3s:
            endpoint.farewell = farewell("-ERR [SYS/TEMP] Too many connections, try again later", door)
            try await listeners.open(endpoint, pop3(door))
        case .https: try await listeners.open(endpoint, sites.secure)
        case .http: try await listeners.open(endpoint, sites.plain)
        }
    }

    /// What who is not let in is told; it is counted then.
    private func farewell(_ words: String, _ door: ServerMetrics.Door) -> @Sendable (Doorkeeper.Refusal) -> String {
        let metrics = house.metrics
        return { refusal in
            metrics.note(refusal, at: door)
            return words + "\r\n"
        }
    }

    private func security(of service: Service) -> Security {
        guard let certificates, !service.isOpen else { return .plain }
        return service.isImplicitTLS ? .implicitTLS(certificates) : .startTLS(certificates)
    }

    /// For programs of this machine, at a bound socket. Throws `Listener.Fault`.
    func open(submissionSocket socket: Int32, in listeners: Listeners) async throws {
        var endpoint = Endpoint(host: configuration.sendmailSocket, port: 0, security: .plain)
        endpoint.localSocket = socket
        endpoint.farewell = farewell("421 4.7.0 Too many connections, try again later", .sendmail)
        try await listeners.open(endpoint, smtp(.local, .sendmail))
    }

    private func smtp(_ role: SMTPRole, _ door: ServerMetrics.Door) -> SMTPWorker {
        var settings = SMTPSettings(role: role, hostName: configuration.hostname)
        settings.messageLimit = configuration.limits.messageSize
        settings.recipientLimit = configuration.limits.recipients
        settings.errorLimit = configuration.limits.errors
        settings.offersStartTLS = certificates != nil && role != .local
        settings.localDomain = house.defaultDomain ?? configuration.hostname
        settings.allowsPlaintextLoginOnLoopback = configuration.allowsPlaintextOnLoopback
        settings.relay = RelayRules(domains: configuration.relay.domains, networks: configuration.relay.networks)
        settings.offersDSN = true
        var offer = QueueOffer()
        offer.hold = configuration.outbound.hold
        settings.queue = offer
        settings.metrics = house.metrics.smtp
        settings.connections = house.metrics.connections(at: door)
        return SMTPWorker(
            settings, gatekeeper: house.gatekeeper, directory: house.directory,
            intake: intake, clock: SystemClock.now, makeID: Departures.makeID, log: log)
    }

    private func imap(_ door: ServerMetrics.Door) -> IMAPWorker {
        var settings = IMAPSettings(
            version: ProductVersion.number, messageLimit: configuration.limits.messageSize,
            offersTLS: certificates != nil,
            allowsPlaintextOnLoopback: configuration.allowsPlaintextOnLoopback, clock: SystemClock.now, log: log)
        settings.allowsUnauthenticate = configuration.allowsUnauthenticate
        settings.metrics = house.metrics.imap
        settings.connections = house.metrics.connections(at: door)
        return IMAPWorker(mailroom: mailroom, gatekeeper: house.gatekeeper, settings: settings)
    }

    private func pop3(_ door: ServerMetrics.Door) -> POP3Worker {
        var settings = POP3Settings(
            version: ProductVersion.number, offersTLS: certificates != nil,
            allowsPlaintextOnLoopback: configuration.allowsPlaintextOnLoopback, clock: SystemClock.now, log: log)
        settings.metrics = house.metrics.pop3
        settings.connections = house.metrics.connections(at: door)
        return POP3Worker(mailroom: mailroom, maildrops: maildrops, gatekeeper: house.gatekeeper, settings: settings)
    }
}
