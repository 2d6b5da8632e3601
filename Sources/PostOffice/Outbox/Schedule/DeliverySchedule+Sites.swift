import DequeModule
import MailModel

extension DeliverySchedule {
    struct Hop: Sendable {
        enum Route: Sendable {
            case unknown
            case lookingUp
            case site(SiteID)
            case failed(MailRouteFault)
        }

        let name: HopName
        var route = Route.unknown
        /// When a route is asked for anew.
        var routeEnds = Timestamp(rawValue: 0)
        /// Lookups that failed in a row.
        var failures = 0
        /// Those among them that are still ready are `readyCount`.
        var ready = ReadyJobs()
        var readyCount = 0
        /// All of its jobs.
        var jobs = 0

        var isLookingUp: Bool { if case .lookingUp = route { true } else { false } }
    }

    struct Site: Sendable {
        /// Equal for all hops with the same servers.
        let key: SiteName
        var servers: [MailServer]
        /// Those that would have been asked too.
        var passedOver: [PassedServer]
        /// Hops with ready jobs, in turn; some may have none any more.
        fileprivate var turns = TurnRing<Int>()
        /// Hops whose route it is.
        fileprivate var hops = 0
        var ready = 0
        /// Open, or being opened.
        fileprivate(set) var connections = 0
        /// Of those, the ones that have no job.
        fileprivate(set) var idle = 0
        /// Of those, the ones that were told to take one and have not yet.
        fileprivate(set) var opening = 0
        fileprivate(set) var limit: Double
        /// Nothing is tried before.
        var asleepUntil = Timestamp(rawValue: 0)
        /// Why it sleeps.
        fileprivate(set) var reason = ""
        /// Times in a row that it could not be reached.
        fileprivate(set) var failures = 0

        fileprivate var isUsed: Bool { hops > 0 || connections > 0 }

        init(_ route: DeliveryRoute, limit: Double) {
            key = route.site
            servers = route.servers
            passedOver = route.passedOver
            self.limit = limit
        }
    }

    subscript(_ id: SiteID) -> Site? { sites[id.place] }

    /// Why mail for a hop waits for its servers or its name, if it does.
    func sleep(ofHop place: Int, _ now: Timestamp) -> String? {
        switch hops[place]?.route {
        case .site(let id): sites[id.place].flatMap { now < $0.asleepUntil ? $0.reason : nil }
        case .failed(let fault): now < (hops[place]?.routeEnds ?? now) ? fault.description : nil
        case .unknown, .lookingUp, nil: nil
        }
    }

    // MARK: Routes

    /// Where hops with ready jobs have no way, it is asked for.
    mutating func route(_ now: Timestamp, _ actions: inout [Action]) {
        while lookups < settings.lookups, let place = unrouted.take() {
            guard let hop = hops[place], hop.readyCount > 0 else { continue }
            switch hop.route {
            case .lookingUp: continue
            case .site where now < hop.routeEnds: noteReady(place)
            case .failed(let fault) where now < hop.routeEnds:
                // What comes shares an answer that says no; what is not known yet is waited for.
                guard fault.isPermanent else { continue }
                while let job = takeReady(of: place) { actions.append(.reject(job, fault)) }
            case .unknown, .site, .failed:
                leaveSite(place)
                hops[place]?.route = .lookingUp
                lookups += 1
                actions.append(.lookUp(hop.name))
            }
        }
    }

    /// The answer to `lookUp`. `ends`: until when it holds.
    mutating func resolved(_ name: HopName, _ result: Result<DeliveryRoute, MailRouteFault>, ends: Timestamp, _ now: Timestamp) -> [Action] {
        guard let place = hopPlaces[name], hops[place]?.isLookingUp == true else { return [] }
        lookups -= 1
        switch result {
        case .success(let route):
            let site = placeOfSite(route)
            hops[place]?.route = .site(SiteID(place: site))
            hops[place]?.routeEnds = ends
            hops[place]?.failures = 0
            sites[site]?.hops += 1
            sites[site]?.ready += hops[place]?.readyCount ?? 0
            noteReady(place)
            return []
        case .failure(let fault):
            hops[place]?.route = .failed(fault)
            guard !fault.isPermanent else {
                hops[place]?.routeEnds = ends
                noteReady(place)
                return []
            }
            hops[place]?.failures += 1
            let until = wakening(after: hops[place]?.failures ?? 1, now)
            hops[place]?.routeEnds = until
            alarms.insert(Alarm(time: until, kind: .hop(place)))
            // One of them says what all of them wait for.
            return takeReady(of: place).map { [.reject($0, fault)] } ?? []
        }
    }

    private mutating func placeOfSite(_ route: DeliveryRoute) -> Int {
        if let known = sitePlaces[route.site] {
            sites[known]?.servers = route.servers
            sites[known]?.passedOver = route.passedOver
            return known
        }
        let place: Int
        if let free = freeSites.popLast() {
            place = free
        } else {
            place = sites.count
            sites.append(nil)
        }
        sites[place] = Site(route, limit: Double(max(1, min(settings.firstConnections, settings.connectionsPerSite))))
        sitePlaces[route.site] = place
        return place
    }

    /// What was found out long ago is asked again, before the site is.
    mutating func leaveSiteWhereRouteEnded(_ place: Int, _ now: Timestamp) {
        guard let hop = hops[place], case .site = hop.route, now >= hop.routeEnds else { return }
        leaveSite(place)
    }

    /// The same for all whose turn it is at the site.
    mutating func leaveSiteWhereRoutesEnded(at site: Int, _ now: Timestamp) {
        for place in sites[site]?.turns.members ?? [] where hops[place].map({ now >= $0.routeEnds }) ?? false {
            leaveSite(place)
            unrouted.add(place)
        }
    }

    mutating func leaveSite(_ place: Int) {
        guard let hop = hops[place], case .site(let id) = hop.route else { return }
        hops[place]?.route = .unknown
        sites[id.place]?.ready -= hop.readyCount
        sites[id.place]?.turns.remove(place)
        sites[id.place]?.hops -= 1
        spareIfUnused(id.place)
    }

    /// A site that nobody uses is remembered for a while: that it sleeps, and how many connections it took.
    private mutating func spareIfUnused(_ place: Int) {
        guard sites[place]?.isUsed == false else { return }
        spareSites.append(place)
        while spareSites.count > settings.spared, let place = spareSites.popFirst() {
            guard let site = sites[place], !site.isUsed else { continue }
            sitePlaces[site.key] = nil
            sites[place] = nil
            freeSites.append(place)
        }
    }

    mutating func noteReady(_ place: Int) {
        guard let hop = hops[place], hop.readyCount > 0 else { return }
        guard case .site(let site) = hop.route else { return unrouted.add(place) }
        sites[site.place]?.turns.add(place)
        noteWanting(site.place)
    }

    mutating func noteWanting(_ place: Int) {
        guard let site = sites[place], site.ready > site.opening else { return }
        if site.idle > 0 { waking.add(place) } else if site.connections == 0 { starving.add(place) } else { wanting.add(place) }
    }

    private func wakening(after failures: Int, _ now: Timestamp) -> Timestamp {
        Timestamp(rawValue: now.rawValue + min(settings.retry.wait(after: failures, chance: chance()), settings.longestSleep))
    }

    // MARK: Connections

    /// Idle connections are woken first; new ones come as there is room for them.
    mutating func connect(_ now: Timestamp, _ actions: inout [Action]) {
        while let place = waking.take() {
            guard let site = sites[place], site.idle > 0, now >= site.asleepUntil, site.ready > site.opening else { continue }
            sites[place]?.idle -= 1
            sites[place]?.opening += 1
            actions.append(.wake(SiteID(place: place)))
            noteWanting(place)
        }
        while connections < settings.connections, let place = starving.take() ?? wanting.take() {
            guard let site = sites[place], now >= site.asleepUntil, site.ready > site.opening, site.connections < max(1, Int(site.limit)) else { continue }
            sites[place]?.connections += 1
            sites[place]?.opening += 1
            connections += 1
            actions.append(.connect(SiteID(place: place)))
            noteWanting(place)
        }
        guard connections >= settings.connections else { return }
        // Whoever has nothing to do makes room.
        while closing < starving.count + wanting.count, let place = idling.take() {
            guard let site = sites[place], site.idle > 0 else { continue }
            sites[place]?.idle -= 1
            closing += 1
            actions.append(.release(SiteID(place: place)))
            if site.idle > 1 { idling.add(place) }
        }
    }

    /// Whether a connection is to end now, though there are jobs for it: all places are taken, a site has none, and this one has another or has had its turn.
    mutating func yields(_ id: SiteID, messages: Int) -> Bool {
        guard connections >= settings.connections, closing < starving.count, let site = sites[id.place] else { return false }
        guard site.connections > 1 || messages >= settings.messagesInTurn else { return false }
        closing += 1
        return true
    }

    /// The next job for a connection of the site, which is running from now on; nil: there is none. `isNew`: the first since `connect` or `wake`.
    mutating func take(_ id: SiteID, isNew: Bool, _ now: Timestamp) -> JobID? {
        if isNew { sites[id.place]?.opening -= 1 }
        guard let site = sites[id.place], now >= site.asleepUntil else { return nil }
        while let hop = sites[id.place]?.turns.take() {
            guard let job = takeReady(of: hop) else { continue }
            if let left = hops[hop]?.readyCount, left > 0 {
                if now >= (hops[hop]?.routeEnds ?? now) {
                    // Its servers may be others by now: the rest asks again.
                    leaveSite(hop)
                    unrouted.add(hop)
                } else {
                    sites[id.place]?.turns.add(hop)
                }
            }
            return job
        }
        return nil
    }

    /// A connection has nothing to do, and stays.
    mutating func becameIdle(_ id: SiteID) {
        sites[id.place]?.idle += 1
        idling.add(id.place)
        noteWanting(id.place)
    }

    /// An idle connection has waited long enough.
    mutating func leftIdle(_ id: SiteID) { sites[id.place]?.idle -= 1 }

    /// A connection that is not idle is closed, or was not to be had.
    mutating func disconnected(_ id: SiteID) {
        sites[id.place]?.connections -= 1
        connections -= 1
        closing = max(0, closing - 1)
        noteWanting(id.place)
        spareIfUnused(id.place)
    }

    /// None of its servers could be reached, or all of them turned us away: it is left alone for a while. Several connections that fail together are one failure.
    mutating func siteFailed(_ id: SiteID, _ reason: String, _ now: Timestamp) {
        guard let site = sites[id.place], now >= site.asleepUntil else { return }
        let until = wakening(after: site.failures + 1, now)
        sites[id.place]?.failures += 1
        sites[id.place]?.limit = 1
        sites[id.place]?.reason = reason
        sites[id.place]?.asleepUntil = until
        alarms.insert(Alarm(time: until, kind: .site(id.place)))
    }

    /// It took a message: it may have more at once, the slower the more there are.
    mutating func siteSucceeded(_ id: SiteID) {
        guard let site = sites[id.place] else { return }
        sites[id.place]?.failures = 0
        sites[id.place]?.limit = min(site.limit + 1 / site.limit, Double(max(1, settings.connectionsPerSite)))
        noteWanting(id.place)
    }

    /// It wants less of us: it said so, or cut a connection.
    mutating func siteRefused(_ id: SiteID) {
        guard let site = sites[id.place] else { return }
        sites[id.place]?.limit = max(1, site.limit / 2)
    }

    /// Its addresses have as many connections as they may. What it has itself goes on; where others opened them, it waits for a moment.
    mutating func siteCrowded(_ id: SiteID, _ now: Timestamp) {
        if let site = sites[id.place], site.connections > 1 {
            sites[id.place]?.limit = Double(site.connections - 1)
            return
        }
        let until = Timestamp(rawValue: now.rawValue + 1)
        sites[id.place]?.asleepUntil = until
        sites[id.place]?.reason = "its servers have as many connections as they may"
        alarms.insert(Alarm(time: until, kind: .site(id.place)))
    }

    /// When what was tried in vain at the site may be tried again at the earliest.
    func wakening(of id: SiteID, _ now: Timestamp) -> Timestamp { max(now, sites[id.place]?.asleepUntil ?? now) }
}
