import Conversation
import Logging
import MailModel
import PostOffice
import Threading
import Transport

/// Reports between mail servers in the running server: what is counted for them, who sends ours, and who reads others'.
struct ReportServices: Sendable {
    /// What comes in the names of domains: the intake's judge tells it.
    let mail: PolicyOutcomes
    let tls: TLSOutcomes
    let reader: ReportReader
    private let received: ReceivedReports
    private let pool: BlockingPool
    private let house: House
    private let configuration: Configuration
    private let log: Logger

    init(_ configuration: Configuration, _ house: House, log: Logger) {
        self.configuration = configuration
        self.house = house
        self.log = log
        mail = PolicyOutcomes(store: house.store, log: log)
        tls = TLSOutcomes(store: house.store, log: log)
        received = ReceivedReports(store: house.store, keptDays: configuration.reports.keptDays, clock: SystemClock.now, log: log)
        let pool = BlockingPool(name: "reports", threads: 1, refusal: CancellationError())
        self.pool = pool
        reader = ReportReader(
            store: house.store, directory: house.directory, received: received, compression: ZlibCompressor(), host: configuration.hostname,
            burn: { try await pool.run($0) }, log: log)
    }

    /// Counts, sends and tidies until it is cancelled.
    /// - parameters:
    ///   - resolver: of those to whom reports go.
    ///   - web: by which some of them take reports.
    func run(_ outbox: Outbox, _ intake: Intake, _ resolver: any Resolver, _ web: any WebFetcher) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await mail.keep { await ReportServices.pause(60) } }
            group.addTask { await tls.keep { await ReportServices.pause(60) } }
            group.addTask { await prune() }
            guard let sender = sender(outbox, intake, resolver, web) else { return }
            group.addTask { await sender.keep { await ReportServices.pause(300) } }
        }
    }

    func flush() async {
        await mail.flush()
        await tls.flush()
    }

    /// Waits for a report that is being read.
    func stop() async {
        await flush()
        pool.close()
    }

    /// Nil: nothing is sent.
    private func sender(_ outbox: Outbox, _ intake: Intake, _ resolver: any Resolver, _ web: any WebFetcher) -> ReportSender? {
        guard configuration.reports.areSent, configuration.outbound.enabled else { return nil }
        guard let sender = configuration.reportSender(house.defaultDomain) else {
            log.warning("No reports are sent: there is no domain yet in whose name they could go")
            return nil
        }
        let (directory, hostname) = (house.directory, configuration.hostname)
        return ReportSender(
            ReportSender.Setting(sender: sender, generator: "Martlet \(ProductVersion.number)"),
            ReportSender.Surroundings(
                outcomes: mail, tls: tls, store: house.store, intake: intake, resolver: resolver, web: web, compression: ZlibCompressor(),
                clock: SystemClock.now,
                chance: { Double.random(in: 0..<1) }, makeID: Departures.makeID, queued: { await outbox.queued($0) },
                isOurs: { domain in try await directory.isServed(domain) || domain == hostname }, log: log))
    }

    /// Once an hour, what is older than it is to be kept.
    private func prune() async {
        while !Task.isCancelled {
            do {
                try await mail.prune(SystemClock.now())
                try await tls.prune(SystemClock.now())
                try await received.prune()
            } catch { log.warning("Old counts and reports were not removed: \(error)") }
            await ReportServices.pause(3_600)
        }
    }

    private static func pause(_ seconds: Int64) async { await SystemClock.wait(until: Timestamp(rawValue: SystemClock.now().rawValue + seconds)) }
}

extension Configuration {
    /// By which address our reports go; nil: there is no domain yet.
    func reportSender(_ defaultDomain: Domain?) -> Address? {
        reports.sender ?? defaultDomain.flatMap { Address(localPart: ReportAddresses.sender, domain: $0.asciiForm ?? $0) }
    }

    func reportAddresses(_ defaultDomain: Domain?) -> ReportAddresses {
        ReportAddresses(named: reports.addresses, sender: reportSender(defaultDomain))
    }
}
