import Gatehouse
import Glibc
import Logging
import MailModel
import Transport

/// The running server: everything is made here, told of each other, and ended in the opposite order.
struct ServiceGraph {
    private let configuration: Configuration
    private let writer: LogWriter
    private let log: Logger
    private let house: House
    private let certificates: CertificateShelf?
    /// Nil when one is configured, or TLS is off.
    private let certificate: OwnCertificate?
    /// Nil when no CA issues certificates.
    private let issuing: CertificateService?
    private let threads: Threads
    private let listeners: Listeners
    private let outbound: OutboundServices
    private let departures: Departures
    private let mostFiles: Int
    private let sockets: ListeningSockets
    private let notice: ServiceNotice
    /// Bound, for `martlet sendmail`.
    private let submissionSocket: Int32

    /// Serves until it is told to stop; returns when everything is closed. Throws what keeps it from starting.
    static func run(_ configuration: Configuration, _ sockets: ListeningSockets, _ notice: ServiceNotice) async throws {
        let signals = Signals()
        let writer = try LogWriter(path: configuration.logging.file)
        let log = configuration.logging.logger(writer)
        defer { writer.flush() }
        try await House.with(configuration, creating: true, log: log) { house in
            try await ServiceGraph(configuration, sockets, notice, writer, log, house).serve(signals)
        }
        log.info("Martlet has stopped")
    }

    private init(
        _ configuration: Configuration, _ sockets: ListeningSockets, _ notice: ServiceNotice, _ writer: LogWriter, _ log: Logger, _ house: House
    ) throws {
        self.configuration = configuration
        self.sockets = sockets
        self.notice = notice
        self.writer = writer
        self.log = log
        self.house = house
        mostFiles = OpenFiles.raiseLimit()
        certificate = configuration.ownCertificate(in: house.folder)
        certificates = try configuration.certificates(certificate)
        for fault in certificates?.faults ?? [] {
            log.error("A certificate of tls.certificates cannot be used, and is not shown until it can; the others are: \(fault)")
        }
        threads = Threads()
        let metrics = house.metrics
        threads.watchLateness { metrics.loopDelay.record($0) }
        metrics.show(ServerMetrics.Sources(store: house.store, gatekeeper: house.gatekeeper, certificates: certificates))
        let penalties = house.gatekeeper.penalties
        listeners = Listeners(
            threads: threads, doorkeeper: Doorkeeper(try configuration.doorkeeperLimits(), logger: log, isBanned: { penalties.isBanned($0) }), logger: log)
        outbound = try OutboundServices(configuration, threads: threads, store: house.store, sign: house.signing(log).sign, log: log)
        if let setting = configuration.issuing, let certificates {
            let directory = house.directory
            let names = AutomaticNames(
                labels: configuration.webLabels, server: configuration.hostname.asciiForm ?? configuration.hostname, resolver: outbound.names,
                domains: { Array(try await directory.domainsServed()) }, log: log)
            issuing = try CertificateService(
                setting, configuration.outbound, names: outbound.names, threads: threads, store: house.store, shelf: certificates,
                automatic: setting.takesAutomaticNames && !names.labels.isEmpty ? names : nil, log: log)
        } else {
            issuing = nil
        }
        departures = try Departures(configuration, house, outbound, log: log)
        submissionSocket =
            try sockets.submission(at: configuration.sendmailSocket)
            ?? SubmissionSocket.bind(configuration.sendmailSocket, isOwn: configuration.sendmailSocket.hasPrefix(configuration.data + "/"))
    }

    private func serve(_ signals: Signals) async throws {
        let (domainsAdded, domains) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let (namesAdded, names) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let upkeep = Upkeep(
            house: house, configuration: configuration, certificates: certificates, certificate: certificate, domainsAdded: domainsAdded,
            names: configuration.outbound.enabled ? outbound.names : nil, log: log)
        let kept = Task { await upkeep.keep() }
        defer { kept.cancel() }
        try await withCleanup(end) {
            let newcomers = try await FirstAccounts.make(configuration, house)
            await house.gatekeeper.reviewKeys()
            await issuing?.begin()
            let listening = try await openFaces()
            let outbox = departures.outbox
            let departures = departures
            let penalties = house.gatekeeper.penalties
            let administration = house.administration(
                changed: { await outbox.changed($0) }, finishTraces: { await departures.finishTraces() }, certificates: certificates, keeper: issuing?.keeper,
                domainAdded: {
                    domains.yield()
                    names.yield()
                },
                expel: { [listeners, penalties] network in
                    // Whom the ban does not hold for stays.
                    listeners.expel { network.contains($0) && penalties.isBanned($0) }
                }, isRunning: true)
            // Those that the first start has made.
            domains.yield()
            let sending = Task { await departures.run() }
            defer { sending.cancel() }
            let control = try ControlServer(path: house.folder.socketPath, log: log) {
                await administration.carryOut($0, by: $1)
            }
            announce(listening, newcomers)
            notice.ready()
            let alive = Task { await notice.keepAlive(threads) }
            defer { alive.cancel() }
            // A CA looks at ports that are open by now.
            let certificatesKept = Task { await issuing?.keep(namesAdded) }
            defer { certificatesKept.cancel() }
            let probe = Task { await outbound.probe() }
            defer { probe.cancel() }
            for await signal in signals.arrivals {
                if signal == .stop { break }
                notice.reloading(reload)
            }
            log.info("Martlet is stopping")
            notice.stopping()
            control.stop()
        }
    }

    private func end() async {
        house.gatekeeper.stop()
        // What a service manager made, it keeps.
        if sockets.submission(at: configuration.sendmailSocket) == nil { unlink(configuration.sendmailSocket) }
        await listeners.stop(grace: .seconds(3))
        await departures.stop()
        await outbound.stop()
        house.gatekeeper.finishLog()
        do { try await house.gatekeeper.finishUses() } catch { log.error("What app passwords were used for last could not be written down: \(error)") }
        await house.gatekeeper.penalties.save()
        // try?: the program ends now, and the threads with it.
        try? await threads.shutDown()
    }

    /// Those that listen.
    private func openFaces() async throws -> [Configuration.Listener] {
        let shown = issuing?.keyAuthorization
        let faces = Faces(configuration, house, departures.intake, certificates, keyAuthorization: { token in shown?(token) }, log)
        // Before the ports: whoever can reach one of them can reach it too.
        do { try await faces.open(submissionSocket: submissionSocket, in: listeners) } catch let fault as Listener.Fault {
            throw CommandFault(code: Sysexit.unavailable, text: "\(fault)")
        }
        var listening: [Configuration.Listener] = []
        for listener in configuration.listeners {
            do {
                try await faces.open(listener, at: sockets.open(listener), in: listeners)
                listening.append(listener)
            } catch let fault as Listener.Fault where listener.service.isWeb {
                // Mail does not wait for a port that a web server has.
                log.error("\(fault); nothing is served there", metadata: ["service": "\(listener.service.rawValue)"])
            } catch let fault as Listener.Fault {
                throw ListeningSockets.fault(fault)
            }
        }
        return listening
    }

    private func announce(_ listening: [Configuration.Listener], _ newcomers: [FirstAccounts.Newcomer]) {
        for listener in listening {
            log.info(
                "Listening",
                metadata: [
                    "service": "\(listener.service.rawValue)", "address": "\(listener.address)",
                    "port": "\(listener.port)",
                ])
        }
        log.info("Listening", metadata: ["service": "sendmail", "path": "\(configuration.sendmailSocket)"])
        if mostFiles < configuration.limits.connections {
            log.warning(
                "Only \(mostFiles) files may be open: fewer connections than limits.connections; raise it with ulimit -n"
            )
        }
        if !configuration.outbound.enabled { log.notice("Mail to other servers is queued and held: outbound.enabled is false") }
        guard configuration.isEmbedded else {
            if geteuid() == 0 { log.warning("It runs as root, whom nothing holds back; set user to somebody with no other task (docs/deployment.md)") }
            if configuration.tls.enabled, configuration.tls.files == nil, configuration.issuing == nil {
                log.warning(
                    "The certificate is self-signed: clients will not trust it; set tls.certificate and tls.key, or acme.enabled")
            }
            return
        }
        Terminal.show(WelcomeScreen(configuration, listening, house.folder.fullPath, key: house.folder.fullKeyPath, newcomers).text)
    }

    private func reload() {
        do {
            try writer.reopen()
            log.notice("Log opened again")
        } catch {
            log.error("The log was not opened again: \(error)")
        }
        do {
            try certificates?.reload()
            log.notice("Certificates read again")
        } catch {
            log.error("Not all certificates could be read again; of what cannot be used, what was read before stays: \(error)")
        }
    }
}

/// How many files and connections the program may have open.
enum OpenFiles {
    /// Raises the limit as far as it may go; answers what it is then.
    static func raiseLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
