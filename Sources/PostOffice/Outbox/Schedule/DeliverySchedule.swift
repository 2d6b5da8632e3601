import DequeModule
import HeapModule
import MailModel
import Storage

/// What is to go out, in memory: what is due, where to, and how many connections may bring it. It decides and `Outbox` does; it asks no clock and waits for
/// nothing.
///
/// - A *job* is a message with those of its recipients that go the same way and are due together.
/// - A *hop* is where mail goes first: a recipient's domain or a configured route, as one of our names.
/// - A *site* is a set of servers. Hops with the same servers share it, and limits count by it: five hundred domains that one provider serves are one site.
///
/// Sites take turns, in a site its hops, in a hop the senders: none of them waits for another's thousands. A site that cannot be reached, or a name that cannot
/// be looked up, sleeps; then one job of many tries for all of them, and what waits behind it costs nothing.
struct DeliverySchedule: Sendable {
    struct Settings: Hashable, Sendable {
        /// Open at once, to all sites.
        var connections = 200
        var connectionsPerSite = 20
        /// With which a site begins; it grows with what is delivered.
        var firstConnections = 2
        /// Messages after which a connection makes room where all places are taken and a site has none.
        var messagesInTurn = 50
        /// Names that are looked up at once.
        var lookups = 50
        var retry = RetrySchedule()
        /// Seconds that a site or a name sleeps at most, whatever the schedule of a message says: others may come that have waited for nothing yet.
        var longestSleep: Int64 = 1_200
        /// Hops, and sites, that are remembered though nothing is there for them.
        var spared = 5_000
    }

    /// Where jobs go first.
    struct HopName: Hashable, Sendable {
        let next: NextHop
        /// As whom: two senders' names for us are two hops.
        let identity: SendingIdentity
        /// Connections of messages that want another thing of them are another hop's.
        var wish = TLSWish.usual
    }

    struct Job: Sendable {
        enum Phase: UInt8, Sendable { case waiting, ready, running }

        let entry: QueueID
        /// Places in the entry's draft.
        let recipients: [Int]
        let sender: Int
        let due: Timestamp
        /// When it is given up, if nothing is known to be about to help.
        let expires: Timestamp
        /// When its sender is told that it takes long; nil: they are not, or were.
        var delayNotice: Timestamp?
        let priority: Int8
        var phase = Phase.waiting
        fileprivate let hop: Int
        /// Rises with each use of the place in the table, so that an alarm for what was there before is known.
        fileprivate let generation: UInt32
    }

    /// What an entry brings that is not scheduled yet.
    struct Arrival: Sendable {
        var entry: QueueID
        var hop: HopName
        var recipients: [Int]
        /// By whom turns go round.
        var sender: AccountID?
        var priority: Int8 = 0
        var due: Timestamp
        var expires: Timestamp
        var delayNotice: Timestamp?
    }

    /// What is to be done now.
    enum Action: Hashable, Sendable {
        /// Where does mail for it go? Answer with `resolved`.
        case lookUp(HopName)
        /// Open a connection to the site, and begin with `take(isNew: true)`; it ends with `disconnected`.
        case connect(SiteID)
        /// A job is there for an idle connection of the site, which is idle no more: `take(isNew: true)`.
        case wake(SiteID)
        /// End one of the site's idle connections, which is idle no more: others wait for its place.
        case release(SiteID)
        /// The job's time is over. It is running now: end it with `finished`.
        case expire(JobID, reason: String)
        /// There is no way to its next hop, for ever or for now. It is running now: end it with `finished`.
        case reject(JobID, MailRouteFault)
        /// The sender is to hear that it takes long.
        case tellDelay(QueueID)
    }

    struct JobID: Hashable, Sendable {
        let place: Int
        let generation: UInt32
    }

    struct SiteID: Hashable, Sendable { let place: Int }

    struct Alarm: Comparable, Sendable {
        enum Kind: Sendable {
            case site(Int)
            case hop(Int)
            case job(JobID)
        }

        let time: Timestamp
        let kind: Kind

        static func < (a: Alarm, b: Alarm) -> Bool { a.time < b.time }
        static func == (a: Alarm, b: Alarm) -> Bool { a.time == b.time }
    }

    let settings: Settings
    /// 0..<1.
    let chance: @Sendable () -> Double
    private var jobs: [Job?] = []
    private var generations: [UInt32] = []
    private var freePlaces: [Int] = []
    private var byEntry: [QueueID: [Int]] = [:]
    private var senders: [AccountID?: Int] = [:]
    var hops: [Hop?] = []
    private var freeHops: [Int] = []
    /// Those without a job, the longest first; some may have one again.
    private var spareHops = Deque<Int>()
    private(set) var hopPlaces: [HopName: Int] = [:]
    var sites: [Site?] = []
    var freeSites: [Int] = []
    /// Those that nobody uses, the longest first; somebody may again.
    var spareSites = Deque<Int>()
    var sitePlaces: [SiteName: Int] = [:]
    /// Sites with ready jobs and idle connections.
    var waking = TurnRing<Int>()
    /// Sites with ready jobs and no connection, in turn.
    var starving = TurnRing<Int>()
    /// Sites with ready jobs that may want another connection, in turn.
    var wanting = TurnRing<Int>()
    /// Sites with idle connections, the longest first; some may have none any more.
    var idling = TurnRing<Int>()
    /// Hops with ready jobs and no route.
    var unrouted = TurnRing<Int>()
    var alarms = Heap<Alarm>()
    var connections = 0
    /// Of those, the ones that make room for others.
    var closing = 0
    var lookups = 0

    init(settings: Settings, chance: @escaping @Sendable () -> Double) {
        self.settings = settings
        self.chance = chance
    }

    /// Jobs that are known.
    var count: Int { jobs.count - freePlaces.count }
    var entries: Int { byEntry.count }

    /// Nil: it is there no more.
    subscript(_ id: JobID) -> Job? {
        guard jobs.indices.contains(id.place), generations[id.place] == id.generation else { return nil }
        return jobs[id.place]
    }

    /// Where a job goes; nil: it is there no more.
    func hop(of id: JobID) -> HopName? { self[id].flatMap { hops[$0.hop]?.name } }

    func isScheduled(_ entry: QueueID) -> Bool { byEntry[entry] != nil }

    /// Whether some other job of an entry is under way, or about to be.
    func isMoving(_ entry: QueueID, except id: JobID?, _ now: Timestamp) -> Bool {
        (byEntry[entry] ?? []).contains { place in
            guard place != id?.place, let job = jobs[place] else { return false }
            return job.phase == .running || (job.phase == .ready && sleep(ofHop: job.hop, now) == nil)
        }
    }

    // MARK: Jobs come and go

    mutating func add(_ arrival: Arrival) {
        let hop = place(of: arrival.hop)
        let sender = senders[arrival.sender] ?? senders.count
        senders[arrival.sender] = sender
        let place: Int
        if let free = freePlaces.popLast() {
            place = free
        } else {
            place = jobs.count
            jobs.append(nil)
            generations.append(0)
        }
        generations[place] &+= 1
        jobs[place] = Job(
            entry: arrival.entry, recipients: arrival.recipients, sender: sender, due: arrival.due, expires: arrival.expires,
            delayNotice: arrival.delayNotice, priority: arrival.priority, hop: hop, generation: generations[place])
        hops[hop]?.jobs += 1
        byEntry[arrival.entry, default: []].append(place)
        setAlarm(place)
    }

    /// What was running is over. What is left to do for its recipients comes with `add`.
    mutating func finished(_ id: JobID) {
        guard let job = self[id], job.phase == .running else { return }
        remove(id.place, job)
    }

    /// Forgets an entry's jobs, but those that are running.
    mutating func forget(_ entry: QueueID) {
        for place in byEntry[entry] ?? [] {
            guard let job = jobs[place], job.phase != .running else { continue }
            if job.phase == .ready { change(ready: -1, of: job.hop) }
            remove(place, job)
        }
    }

    /// Places of an entry's recipients that some job has.
    func places(of entry: QueueID) -> Set<Int> { Set((byEntry[entry] ?? []).compactMap { jobs[$0] }.flatMap(\.recipients)) }

    /// Whoever knows better than us says that the way to an entry's recipients is open again.
    mutating func wakeHops(of entry: QueueID, _ now: Timestamp) {
        for place in byEntry[entry] ?? [] {
            guard let job = jobs[place], job.due <= now else { continue }
            let hop = job.hop
            switch hops[hop]?.route {
            case .failed: hops[hop]?.route = .unknown
            case .site(let site): sites[site.place]?.asleepUntil = now
            case .unknown, .lookingUp, nil: break
            }
            noteReady(hop)
        }
    }

    /// The sender of an entry was told, or need not be.
    mutating func delayTold(_ entry: QueueID) { for place in byEntry[entry] ?? [] { jobs[place]?.delayNotice = nil } }

    private mutating func remove(_ place: Int, _ job: Job) {
        jobs[place] = nil
        freePlaces.append(place)
        let left = byEntry[job.entry]?.filter { $0 != place } ?? []
        byEntry[job.entry] = left.isEmpty ? nil : left
        hops[job.hop]?.jobs -= 1
        if hops[job.hop]?.jobs == 0 { spareHops.append(job.hop) }
    }

    private mutating func place(of name: HopName) -> Int {
        if let place = hopPlaces[name] { return place }
        forgetSpareHops()
        let place: Int
        if let free = freeHops.popLast() {
            place = free
        } else {
            place = hops.count
            hops.append(nil)
        }
        hops[place] = Hop(name: name)
        hopPlaces[name] = place
        return place
    }

    private mutating func forgetSpareHops() {
        while spareHops.count > settings.spared, let place = spareHops.popFirst() {
            guard let hop = hops[place], hop.jobs == 0, !hop.isLookingUp else { continue }
            leaveSite(place)
            hopPlaces[hop.name] = nil
            hops[place] = nil
            freeHops.append(place)
        }
    }

    // MARK: Time

    /// When something is to be done next, unless something else happens before.
    var nextAlarm: Timestamp? { alarms.min?.time }

    private mutating func setAlarm(_ place: Int) {
        guard let job = jobs[place] else { return }
        var time = job.phase == .waiting ? job.due : job.expires
        if let notice = job.delayNotice { time = min(time, notice) }
        alarms.insert(Alarm(time: time, kind: .job(JobID(place: place, generation: job.generation))))
    }

    /// What is to be done now. Asked after every change, and when `nextAlarm` comes.
    mutating func actions(_ now: Timestamp) -> [Action] {
        var actions: [Action] = []
        while let alarm = alarms.min, alarm.time <= now {
            alarms.removeMin()
            switch alarm.kind {
            case .site(let place):
                leaveSiteWhereRoutesEnded(at: place, now)
                noteWanting(place)
            case .hop(let place): noteReady(place)
            case .job(let id): ring(id, now, &actions)
            }
        }
        route(now, &actions)
        connect(now, &actions)
        return actions
    }

    private mutating func ring(_ id: JobID, _ now: Timestamp, _ actions: inout [Action]) {
        guard var job = self[id], job.phase != .running else { return }
        // What is about to be tried may be there in a moment: it is told of when that has failed.
        let isAboutToGo = job.phase == .waiting ? now >= job.due : sleep(ofHop: job.hop, now) == nil
        let isLate = job.delayNotice.map { now >= $0 } ?? false
        if isLate, !isAboutToGo {
            delayTold(job.entry)
            job.delayNotice = nil
            actions.append(.tellDelay(job.entry))
        }
        switch job.phase {
        case .waiting:
            guard now >= job.due else { break }
            job.phase = .ready
            jobs[id.place] = job
            leaveSiteWhereRouteEnded(job.hop, now)
            hops[job.hop]?.ready.add(id, sender: job.sender, priority: job.priority)
            change(ready: 1, of: job.hop)
            noteReady(job.hop)
        case .ready:
            guard now >= job.expires else { break }
            // What is about to be tried is tried.
            guard let reason = sleep(ofHop: job.hop, now) else {
                return alarms.insert(Alarm(time: Timestamp(rawValue: now.rawValue + settings.retry.first), kind: .job(id)))
            }
            change(ready: -1, of: job.hop)
            start(id.place)
            return actions.append(.expire(id, reason: reason))
        case .running: return
        }
        // A job that is ready though its time is over was never tried, or has come from long ago: some time is left to it.
        if job.phase == .ready, now >= job.expires || (isLate && isAboutToGo) {
            alarms.insert(Alarm(time: Timestamp(rawValue: now.rawValue + settings.retry.first), kind: .job(id)))
        } else {
            setAlarm(id.place)
        }
    }

    // MARK: Ready jobs

    /// The next ready job of a hop, which is running from now on.
    mutating func takeReady(of hop: Int) -> JobID? {
        while let id = hops[hop]?.ready.take() {
            guard let job = self[id], job.phase == .ready else { continue }
            change(ready: -1, of: hop)
            start(id.place)
            return id
        }
        return nil
    }

    /// What was taken and cannot be tried now is ready again.
    mutating func putBack(_ id: JobID) {
        guard let job = self[id], job.phase == .running else { return }
        jobs[id.place]?.phase = .ready
        hops[job.hop]?.ready.add(id, sender: job.sender, priority: job.priority)
        change(ready: 1, of: job.hop)
        setAlarm(id.place)
        noteReady(job.hop)
    }

    private mutating func start(_ place: Int) { jobs[place]?.phase = .running }

    private mutating func change(ready: Int, of hop: Int) {
        hops[hop]?.readyCount += ready
        if case .site(let site) = hops[hop]?.route { sites[site.place]?.ready += ready }
    }
}
