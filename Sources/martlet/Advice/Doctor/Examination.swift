import Conversation
import MailModel
import PostOffice
import Threading
import Transport

/// All that the doctor looks at: it gathers facts, and has them judged.
struct Examination: Sendable {
    /// A server elsewhere whose port is tried.
    struct Target: Sendable {
        enum Place: Sendable {
            case host(Domain)
            case address(IPAddress)
        }

        let place: Place
        let port: Int

        var text: String {
            let name =
                switch place {
                case .host(let host): host.value
                case .address(let address): address.description
                }
            return "\(name) port \(port)"
        }
    }

    /// What the server said, or the data folder without one.
    private struct HouseSight: Sendable {
        let isRunning: Bool
        let domains: [Domain]
    }

    /// Of one question to DNS: then it counts as not answered.
    private static let dnsPatience = Duration.seconds(8)

    let configuration: Configuration
    let target: Target?
    let deadline: @Sendable () async -> Void

    /// Throws what keeps anything from being seen: libraries that cannot be had.
    func report() async throws -> DoctorReport {
        let folder: FolderFacts
        do { folder = try MachineSurvey.folder(configuration.data) } catch {
            return DoctorReport([("data", [Finding(.checkFailed, configuration.data, "\(error)", fix: "look at the device")])])
        }
        let folderFindings = Judge.folder(folder)
        guard folder.folder.mode != nil else { return DoctorReport([("data", folderFindings)] + (try await apart())) }
        let house: HouseSight
        do { house = try await houseSight() } catch {
            let finding = Finding(.folderUnusable, configuration.data, Examination.words(error), fix: "mend that: nothing of the store is looked at before")
            return DoctorReport([("data", folderFindings + [finding])] + (try await apart()))
        }
        let outcomes = try await make(await checks(house))
        return DoctorReport([("data", folderFindings)] + outcomes)
    }

    /// What can be looked at without a store.
    private func apart() async throws -> [(check: String, findings: [Finding])] {
        try await make([hostCheck, clockCheck, certificateCheck(await certificate().0)])
    }

    private func make(_ checks: [DoctorCheck]) async throws -> [(check: String, findings: [Finding])] {
        await CheckRun.outcomes(checks, deadline: deadline)
    }

    private func houseSight() async throws -> HouseSight {
        if let answer = try await ControlClient(path: configuration.data + "/control.sock").ask(.listDomains) {
            return HouseSight(isRunning: true, domains: try Examination.domains(answer))
        }
        return HouseSight(isRunning: false, domains: try Examination.domains(try await Administrator(configuration).give(.listDomains)))
    }

    private static func domains(_ answer: OrderResult) throws -> [Domain] {
        switch answer {
        case .domains(let names): return names.compactMap { Domain($0)?.asciiForm }
        case .refused(let refused): throw CommandFault(code: refused.code, text: refused.text)
        default: throw SightFault("the server answered something else")
        }
    }

    private func checks(_ house: HouseSight) async throws -> [DoctorCheck] {
        let threads = Threads(count: 1)
        let dialler = try StreamDialler(threads: threads)
        var setting = configuration.names.resolverSetting
        setting.patience = Examination.dnsPatience
        let resolver = try UnboundResolver(setting)
        let (certificate, examined) = await certificate()
        let key = examined.map { MailSite.Key($0, isOwn: certificate.isOwn) }
        let machine = try Configuration.machineAddresses()
        let sites = house.domains.map { configuration.site(of: $0, machine: machine, key: key) }
        return [
            DoctorCheck(name: "server") { [configuration] in Judge.server(isRunning: house.isRunning, data: configuration.data) },
            hostCheck, certificateCheck(certificate), clockCheck, diskCheck, limitCheck,
        ] + listenerChecks(dialler, house) + storeChecks(house) + nameChecks(resolver, sites, examined) + [reachCheck(resolver, dialler)]
            + [DoctorCheck(name: "outside") { [configuration] in Judge.outside(configuration.hostname) }]
    }

    private func certificate() async -> (CertificateFacts, CertificateExamination?) {
        await MachineSurvey.certificate(configuration, names: [(configuration.hostname.asciiForm ?? configuration.hostname).value], now: SystemClock.now())
    }

    private func certificateCheck(_ facts: CertificateFacts) -> DoctorCheck { DoctorCheck(name: "certificate") { Judge.certificate(facts) } }

    private var hostCheck: DoctorCheck {
        DoctorCheck(name: "configuration") { [configuration] in Judge.hostname(configuration.hostname) + Judge.listeners(configuration.listeners) }
    }

    private var clockCheck: DoctorCheck { DoctorCheck(name: "clock") { Judge.clock(try MachineSurvey.clock()) } }

    private var limitCheck: DoctorCheck { DoctorCheck(name: "limits") { [configuration] in Judge.limits(try MachineSurvey.limits(configuration)) } }

    private var diskCheck: DoctorCheck {
        DoctorCheck(name: "disk") { [configuration] in
            Judge.disk(
                try await Examination.onThread { try MachineSurvey.disk(configuration.data, floor: Int64(configuration.limits.freeFloor)) })
        }
    }

    private func listenerChecks(_ dialler: any Dialler, _ house: HouseSight) -> [DoctorCheck] {
        configuration.listeners.map { listener in
            DoctorCheck(name: "\(house.isRunning ? "listener" : "free port") \(listener.service.rawValue) \(listener.address) \(listener.port)") {
                [configuration] in
                let facts = await PortSurvey(dialler: dialler).listener(listener, host: configuration.hostname)
                return Judge.listener(facts, host: configuration.hostname, isRunning: house.isRunning)
            }
        }
    }

    /// One after the other: without a server each of them has the store to itself.
    private func storeChecks(_ house: HouseSight) -> [DoctorCheck] {
        let queue = Task { try await queueFacts() }
        return [
            DoctorCheck(name: "queue") { Judge.queue(try await queue.value) },
            DoctorCheck(name: "store", unfinished: .storeUnseen) { [configuration] in
                if !house.isRunning { _ = await queue.result }
                guard case .report(let report) = try await Administrator(configuration).give(.checkStore) else {
                    throw SightFault("the server answered something else")
                }
                return Judge.store(StoreFacts(problems: report.problems))
            },
        ]
    }

    private func queueFacts() async throws -> QueueFacts {
        var pages: [QueuePage] = []
        try await Administrator(configuration).converse(.listQueue(selection: QueueSelection(state: QueueState.held.rawValue), after: nil)) { answer in
            guard case .queue(let page) = answer else { throw SightFault("the server answered something else") }
            pages.append(page)
            return pages.count == 1 ? .listQueue(selection: QueueSelection(state: QueueState.deferred.rawValue), after: nil) : nil
        }
        // An entry comes into the queue behind all others, so that the first is the oldest.
        let oldest = pages.last?.lines.first
        return QueueFacts(
            oldest: oldest?.age, said: oldest?.recipients.lazy.compactMap(\.reply).first, held: pages.first?.lines.count ?? 0,
            hasMoreHeld: pages.first?.next != nil, isSending: configuration.outbound.enabled)
    }

    private func nameChecks(_ resolver: UnboundResolver, _ sites: [MailSite], _ examined: CertificateExamination?) -> [DoctorCheck] {
        let survey = NameSurvey(resolver: CachedResolver(resolver))
        let anchor = configuration.names.anchor
        var checks = [
            DoctorCheck(name: "resolver") { Judge.resolver(ResolverSight(await resolver.probe(), anchor)) },
            DoctorCheck(name: "domains") { Judge.domains(sites.count) },
        ]
        checks += sites.map { site in
            DoctorCheck(name: "domain \(site.domain)") {
                Judge.domain(await survey.domain(site, canProve: anchor != .none, certificate: examined))
            }
        }
        guard configuration.outbound.enabled else { return checks }
        // A name and its addresses once, however many domains have them.
        var seen: Set<[String]> = []
        for site in sites where site.smarthosts.isEmpty && seen.insert([site.senderName.value] + site.senderAddresses.map(\.description)).inserted {
            checks.append(DoctorCheck(name: "sender \(site.senderName)") { Judge.sender(await survey.sender(site.senderName, site.senderAddresses)) })
        }
        return checks
    }

    private func reachCheck(_ resolver: UnboundResolver, _ dialler: any Dialler) -> DoctorCheck {
        DoctorCheck(name: "port 25") { [configuration, target] in
            guard let target else { return configuration.outbound.enabled ? Judge.reach(nil) : [] }
            var addresses: [IPAddress] = []
            switch target.place {
            case .address(let address): addresses = [address]
            case .host(let host):
                for family in configuration.outbound.families { addresses += try await resolver.addresses(of: host, family).records }
            }
            return Judge.reach(
                await PortSurvey(dialler: dialler).reach(target.text, addresses, port: target.port, sources: configuration.outbound.identity.sources))
        }
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case let fault as CommandFault: fault.text
        default: "\(error)"
        }
    }

    private static func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Value, any Error>) in
            do throws(BlockingThread.Fault) {
                try BlockingThread.start("martlet-disk") { waiter.resume(with: Result { try work() }) }
            } catch {
                waiter.resume(throwing: SystemFault(error))
            }
        }
    }
}
