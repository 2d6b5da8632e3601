import Conversation
import Logging
import MailModel
import PostOffice
import SMTP
import Storage

/// The outgoing queue's end of the running server: the outbox, and what tells it of new mail.
struct Departures: Sendable {
    let outbox: Outbox
    /// By which other servers' and users' mail comes in: it tells the outbox.
    let intake: Intake
    private let lists: ListMaster
    private let store: any TraceStore
    private let recorder: TraceRecorder
    let reports: ReportServices
    private let services: OutboundServices
    /// By which comes what this server writes itself.
    private let own: Intake
    private let traceDays: Int
    private let log: Logger

    init(_ configuration: Configuration, _ house: House, _ services: OutboundServices, log: Logger) throws {
        self.log = log
        store = house.store
        traceDays = configuration.traceDays
        let recorder = TraceRecorder(store: house.store, log: log)
        self.recorder = recorder
        let reports = ReportServices(configuration, house, log: log)
        self.reports = reports
        self.services = services
        let table: RouteTable
        do { table = try configuration.outbound.table(ownDomains: []) } catch {
            throw CommandFault(code: Sysexit.configuration, text: "outbound.destinations names the route \(error.route), which is not there")
        }
        let directory = house.directory
        // What the outbox writes itself it knows of.
        let own = Intake(store: house.store, clock: SystemClock.now, log: log)
        self.own = own
        let lists = ListMaster(
            register: house.lists, store: house.store, directory: directory, intake: own, host: configuration.hostname, clock: SystemClock.now,
            makeID: Departures.makeID, log: log)
        self.lists = lists
        let outbox = Outbox(
            Outbox.Surroundings(
                store: house.store,
                routing: DeliveryRouting({ table.with(ownDomains: try await directory.domainsServed()) }, services.router, services.policies),
                carrier: services.carrier, directory: directory, intake: own,
                reporting: DeliveryReporting(
                    store: house.store, directory: directory, intake: own, host: configuration.hostname, clock: SystemClock.now, makeID: Departures.makeID),
                clock: SystemClock.now, wait: SystemClock.wait, chance: { Double.random(in: 0..<1) },
                trace: { recorder.record($0) }, observe: { reports.tls.record($0) }, lists: lists, reports: reports.reader, log: log,
                metrics: house.metrics.mail),
            settings: configuration.outbound.settings)
        self.outbox = outbox
        intake = Intake(
            store: house.store, checks: Intake.Check.standard + Departures.judges(configuration, services.names, reports.mail, log) + [.lists(lists)],
            senderLimit: SenderLimit(most: configuration.limits.recipientsPerHour > 0 ? configuration.limits.recipientsPerHour : nil),
            clock: SystemClock.now, log: log, forwarding: directory,
            onQueued: { ids in Task { await outbox.queued(ids) } },
            onDelivered: { delivered in Task { await outbox.report(delivered: delivered) } }, trace: { recorder.record($0) },
            metrics: house.metrics.mail)
    }

    /// Those who judge who sends to us; none where nobody is to be asked.
    private static func judges(_ configuration: Configuration, _ names: any Resolver, _ outcomes: PolicyOutcomes, _ log: Logger) -> [Intake.Check] {
        guard configuration.trust.enabled else { return [] }
        return [.senders(SenderJudge(resolver: names, rules: configuration.senderRules, clock: SystemClock.now, log: log) { outcomes.record($0, at: $1) })]
    }

    /// Sends what is queued, and keeps the traces of it, until it is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await start() }
            group.addTask { await recorder.keep { await SystemClock.wait(until: Timestamp(rawValue: SystemClock.now().rawValue + 1)) } }
            group.addTask { await reports.run(outbox, own, services.names, services.web) }
            group.addTask { await prune() }
            group.addTask { await tidyLists() }
        }
    }

    /// No new try begins; what is under way may end.
    func stop() async {
        await outbox.stop()
        await recorder.flush()
        await reports.stop()
    }

    /// Returns when what has happened so far can be read.
    func finishTraces() async {
        await recorder.flush()
        await reports.flush()
    }

    /// Once an hour, what is older than it is to be kept.
    private func prune() async {
        while !Task.isCancelled {
            do {
                let oldest = Timestamp(rawValue: SystemClock.now().rawValue - Int64(traceDays) * 86_400)
                while !Task.isCancelled, try await store.pruneTraces(before: oldest) {}
            } catch { log.warning("Old traces were not removed: \(error)") }
            await SystemClock.wait(until: Timestamp(rawValue: SystemClock.now().rawValue + 3_600))
        }
    }

    /// Every ten minutes, what has waited too long for a list's owners or for somebody's answer.
    private func tidyLists() async {
        while !Task.isCancelled {
            do { await outbox.queued(try await lists.tidy()) } catch { log.warning("What lists keep was not tidied: \(error)") }
            await SystemClock.wait(until: Timestamp(rawValue: SystemClock.now().rawValue + 600))
        }
    }

    /// Returns when all of the queue is known. Tried again where the store fails.
    private func start() async {
        while !Task.isCancelled {
            do { return try await outbox.start() } catch {
                log.error("The queue cannot be read: \(error)")
                await SystemClock.wait(until: Timestamp(rawValue: SystemClock.now().rawValue + 60))
            }
        }
    }

    static let makeID: TransactionID.Source = { TransactionID(bits: UInt128.random(in: .min ... .max)) }
}

extension Configuration.Outbound {
    fileprivate var settings: Outbox.Settings {
        var settings = Outbox.Settings()
        settings.retry = RetrySchedule(
            first: Int64(retryFirst), most: Int64(retryLongest), lifetime: Int64(lifetime), delayNotice: Int64(delayNotice))
        settings.connections = connections
        settings.connectionsPerSite = connectionsPerSite
        settings.connectionsPerAddress = connectionsPerSite
        settings.sendsToOthers = enabled
        return settings
    }
}
