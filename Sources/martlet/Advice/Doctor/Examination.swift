import ACME
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

    /// Those that mail is taken for.
    private struct Domains: Sendable {
        /// In ASCII.
        var usable: [Domain] = []
        /// Of which DNS cannot be asked.
        var others: [String] = []
    }

    /// What the server said, or the data folder without one.
    private struct HouseSight: Sendable {
        let isRunning: Bool
        let domains: Domains
        /// Of the certificates that the server shows; nil: it does not run.
        let certificates: [String]?
        /// Nil: an older server, which does not know of any.
        let signingKeys: [SigningKeyLine]?
        /// What a CA has issued, or will; nil: none issues any here.
        let issued: CertificateLine?
    }

    /// Domains that are asked for at the same time.
    private static let lanes = 8
    /// Of one question to DNS: then it counts as not answered.
    private static let dnsPatience = Duration.seconds(8)

    let configuration: Configuration
    let target: Target?
    let deadline: @Sendable () async -> Void

    /// Throws what keeps this machine's addresses from being seen.
    func report() async throws -> DoctorReport {
        // One clock for all.
        let end = Task { [deadline] in await deadline() }
        defer { end.cancel() }
        func made(_ checks: [DoctorCheck]) async -> [(check: String, findings: [Finding])] { await CheckRun.outcomes(checks) { await end.value } }

        var folder: FolderFacts
        do { folder = try MachineSurvey.folder(configuration) } catch {
            return DoctorReport([("data", [Finding(.checkFailed, configuration.data, FaultWords.of(error), fix: "look at the device")])])
        }
        var findings: [Finding] = []
        var house: HouseSight?
        if folder.folder.mode != nil {
            do { house = try await houseSight(before: end) } catch {
                findings.append(
                    Finding(.folderUnusable, configuration.data, FaultWords.of(error), fix: "mend that: nothing of the store is looked at before"))
            }
        }
        folder.isServed = house?.isRunning ?? false
        findings = Judge.folder(folder) + findings
        guard let house else {
            // What can be looked at without a store.
            return DoctorReport([("data", findings)] + (await made([hostCheck, clockCheck] + certificateChecks(await certificates(nil)))))
        }
        return DoctorReport([("data", findings)] + (await made(try await checks(house))))
    }

    /// A server that does not answer orders is not waited for longer than this.
    private static let orderPatience = Duration.seconds(15)

    private func houseSight(before end: Task<Void, Never>) async throws -> HouseSight {
        let (sights, writer) = AsyncStream.makeStream(of: Result<HouseSight, any Error>.self)
        let late = SightFault("the server that has it does not answer orders")
        let waits = [
            Task { _ = await writer.yield(Result.of { try await houseSight() }) },
            Task {
                // try?: cancelled: the answer is there.
                try? await Task.sleep(for: Examination.orderPatience)
                writer.yield(.failure(late))
            },
            Task {
                await end.value
                writer.yield(.failure(late))
            },
        ]
        defer { for wait in waits { wait.cancel() } }
        for await sight in sights { return try sight.get() }
        throw late
    }

    private func houseSight() async throws -> HouseSight {
        let client = ControlClient(path: configuration.data + "/control.sock")
        if let answer = try await client.ask(.listDomains) {
            // An older server does not know these orders.
            var (digests, keys): ([String]?, [SigningKeyLine]?)
            if case .certificates(let known)? = try await client.ask(.certificatesInUse) { digests = known }
            if case .signingKeys(let known)? = try await client.ask(.signing(order: .list(domain: nil))) { keys = known }
            var issued: CertificateLine?
            if configuration.issuing != nil, case .certificateLines(let lines)? = try await client.ask(.certificate(order: .list)) { issued = lines.first }
            return HouseSight(isRunning: true, domains: try Examination.domains(answer), certificates: digests, signingKeys: keys, issued: issued)
        }
        var (domains, keys, issued): (Domains, [SigningKeyLine]?, CertificateLine?) = (Domains(), nil, nil)
        try await Administrator(configuration).converse(.listDomains) { answer in
            switch answer {
            case .certificateLines(let lines):
                issued = lines.first
                return nil
            case .signingKeys(let known):
                keys = known
                return configuration.issuing == nil ? nil : .certificate(order: .list)
            default:
                domains = try Examination.domains(answer)
                return .signing(order: .list(domain: nil))
            }
        }
        return HouseSight(isRunning: false, domains: domains, certificates: nil, signingKeys: keys, issued: issued)
    }

    private static func domains(_ answer: OrderResult) throws -> Domains {
        switch answer {
        case .domains(let lines):
            return lines.reduce(into: Domains()) { domains, line in
                if let domain = Domain(line.name)?.asciiForm { domains.usable.append(domain) } else { domains.others.append(line.name) }
            }
        case .refused(let refused): throw CommandFault(code: refused.code, text: refused.text)
        default: throw SightFault("the server answered something else")
        }
    }

    private func checks(_ house: HouseSight) async throws -> [DoctorCheck] {
        let isIssued = configuration.issuing != nil
        let certificates = isIssued ? [] : await certificates(house.certificates)
        // What is shown to who asks for the server's name.
        let shown = certificates.first { $0.examination?.covers(hostName) == true } ?? certificates.first
        let examined = shown?.examination
        let key = isIssued ? house.issued.flatMap { MailSite.Key($0) } : examined.map { MailSite.Key($0, isOwn: shown?.facts.isOwn == true) }
        let machine = try Configuration.machineAddresses()
        let sites = house.domains.usable.map { domain in
            var site = configuration.site(of: domain, machine: machine, key: key)
            site.signingKeys = house.signingKeys?.filter { $0.domain == domain.value }
            return site
        }
        var checks = [
            DoctorCheck(name: "server") { [configuration] in Judge.server(isRunning: house.isRunning, data: configuration.data) },
            hostCheck, clockCheck, diskCheck, limitCheck(house), reportCheck(house.domains.usable),
        ]
        checks += isIssued ? [issuedCheck(house.issued), hookCheck] : certificateChecks(certificates)
        let dialler = Result { try StreamDialler(threads: Threads(count: 1)) }
        switch dialler {
        case .success(let dialler): checks += listenerChecks(dialler, house)
        case .failure(let fault): checks.append(DoctorCheck(name: "listeners") { throw fault })
        }
        checks += storeChecks(house)
        do {
            var setting = configuration.names.resolverSetting
            setting.patience = Examination.dnsPatience
            let resolver = try UnboundResolver(setting)
            let survey = NameSurvey(resolver: CachedResolver(resolver))
            let domains = domainFacts(survey, sites, examined)
            checks += nameChecks(resolver, survey, domains, house.domains.others)
            checks += policyChecks(survey, domains, machine)
            if case .success(let dialler) = dialler { checks.append(reachCheck(resolver, dialler)) }
        } catch {
            checks.append(DoctorCheck(name: "resolver") { throw error })
        }
        return checks + [DoctorCheck(name: "outside") { [configuration] in Judge.outside(configuration.hostname) }]
    }

    /// By which the server is reached, in ASCII.
    private var hostName: String { (configuration.hostname.asciiForm ?? configuration.hostname).value }

    /// - parameter digests: of those that the running server shows.
    private func certificates(_ digests: [String]?) async -> [MachineSurvey.Certificate] {
        await MachineSurvey.certificates(configuration, names: [hostName], now: SystemClock.now(), digests: digests)
    }

    private func certificateChecks(_ certificates: [MachineSurvey.Certificate]) -> [DoctorCheck] {
        certificates.enumerated().map { place, certificate in
            DoctorCheck(name: place == 0 ? "certificate" : "certificate \(certificate.facts.path)") { [facts = certificate.facts] in Judge.certificate(facts) }
        }
    }

    private var hookCheck: DoctorCheck {
        DoctorCheck(name: "acme.hook") { [configuration] in
            guard configuration.issuing?.challenge == .dns01, let path = configuration.issuing?.hook else { return [] }
            return Judge.hook(path, HookProgram(path: path).problem)
        }
    }

    private func reportCheck(_ domains: [Domain]) -> DoctorCheck {
        DoctorCheck(name: "reports") { [configuration] in
            guard configuration.reports.areSent, let sender = configuration.reportSender(configuration.domain ?? domains.first) else { return [] }
            return Judge.reports(ReportFacts(sender: sender, domains: domains))
        }
    }

    private func issuedCheck(_ line: CertificateLine?) -> DoctorCheck {
        DoctorCheck(name: "certificate") { [configuration] in
            Judge.issued(line, for: (configuration.hostname.asciiForm ?? configuration.hostname).value, now: SystemClock.now())
        }
    }

    private var hostCheck: DoctorCheck {
        DoctorCheck(name: "configuration") { [configuration] in Judge.hostname(configuration.hostname) + Judge.listeners(configuration.listeners) }
    }

    private var clockCheck: DoctorCheck { DoctorCheck(name: "clock") { Judge.clock(try MachineSurvey.clock()) } }

    private func limitCheck(_ house: HouseSight) -> DoctorCheck {
        DoctorCheck(name: "limits") { [configuration] in Judge.limits(try MachineSurvey.limits(configuration, isRunning: house.isRunning)) }
    }

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
                let facts = await PortSurvey(dialler: dialler)
                    .listener(listener, host: configuration.hostname, isRoots: configuration.machine.user != nil)
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
        let states = [QueueState.held, .deferred, .waiting].map { QueueSelection(state: $0.rawValue) }
        var pages: [QueuePage] = []
        try await Administrator(configuration).converse(.listQueue(selection: states[0], after: nil)) { answer in
            guard case .queue(let page) = answer else { throw SightFault("the server answered something else") }
            pages.append(page)
            return pages.count < states.count ? .listQueue(selection: states[pages.count], after: nil) : nil
        }
        // An entry comes into the queue behind all others, so that the first is the oldest.
        let oldest = pages.dropFirst().compactMap(\.lines.first).max { $0.age < $1.age }
        return QueueFacts(
            oldest: oldest?.age, said: oldest?.recipients.lazy.compactMap(\.reply).first, held: pages.first?.lines.count ?? 0,
            hasMoreHeld: pages.first?.next != nil, isSending: configuration.outbound.enabled)
    }

    /// In lanes, so that many domains do not keep each other's questions waiting until they count as not answered.
    private func domainFacts(_ survey: NameSurvey, _ sites: [MailSite], _ examined: CertificateExamination?) -> [(MailSite, Task<DomainFacts, Never>)] {
        let canProve = configuration.names.anchor != .none
        var lanes: [Task<DomainFacts, Never>?] = Array(repeating: nil, count: Examination.lanes)
        return sites.enumerated().map { place, site in
            let before = lanes[place % Examination.lanes]
            let facts = Task {
                _ = await before?.value
                return await survey.domain(site, canProve: canProve, certificate: examined)
            }
            lanes[place % Examination.lanes] = facts
            return (site, facts)
        }
    }

    private func nameChecks(
        _ resolver: UnboundResolver, _ survey: NameSurvey, _ domains: [(MailSite, Task<DomainFacts, Never>)], _ others: [String]
    )
        -> [DoctorCheck]
    {
        let anchor = configuration.names.anchor
        let sites = domains.map(\.0)
        var checks = [
            DoctorCheck(name: "resolver") { Judge.resolver(ResolverSight(await resolver.probe(), anchor)) },
            DoctorCheck(name: "domains") { Judge.domains(sites.count, others: others) },
        ]
        for (site, facts) in domains { checks.append(DoctorCheck(name: "domain \(site.domain)") { Judge.domain(await facts.value) }) }
        guard configuration.outbound.enabled else { return checks }
        // A name and its addresses once, however many domains have them.
        var seen: Set<[String]> = []
        for site in sites where site.smarthosts.isEmpty && seen.insert([site.senderName.value] + site.senderAddresses.map(\.description)).inserted {
            checks.append(DoctorCheck(name: "sender \(site.senderName)") { Judge.sender(await survey.sender(site.senderName, site.senderAddresses)) })
        }
        return checks
    }

    /// What is asked for by HTTPS as others do: policies for TLS, and the CA.
    private func policyChecks(_ survey: NameSurvey, _ domains: [(MailSite, Task<DomainFacts, Never>)], _ machine: Set<IPAddress>) -> [DoctorCheck] {
        var setting = HTTPSClient.Setting(.world)
        setting.families = configuration.outbound.families
        setting.sources = configuration.outbound.identity.sources
        let threads = Threads(count: 1)
        var checks = [
            DoctorCheck(name: "mta-sts") { [setting, configuration] in
                let fetcher = HTTPSClient(survey.resolver, try OutboundServices.dialler(configuration.outbound, threads), setting)
                let policies = PolicySurvey(names: survey, fetcher: fetcher, machine: machine)
                return try await policies.look(at: domains.map(\.1)).flatMap(Judge.policy)
            }
        ]
        if let issuing = configuration.issuing {
            checks.append(
                DoctorCheck(name: "acme") { [configuration] in
                    let session = ACMESession(
                        try AuthorityClient(issuing, configuration.outbound, survey.resolver, threads), directory: issuing.setting.directory,
                        clock: SystemClock.now)
                    do { try await session.reach() } catch let fault as ACMEFault { return Judge.authority(issuing.setting.directory, fault) }
                    return []
                })
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

extension Result where Failure == any Error {
    /// What `work` returns or throws.
    fileprivate static func of(_ work: () async throws -> Success) async -> Result {
        do { return .success(try await work()) } catch { return .failure(error) }
    }
}
