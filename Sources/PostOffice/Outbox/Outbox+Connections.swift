import MailModel
import NIOCore
import Storage

extension Outbox {
    /// Servers that one job tries, one after the other.
    private static let mostServers = 8
    /// Octets of a message that are held until they are sent; a longer one is read in pieces.
    private static let mostAhead = 64 * 1024

    /// A connection's life, from the first message to the last.
    func serve(_ site: DeliverySchedule.SiteID) async {
        defer { schedule.disconnected(site) }
        guard let route = schedule[site], let job = schedule.take(site, isNew: true, now) else { return }
        if route.servers.isEmpty { return await deliverHere(job, site) }
        switch await connect(to: route, for: schedule.hop(of: job)?.policyDomain) {
        case .failure(let fault):
            if fault.isCrowded {
                schedule.putBack(job)
                schedule.siteCrowded(site, now)
                return
            }
            if !fault.isPermanent { schedule.siteFailed(site, fault.line, now) }
            await settle(job, fault, earliest: schedule.wakening(of: site, now))
        case .success(let (server, connection)):
            await use(connection, of: server, site, job)
            await connection.close()
            addresses.disconnected(server)
        }
    }

    private func use(_ connection: any CarrierConnection, of server: MailServer, _ site: DeliverySchedule.SiteID, _ first: DeliverySchedule.JobID) async {
        var next: DeliverySchedule.JobID? = first
        var messages = 0
        // That a message was taken is written down while the next one is on its way: of one at most. Of one that was not taken whole it comes first: what is left
        // of it may be the next.
        var settling: Task<Void, Never>?
        while true {
            while let job = next {
                if let (entry, places, text) = await entry(of: job, withText: Outbox.mostAhead) {
                    let report = await bring(entry, places, text, over: connection, site)
                    await settling?.value
                    let outcomes = Dictionary(zip(places, report.outcomes), uniquingKeysWith: { first, _ in first })
                    let taken = report.outcomes.count { if case .delivered = $0 { true } else { false } }
                    let asked = Asked(host: server.host, facts: connection.facts, hasTaken: messages > 0 || taken > 0)
                    if taken == report.outcomes.count {
                        settling = Task { await self.settle(job, entry, asked, outcomes) }
                    } else {
                        settling = nil
                        await settle(job, entry, asked, outcomes)
                    }
                    guard report.isUsable, !isStopping else {
                        await settling?.value
                        return
                    }
                }
                messages += 1
                guard !schedule.yields(site, messages: messages) else {
                    await settling?.value
                    return
                }
                next = schedule.take(site, isNew: false, now)
            }
            await settling?.value
            guard await idle(site) else { return }
            next = schedule.take(site, isNew: true, now)
        }
    }

    /// To the first of the servers that can be spoken to.
    /// - parameter domain: whose mail it is, for who counts.
    private func connect(to site: DeliverySchedule.Site, for domain: Domain?) async -> Result<(MailServer, any CarrierConnection), ConnectFault> {
        let candidates = addresses.servers(of: site.servers, most: settings.connectionsPerAddress, now)
        var faults: [ConnectFault] = []
        for server in candidates.prefix(Outbox.mostServers) {
            guard !Task.isCancelled else { break }
            addresses.connecting(server)
            switch await connect(to: server, for: domain) {
            case .success(let connection): return .success((server, connection))
            case .failure(let fault):
                addresses.disconnected(server)
                faults.append(fault)
            }
        }
        return .failure(faults.isEmpty ? .crowded : ConnectFault(faults + site.passedOver.map { ConnectFault($0) }))
    }

    private func connect(to server: MailServer, for domain: Domain?) async -> Result<any CarrierConnection, ConnectFault> {
        var server = server
        // What is tried after a failure is no other attempt.
        var isObserved = false
        if case .published(let requirement) = server.encryption, let failure = requirement.knownFailure {
            observe(server, failure, of: domain)
            isObserved = true
            server.encryption = .opportunistic
        }
        server = addresses.terms(server, now)
        while true {
            do {
                let connection = try await around.carrier.connect(to: server)
                addresses.reached(server)
                if !isObserved { observe(server, connection.facts, of: domain) }
                return .success(connection)
            } catch CarrierFault.tls(let failure) {
                if !isObserved { observe(server, failure, of: domain) }
                isObserved = true
                guard let fallback = server.encryption.fallback else {
                    around.log.notice(
                        "A server without the TLS that it has to have is passed over",
                        metadata: ["host": "\(server.host)", "address": "\(server.address)", "reason": "\(LogText.quoted(failure.reason, longest: 300))"])
                    return .failure(
                        ConnectFault(server, "TLS failed: \(failure.reason)", lacking: server.demandsRequireTLS ? .permanent(7, 10) : .transient(7, 5)))
                }
                if fallback == .never {
                    // And on a new connection.
                    around.log.notice("TLS failed, and is not tried for an hour", metadata: ["host": "\(server.host)", "reason": "\(failure.reason)"])
                    addresses.failedTLS(server, now)
                }
                server.encryption = fallback
            } catch CarrierFault.refused(let reply) {
                var fault = ConnectFault(server, "it turned us away", reply: reply)
                // In clear anybody on the way could have said that.
                if server.encryption.isDemandedAfterGreeting { fault.isPermanent = false }
                return .failure(fault)
            } catch CarrierFault.unreachable(let reason) {
                addresses.unreachable(server, now)
                return .failure(ConnectFault(server, reason))
            } catch CarrierFault.unprotected(let reason) {
                // RFC 8689 §4.2.1: "REQUIRETLS support required".
                return .failure(ConnectFault(server, reason, lacking: .permanent(7, 30)))
            } catch CarrierFault.unfit(let reason) {
                return .failure(ConnectFault(server, reason))
            } catch {
                return .failure(ConnectFault(server, "\(error)"))
            }
        }
    }

    /// Hands one message over.
    /// - parameter text: all of it; nil: it is read.
    private func bring(
        _ entry: QueueEntry, _ places: [Int], _ text: ByteBuffer?, over connection: any CarrierConnection, _ site: DeliverySchedule.SiteID
    ) async -> CarrierReport {
        let store = around.store
        let message = OutgoingMessage(
            reversePath: entry.draft.reversePath, recipients: places.map { entry.draft.recipients[$0] }, traits: entry.draft.traits,
            origin: entry.draft.origin, envelopeID: entry.draft.envelopeID,
            deliverBy: entry.draft.deliverBy.map {
                OutgoingMessage.DeliverBy(seconds: $0.time.rawValue - now.rawValue, isReturned: $0.isReturned, isTraced: $0.isTraced)
            }, priority: entry.draft.priority, size: entry.size, headSize: entry.draft.head?.octets.count ?? 0,
            read: { range in
                guard let text else { return try await store.read(range, of: entry.id) }
                let wanted = range.clamped(to: 0..<text.readableBytes)
                return text.getSlice(at: text.readerIndex + wanted.lowerBound, length: wanted.count) ?? ByteBuffer()
            })
        let report = await connection.send(message)
        if report.outcomes.contains(where: { if case .delivered = $0 { true } else { false } }) {
            around.metrics.sent.add()
            around.metrics.sentOctets.add(entry.size)
            schedule.siteSucceeded(site)
        } else if report.outcomes.contains(where: \.isComplaint) {
            schedule.siteRefused(site)
        }
        return report
    }

    /// What a job is for, as it is now: nil, and the job is over, where nothing of it is to be tried.
    func entry(of id: DeliverySchedule.JobID) async -> (entry: QueueEntry, places: [Int])? {
        await entry(of: id, withText: nil).map { ($0.entry, $0.places) }
    }

    /// - parameter most: a text of so many octets is read too.
    private func entry(of id: DeliverySchedule.JobID, withText most: Int?) async -> (entry: QueueEntry, places: [Int], text: ByteBuffer?)? {
        guard let job = schedule[id] else { return nil }
        do {
            let (entry, text) =
                if let most { try await around.store.queued(job.entry, withText: most) } else { (try await around.store.queued(job.entry), nil) }
            let places = job.recipients.filter { entry.progress.indices.contains($0) && entry.progress[$0].phase == .waiting }
            guard entry.hold == nil, !places.isEmpty else {
                schedule.finished(id)
                return nil
            }
            if let hold = try await reasonToHold(entry) {
                await self.hold(entry, hold)
                schedule.finished(id)
                return nil
            }
            return (entry, places, text)
        } catch StorageFault.noSuchMessage {
            // It was taken back.
            schedule.finished(id)
        } catch {
            schedule.finished(id)
            readLater(job.entry, error)
        }
        return nil
    }

    private func reasonToHold(_ entry: QueueEntry) async throws -> QueueHold? {
        guard let sender = entry.draft.sender else { return nil }
        guard let account = try await around.store.account(sender) else { return .senderRemoved }
        return account.enabled ? nil : .senderDisabled
    }
}

extension CarrierReport.Outcome {
    /// It wants less of us: 421, or a connection that broke off.
    fileprivate var isComplaint: Bool {
        switch self {
        case .refused(let reply, _): reply.code == 421
        case .interrupted: true
        case .delivered, .impossible, .untried: false
        }
    }
}
