package import Logging
package import MailModel
package import Storage

/// Brings what is in the queue to its recipients (RFC 5321 §4.5.4.1): to other servers by a `Carrier`, to mailboxes of this house where a message had to wait.
///
/// - What becomes of a try is durable before the next: a message goes twice only where a server's answer was lost, or could not be written down.
/// - What it does not know it takes for "not yet": a message ends by an answer, by time, or by whoever may take it back.
/// - `DeliverySchedule` decides what is tried when; nothing of a message is held here but where it goes.
package actor Outbox {
    package struct Settings: Hashable, Sendable {
        package var retry = RetrySchedule()
        /// To all servers, to those of one next hop, and to one address.
        package var connections = 200
        package var connectionsPerSite = 20
        package var connectionsPerAddress = 20
        /// Seconds for which a connection without a message is kept.
        package var linger: Int64 = 4
        /// Seconds for which what is under way may end when the server stops.
        package var grace: Int64 = 10
        /// False: only what is for mailboxes here goes; the rest waits, and its time does not run out.
        package var sendsToOthers = true

        package init() {}
    }

    /// Where it is open: it is told once, and again where it was forgotten by a crash.
    package struct Surroundings: Sendable {
        let store: any QueueStore & AccountStore & BodyStore
        let routing: DeliveryRouting
        let carrier: any Carrier
        let directory: Directory
        let intake: Intake
        let reporting: DeliveryReporting
        let clock: Timestamp.Clock
        /// Returns when the clock shows that, or the task is cancelled.
        let wait: @Sendable (Timestamp) async -> Void
        /// 0..<1.
        let chance: @Sendable () -> Double
        let trace: @Sendable (TraceEvent) -> Void
        /// Nil: there are no lists here.
        let lists: ListMaster?
        /// Nil: reports are not read here.
        let reports: ReportReader?
        /// Hears how TLS with others' servers goes, and does not wait.
        let observe: @Sendable (TLSObservation) -> Void
        let log: Logger
        let metrics: MailMetrics

        package init(
            store: any QueueStore & AccountStore & BodyStore, routing: DeliveryRouting, carrier: any Carrier, directory: Directory, intake: Intake,
            reporting: DeliveryReporting, clock: @escaping Timestamp.Clock, wait: @escaping @Sendable (Timestamp) async -> Void,
            chance: @escaping @Sendable () -> Double, trace: @escaping @Sendable (TraceEvent) -> Void = { _ in },
            observe: @escaping @Sendable (TLSObservation) -> Void = { _ in }, lists: ListMaster? = nil, reports: ReportReader? = nil,
            log: Logger, metrics: MailMetrics = MailMetrics()
        ) {
            self.metrics = metrics
            self.store = store
            self.routing = routing
            self.carrier = carrier
            self.directory = directory
            self.intake = intake
            self.reporting = reporting
            self.clock = clock
            self.wait = wait
            self.chance = chance
            self.trace = trace
            self.lists = lists
            self.reports = reports
            self.observe = observe
            self.log = log
        }
    }

    let settings: Settings
    let around: Surroundings
    var schedule: DeliverySchedule
    var addresses = AddressBook()
    /// What entries' recipients have become and is told together soon.
    private var reportTimes: [QueueID: Timestamp] = [:]
    /// Entries that could not be read, and are read again.
    private var rereadTimes: [QueueID: Timestamp] = [:]
    /// Entries that are being changed, and who waits to change them too.
    private var changing: [QueueID: [CheckedContinuation<Void, Never>]] = [:]
    /// Connections without a message.
    private var idlers: [DeliverySchedule.SiteID: [Idler]] = [:]
    /// None of them ends before: they are many, and looked at only then.
    private var idlersEnd: Timestamp?
    private var tasks: [Int: Task<Void, Never>] = [:]
    private var lastTask = 0
    private var alarm: (time: Timestamp, task: Task<Void, Never>)?
    /// Tasks that do something, not counting idle connections.
    private var busy = 0
    private var quiet: [CheckedContinuation<Void, Never>] = []
    private(set) var isStopping = false

    private struct Idler {
        let until: Timestamp
        let continuation: CheckedContinuation<Bool, Never>
    }

    package init(_ around: Surroundings, settings: Settings = Settings()) {
        self.settings = settings
        self.around = around
        var schedule = DeliverySchedule.Settings()
        schedule.retry = settings.retry
        schedule.connections = settings.connections
        schedule.connectionsPerSite = settings.connectionsPerSite
        self.schedule = DeliverySchedule(settings: schedule, chance: around.chance)
    }

    var now: Timestamp { around.clock() }

    // MARK: Beginning and end

    /// Reads the queue, and begins to send while it does. Returns when all of it is known. Throws what the store does.
    package func start() async throws {
        var last: QueueID?
        while !isStopping {
            let page = try await around.store.queue(after: last, most: 1_000)
            let table = try await around.routing.table()
            for entry in page where !schedule.isScheduled(entry.id) { add(entry, table) }
            pump()
            guard page.count == 1_000 else { return }
            last = page.last?.id
        }
    }

    /// No new try begins; what is under way may end within the grace. Returns when nothing of it runs any more.
    package func stop() async {
        isStopping = true
        alarm?.task.cancel()
        for site in Array(idlers.keys) { while wakeIdler(of: site) {} }
        let running = Array(tasks.values)
        let deadline = Timestamp(rawValue: now.rawValue + settings.grace)
        let wait = around.wait
        let end = Task {
            await wait(deadline)
            for task in running { task.cancel() }
        }
        for task in running { await task.value }
        end.cancel()
    }

    // MARK: What others say

    /// Entries were added.
    package func queued(_ ids: [QueueID]) async {
        for id in ids where !schedule.isScheduled(id) { await read(id) }
        pump()
    }

    /// Entries were changed by somebody else: held, released, cancelled, made due.
    package func changed(_ ids: [QueueID]) async {
        for id in ids {
            schedule.forget(id)
            await read(id)
            // Whoever changed it may know that the way is open again. New mail does not: it waits with the rest.
            schedule.wakeHops(of: id, now)
        }
        pump()
    }

    /// Returns when nothing is under way, and nothing is to be done before time goes on.
    package func whenQuiet() async {
        pump()
        guard busy > 0 else { return }
        await withCheckedContinuation { quiet.append($0) }
    }

    /// Jobs that wait or are under way.
    package var count: Int { schedule.count }

    private func read(_ id: QueueID) async {
        do {
            add(try await around.store.queued(id), try await around.routing.table())
        } catch StorageFault.noSuchMessage {
            return
        } catch {
            readLater(id, error)
        }
    }

    /// What cannot be read now is not gone.
    func readLater(_ id: QueueID, _ error: any Error) {
        around.log.error("A message of the queue could not be read: \(error)", metadata: ["queue": "\(id)"])
        rereadTimes[id] = Timestamp(rawValue: now.rawValue + settings.retry.first)
    }

    /// Schedules what waits of an entry and is not under way.
    private func add(_ entry: QueueEntry, _ table: RouteTable) {
        guard entry.hold == nil else { return }
        let places = entry.progress.indices.filter { entry.progress[$0].phase == .waiting }
        // What the last run had yet to tell.
        let isUntold = entry.progress.indices.contains { place in
            let progress = entry.progress[place]
            return progress.phase != .waiting && !progress.isTold
                && around.reporting.action(on: entry.draft.recipients[place], progress, in: entry.draft) != nil
        }
        if isUntold { reportLater(entry.id) }
        plan(entry, places, entry.progress, table)
    }

    /// Those recipients, by where they go and when.
    func plan(_ entry: QueueEntry, _ places: [Int], _ progress: [RecipientProgress], _ table: RouteTable) {
        struct Group: Hashable {
            let hop: DeliverySchedule.HopName
            let due: Timestamp
        }
        let draft = entry.draft
        var groups: [Group: [Int]] = [:]
        var order: [Group] = []
        // Those that somebody else has scheduled in the meantime, or that are under way.
        let known = schedule.places(of: entry.id)
        for place in places where !known.contains(place) {
            let group = Group(hop: table.hop(for: draft.recipients[place].path, from: draft.reversePath, TLSWish(draft.traits)), due: progress[place].due)
            guard settings.sendsToOthers || group.hop.next == .local else { continue }
            if groups[group] == nil { order.append(group) }
            groups[group, default: []].append(place)
        }
        let noticeTime = places.contains { isToldOfDelay(draft, $0, progress[$0]) } ? delayNotice(of: draft) : nil
        for group in order {
            let places = groups[group] ?? []
            // What a server takes at once at least (RFC 5321 §4.5.3.1.8).
            for start in stride(from: 0, to: places.count, by: 100) {
                schedule.add(
                    DeliverySchedule.Arrival(
                        entry: entry.id, hop: group.hop, recipients: Array(places[start..<min(start + 100, places.count)]), sender: draft.sender,
                        priority: draft.priority, due: group.due, expires: expiry(of: draft), delayNotice: noticeTime))
            }
        }
    }

    private func isToldOfDelay(_ draft: QueueDraft, _ place: Int, _ progress: RecipientProgress) -> Bool {
        !progress.isTold && DeliveryReport.action(for: .delayed, of: draft.recipients[place], in: draft) != nil
    }

    /// RFC 2852 §4.1.1: sooner where its sender has said so.
    func expiry(of draft: QueueDraft) -> Timestamp {
        let expiry = settings.retry.expiry(of: draft.begins)
        guard let deadline = draft.deliverBy, deadline.isReturned else { return expiry }
        return min(expiry, deadline.time)
    }

    private func delayNotice(of draft: QueueDraft) -> Timestamp? {
        let notice = settings.retry.delayNotice > 0 ? settings.retry.delayNotice(of: draft.begins) : nil
        guard let deadline = draft.deliverBy, !deadline.isReturned else { return notice }
        return deadline.time
    }

    // MARK: Doing what is due

    /// Begins all that is to be done now.
    func pump() {
        guard !isStopping else { return signalQuiet() }
        let now = now
        for (id, time) in reportTimes where time <= now {
            reportTimes[id] = nil
            run { await $0.report(id) }
        }
        for (id, time) in rereadTimes where time <= now {
            rereadTimes[id] = nil
            run { await $0.changed([id]) }
        }
        endIdlers(now)
        for action in schedule.actions(now) { begin(action) }
        around.metrics.scheduled.set(schedule.entries)
        around.metrics.connections.set(schedule.connections)
        setAlarm()
        signalQuiet()
    }

    private func begin(_ action: DeliverySchedule.Action) {
        switch action {
        case .lookUp(let hop): run { await $0.lookUp(hop) }
        case .connect(let site): run { await $0.serve(site) }
        case .wake(let site):
            if !wakeIdler(of: site) { around.log.error("A connection that should be idle is not") }
        case .release(let site): releaseIdler(of: site)
        case .expire(let job, let reason): run { await $0.expire(job, reason) }
        case .reject(let job, let fault): run { await $0.reject(job, fault) }
        case .tellDelay(let entry): run { await $0.tellDelay(entry) }
        }
    }

    private func run(_ work: @escaping @Sendable (isolated Outbox) async -> Void) {
        lastTask += 1
        let id = lastTask
        busy += 1
        tasks[id] = Task {
            await work(self)
            ended(id)
        }
    }

    private func ended(_ id: Int) {
        busy -= 1
        tasks[id] = nil
        pump()
    }

    private func signalQuiet() {
        guard busy == 0 else { return }
        let waiting = quiet
        quiet = []
        for continuation in waiting { continuation.resume() }
    }

    /// When something is to be done next, if nothing happens before.
    package var nextMoment: Timestamp? {
        [schedule.nextAlarm, reportTimes.values.min(), rereadTimes.values.min(), idlersEnd].compactMap(\.self).min()
    }

    private func setAlarm() {
        guard let next = nextMoment else { return }
        if let alarm, alarm.time <= next { return }
        alarm?.task.cancel()
        let wait = around.wait
        alarm = (
            next,
            Task { [weak self] in
                await wait(next)
                guard !Task.isCancelled else { return }
                await self?.alarmRang()
            }
        )
    }

    private func alarmRang() {
        alarm = nil
        pump()
    }

    private func lookUp(_ hop: DeliverySchedule.HopName) async {
        let result: Result<DeliveryRoute, MailRouteFault>
        // DNS's own times are the resolver's to keep; so often the servers are looked at again. What they have to prove is believed no longer than DNS
        // says, or some seconds, so that a TTL of 0 is no question for each step.
        var seconds: Int64 = 600
        do {
            let route = try await around.routing.route(to: hop)
            seconds = min(seconds, route.ttl.map { max(5, Int64($0)) } ?? seconds)
            result = route.servers.isEmpty && !route.isLocal ? .failure(MailRouteFault(route.passedOver)) : .success(route)
            observe(route, of: hop)
        } catch let fault as MailRouteFault {
            result = .failure(fault)
        } catch {
            result = .failure(MailRouteFault(cause: .resolver(.unavailable("stopped")), description: "the look-up was ended"))
        }
        let ends = Timestamp(rawValue: now.rawValue + seconds)
        for action in schedule.resolved(hop, result, ends: ends, now) { begin(action) }
    }

    // MARK: Reports that wait for their like

    /// A message lies in a mailbox, and its sender wants to hear of that (RFC 3461 §5.2.3). Lost where the server stops now.
    package func report(delivered: Intake.Delivered) async {
        let progress = RecipientProgress(phase: .delivered, due: now, last: RecipientProgress.Attempt(at: now, status: .success(1, 5)))
        do {
            let range = DeliveryReport.needed(of: delivered.draft, size: .max, for: [.delivered]).range
            let original = DeliveryReport.Original(try await around.store.read(range, of: delivered.body, for: delivered.account), isWhole: false)
            let told = delivered.draft.recipients.map { DeliveryReport.Recipient($0, .delivered, progress) }
            guard let report = DeliveryReport(from: around.reporting.host, on: delivered.draft, told, original: original, now: now) else { return }
            for notice in try await around.reporting.notice(report) {
                await queued(try await around.store.place(notice.body, notice.placements, queueing: notice.drafts).queued)
            }
        } catch {
            around.log.error("A report on a delivery was not made: \(error)", metadata: ["id": "\(delivered.draft.transaction)"])
        }
    }

    /// An entry's recipients have become something that is told with what the others become, or in a while.
    func reportLater(_ id: QueueID) {
        if reportTimes[id] == nil { reportTimes[id] = Timestamp(rawValue: now.rawValue + 60) }
    }

    func reportIsMade(_ id: QueueID) { reportTimes[id] = nil }

    // MARK: One change of an entry at a time

    func changing<Value>(_ id: QueueID, _ work: () async -> Value) async -> Value {
        if changing[id] == nil {
            changing[id] = []
        } else {
            await withCheckedContinuation { changing[id]?.append($0) }
        }
        let value = await work()
        if changing[id]?.isEmpty ?? true {
            changing[id] = nil
        } else {
            changing[id]?.removeFirst().resume()
        }
        return value
    }

    // MARK: Connections without a message

    /// Waits for a job of the site; false: for too long, or the server stops.
    func idle(_ site: DeliverySchedule.SiteID) async -> Bool {
        guard !isStopping else { return false }
        schedule.becameIdle(site)
        busy -= 1
        return await withCheckedContinuation { continuation in
            let until = Timestamp(rawValue: now.rawValue + settings.linger)
            idlers[site, default: []].append(Idler(until: until, continuation: continuation))
            idlersEnd = min(idlersEnd ?? until, until)
            pump()
        }
    }

    /// Those that have waited long enough; of a site the first came first.
    private func endIdlers(_ now: Timestamp) {
        guard let end = idlersEnd, end <= now else { return }
        for (site, waiting) in idlers {
            for idler in waiting.prefix(while: { $0.until <= now }) {
                idlers[site]?.removeFirst()
                schedule.leftIdle(site)
                busy += 1
                idler.continuation.resume(returning: false)
            }
            if idlers[site]?.isEmpty == true { idlers[site] = nil }
        }
        idlersEnd = idlers.values.compactMap(\.first?.until).min()
    }

    /// The first to come.
    private func releaseIdler(of site: DeliverySchedule.SiteID) {
        guard let idler = idlers[site]?.first else { return around.log.error("A connection that should be idle is not") }
        idlers[site]?.removeFirst()
        if idlers[site]?.isEmpty == true { idlers[site] = nil }
        busy += 1
        idler.continuation.resume(returning: false)
    }

    /// The latest: its connection is the likeliest to be open still.
    private func wakeIdler(of site: DeliverySchedule.SiteID) -> Bool {
        guard let idler = idlers[site]?.popLast() else { return false }
        if idlers[site]?.isEmpty == true { idlers[site] = nil }
        busy += 1
        if isStopping { schedule.leftIdle(site) }
        idler.continuation.resume(returning: !isStopping)
        return true
    }
}

extension QueueDraft {
    /// Since when it may go.
    var begins: Timestamp { max(arrived, notBefore ?? arrived) }
}
