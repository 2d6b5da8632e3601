import MailModel
import Storage

/// Who was asked.
struct Asked: Sendable {
    let host: String
    let facts: CarrierFacts
    /// On this connection it has taken a message before, or this one for some of its recipients.
    let hasTaken: Bool
}

/// What became of one recipient's try.
struct Outcome: Sendable {
    enum Verdict: Hashable, Sendable {
        /// `isTold`: another server tells the sender, if anybody does.
        case delivered(isTold: Bool)
        case failed
        case again
        /// It does not count: at once again.
        case untried
    }

    let verdict: Verdict
    var host: String?
    var address: String?
    var tls: String?
    var reply: RemoteReply?
    var reason: String?
    var status: EnhancedStatus?

    var isDelivered: Bool { if case .delivered = verdict { true } else { false } }
}

extension Outbox {
    /// A server has answered, for each of these places of the recipient.
    /// - parameter entry: as it was before the try.
    func settle(_ job: DeliverySchedule.JobID, _ entry: QueueEntry, _ asked: Asked, _ outcomes: [Int: CarrierReport.Outcome]) async {
        let outcomes = outcomes.mapValues { Outcome($0, asked) }
        // Where all of its recipients have it, nothing that was done to the entry meanwhile makes a difference, and it need not be read anew.
        let isOver = entry.progress.indices.allSatisfy { if case .delivered = outcomes[$0]?.verdict { true } else { false } }
        await settle(job, entry.id, outcomes, known: isOver ? entry : nil)
    }

    /// None of the servers could be asked.
    func settle(_ job: DeliverySchedule.JobID, _ fault: ConnectFault, earliest: Timestamp) async {
        guard let (entry, places) = await entry(of: job) else { return }
        let outcome = Outcome(
            verdict: fault.isPermanent ? .failed : .again, host: fault.host, address: fault.address, reply: fault.reply,
            reason: fault.reply == nil ? fault.words : nil, status: fault.status)
        await settle(job, entry.id, Dictionary(uniqueKeysWithValues: places.map { ($0, outcome) }), earliest: earliest)
    }

    /// Its next hop has no servers, or nobody knows them.
    func reject(_ job: DeliverySchedule.JobID, _ fault: MailRouteFault) async {
        guard let (entry, places) = await entry(of: job) else { return }
        let outcome = Outcome(verdict: fault.isPermanent ? .failed : .again, reason: fault.description, status: fault.status)
        await settle(job, entry.id, Dictionary(uniqueKeysWithValues: places.map { ($0, outcome) }))
    }

    /// Its time is over, and its servers are not to be reached.
    func expire(_ job: DeliverySchedule.JobID, _ reason: String) async {
        guard let (entry, places) = await entry(of: job) else { return }
        let outcome = Outcome(verdict: .failed, reason: reason, status: .transient(4, 7))
        await settle(job, entry.id, Dictionary(uniqueKeysWithValues: places.map { ($0, outcome) }))
    }

    // MARK: Writing it down

    /// Makes it durable, with the report that it brings about, and schedules what is left to do. Until the store can, nothing goes on with these recipients.
    /// - parameter known: the entry; nil: it is read.
    /// - parameter filing: what is placed in the same commit.
    func settle(
        _ job: DeliverySchedule.JobID, _ id: QueueID, _ outcomes: [Int: Outcome], known: QueueEntry? = nil, earliest: Timestamp? = nil,
        filing: (() async throws -> [QueueUpdate.Notice])? = nil
    ) async {
        await changing(id) {
            var (outcomes, filing) = (outcomes, filing)
            // What waits until there is room for the report that it brings about.
            var behind: [Int: Outcome] = [:]
            while true {
                do {
                    let entry = if let known { known } else { try await around.store.queued(id) }
                    var (update, left) = try await update(entry, outcomes, job, earliest: earliest)
                    let isReported = !update.notices.isEmpty
                    if let made = filing {
                        do { update.notices += try await made() } catch  where error as? StorageFault != .overQuota && !(error is CancellationError) {
                            // What cannot be read, or looked up, is tried again like what cannot be sent, and ends like it.
                            around.log.error("A message could not be placed here: \(error)", metadata: ["queue": "\(id)"])
                            outcomes = outcomes.mapValues { $0.isDelivered && $0.host == nil ? Outcome(putOff: error) : $0 }
                            filing = nil
                            continue
                        }
                    }
                    let queued = try await around.store.update(update).flatMap(\.queued)
                    if !behind.isEmpty {
                        note(entry, outcomes, update, isReported: isReported)
                        await self.queued(queued)
                        (outcomes, behind) = (behind, [:])
                        continue
                    }
                    schedule.finished(job)
                    note(entry, outcomes, update, isReported: isReported)
                    if let lists = around.lists, update.recipients.values.contains(where: { $0.phase == .delivered }) {
                        await lists.took(entry.draft.reversePath)
                    }
                    if !left.isEmpty { await replan(entry, left.keys.sorted(), entry.progress.merging(update.recipients)) }
                    await self.queued(queued)
                    return
                } catch StorageFault.noSuchMessage {
                    around.log.notice("A message was taken back while it was under way", metadata: ["queue": "\(id)"])
                    return schedule.finished(job)
                } catch StorageFault.overQuota where filing != nil {
                    // A mailbox is full since it was looked at.
                    for (place, outcome) in outcomes where outcome.verdict == .delivered(isTold: false) && outcome.host == nil {
                        outcomes[place] = Outcome(putOff: StorageFault.overQuota)
                    }
                    filing = nil
                } catch StorageFault.full where filing == nil && outcomes.contains(where: \.value.isDelivered) && !outcomes.allSatisfy(\.value.isDelivered) {
                    // There is no room for a report. That others have the message is written down all the same, so that they do not get it again.
                    behind = outcomes.filter { !$0.value.isDelivered }
                    outcomes = outcomes.filter(\.value.isDelivered)
                } catch {
                    around.log.error("What became of a message could not be written down: \(error)", metadata: ["queue": "\(id)"])
                    guard !isStopping, !Task.isCancelled else { return schedule.finished(job) }
                    await around.wait(Timestamp(rawValue: now.rawValue + 10))
                }
            }
        }
    }

    private func replan(_ entry: QueueEntry, _ places: [Int], _ progress: [RecipientProgress]) async {
        do { plan(entry, places, progress, try await around.routing.table()) } catch { readLater(entry.id, error) }
    }

    /// The change that the outcomes are, and what is to be tried again.
    private func update(
        _ entry: QueueEntry, _ outcomes: [Int: Outcome], _ job: DeliverySchedule.JobID?, earliest: Timestamp?, reportsNow: Bool = false
    ) async throws -> (QueueUpdate, left: [Int: RecipientProgress]) {
        let now = now
        var update = QueueUpdate(entry.id)
        var left: [Int: RecipientProgress] = [:]
        for (place, outcome) in outcomes where entry.progress.indices.contains(place) && entry.progress[place].phase == .waiting {
            let progress = progress(after: outcome, entry.progress[place], entry.draft, now, earliest: earliest)
            update.recipients[place] = progress
            if progress.phase == .waiting { left[place] = progress }
        }
        let all = entry.progress.merging(update.recipients)
        let untold = all.indices.filter { place in
            let progress = all[place]
            return progress.phase != .waiting && !progress.isTold
                && around.reporting.action(on: entry.draft.recipients[place], progress, in: entry.draft) != nil
        }
        guard !untold.isEmpty else { return (update, left) }
        let isLast = all.allSatisfy { $0.phase != .waiting }
        guard isLast || reportsNow || !schedule.isMoving(entry.id, except: job, now) else {
            reportLater(entry.id)
            return (update, left)
        }
        update.notices = try await around.reporting.notices(on: entry, Dictionary(uniqueKeysWithValues: untold.map { ($0, all[$0]) }))
        for place in untold {
            var progress = all[place]
            progress.isTold = true
            update.recipients[place] = progress
        }
        reportIsMade(entry.id)
        return (update, left)
    }

    private func progress(
        after outcome: Outcome, _ before: RecipientProgress, _ draft: QueueDraft, _ now: Timestamp, earliest: Timestamp?
    ) -> RecipientProgress {
        var after = before
        if case .untried = outcome.verdict {
            after.due = now
            return after
        }
        after.attempts += 1
        after.last = RecipientProgress.Attempt(
            at: now, host: outcome.host, address: outcome.address, reply: outcome.reply, reason: outcome.reason, status: outcome.status)
        switch outcome.verdict {
        case .delivered(let isTold):
            after.phase = .delivered
            // RFC 2852 §4: with a trace its sender is told, whatever the next server promises.
            after.isTold = isTold && draft.deliverBy?.isTraced != true
        case .failed:
            after.phase = .failed
            after.isTold = false
        case .again, .untried:
            let expiry = expiry(of: draft)
            // Its time is over; what was tried in vain now was the last try.
            guard now < expiry else {
                after.phase = .failed
                after.isTold = false
                return after
            }
            let wait = settings.retry.wait(after: after.attempts, chance: around.chance())
            after.due = min(max(Timestamp(rawValue: now.rawValue + wait), earliest ?? now), expiry)
            // That a list's owner has let it go stays known.
            if before.last?.status == ListMaster.moderated, before.last?.host == nil { after.last?.status = ListMaster.moderated }
        }
        return after
    }

    /// Reports what has waited for its like long enough.
    func report(_ id: QueueID) async {
        let isDone = await change(id) { entry in try await self.update(entry, [:], nil, earliest: nil, reportsNow: true).0 }
        if !isDone { reportLater(id) }
    }

    /// Tells the sender that it takes long.
    func tellDelay(_ id: QueueID) async {
        await change(id) { entry in
            // Those too that nobody has tried, as their servers were known to be out of reach.
            let late = entry.progress.enumerated().filter { _, progress in progress.phase == .waiting && !progress.isTold }
            var update = QueueUpdate(id)
            update.notices = try await self.around.reporting.notices(
                on: entry, Dictionary(uniqueKeysWithValues: late.map { ($0.offset, $0.element) }), retryUntil: self.expiry(of: entry.draft))
            for (place, progress) in late {
                var progress = progress
                progress.isTold = true
                update.recipients[place] = progress
            }
            return update
        }
    }

    func hold(_ entry: QueueEntry, _ hold: QueueHold) async {
        await change(entry.id) { entry in
            var update = QueueUpdate(entry.id)
            update.hold = .hold(hold)
            return update
        }
        schedule.forget(entry.id)
        around.log.notice("A message of the queue is held: its sender is disabled or removed", metadata: ["queue": "\(entry.id)"])
        around.trace(TraceEvent(.held, of: entry.draft.transaction, at: now, ["reason": "\(hold)"]))
    }

    /// False: the store could not, and the entry is looked at again in a while.
    @discardableResult
    func change(_ id: QueueID, _ make: (QueueEntry) async throws -> QueueUpdate) async -> Bool {
        await changing(id) {
            do {
                let entry = try await around.store.queued(id)
                let update = try await make(entry)
                guard !update.recipients.isEmpty || update.hold != .keep else { return true }
                await queued(try await around.store.update(update).flatMap(\.queued))
                guard !update.notices.isEmpty else { return true }
                around.metrics.reports.add()
                around.trace(TraceEvent(.notified, of: entry.draft.transaction, at: now))
                return true
            } catch StorageFault.noSuchMessage {
                return true
            } catch {
                around.log.error("A message of the queue could not be changed: \(error)", metadata: ["queue": "\(id)"])
                readLater(id, error)
                return false
            }
        }
    }

    // MARK: Saying it

    private func note(_ entry: QueueEntry, _ outcomes: [Int: Outcome], _ update: QueueUpdate, isReported: Bool) {
        for (place, outcome) in outcomes.sorted(by: { $0.key < $1.key }) {
            guard let progress = update.recipients[place], outcome.verdict != .untried else { continue }
            let recipient = entry.draft.recipients[place].path
            var fields = ["recipient": recipient.bare, "attempt": "\(progress.attempts)"]
            fields["host"] = outcome.host
            fields["address"] = outcome.address
            fields["tls"] = outcome.host == nil ? nil : outcome.tls ?? "none"
            fields["reply"] = outcome.reply?.written
            fields["reason"] = outcome.reason
            let kind: TraceEvent.Kind
            switch progress.phase {
            case .delivered:
                kind = .delivered
                around.metrics.note(.delivered)
            case .failed:
                kind = .failed
                around.metrics.note(.failed)
            case .waiting, .cancelled:
                kind = .attempt
                around.metrics.note(.deferred)
                fields["next"] = "\(progress.due)"
            }
            around.trace(TraceEvent(kind, of: entry.draft.transaction, at: now, fields))
            let line =
                switch kind {
                case .delivered: "Delivered"
                case .failed: "Not delivered"
                default: "Not delivered yet"
                }
            around.log.info(
                "\(line)", metadata: ["id": "\(entry.draft.transaction)", "queue": "\(entry.id)"].merging(fields.mapValues { "\($0)" }) { old, _ in old })
        }
        guard isReported else { return }
        around.metrics.reports.add()
        around.trace(TraceEvent(.notified, of: entry.draft.transaction, at: now))
    }
}

extension [RecipientProgress] {
    fileprivate func merging(_ changes: [Int: RecipientProgress]) -> [RecipientProgress] {
        var all = self
        for (place, progress) in changes where indices.contains(place) { all[place] = progress }
        return all
    }
}

extension Outcome {
    init(_ outcome: CarrierReport.Outcome, _ asked: Asked) {
        switch outcome {
        case .delivered(let reply, let relaysNotify):
            self.init(verdict: .delivered(isTold: relaysNotify), reply: reply, status: reply.status ?? .success(0, 0))
        case .refused(let reply, let isPermanent): self.init(verdict: isPermanent ? .failed : .again, reply: reply, status: reply.status)
        case .impossible(let status, let reason, let isPermanent):
            self.init(verdict: isPermanent ? .failed : .again, reason: reason, status: status)
        case .interrupted(let reason, let wasSent):
            let reason = wasSent ? "\(reason); the message was sent and no answer came, so it may have arrived" : reason
            self.init(verdict: .again, reason: reason, status: .transient(4, 2))
        case .untried:
            // A connection that ends before it has taken anything is a server that does not want to.
            self =
                asked.hasTaken ? Outcome(verdict: .untried) : Outcome(verdict: .again, reason: "the connection ended before its turn", status: .transient(4, 2))
        }
        (host, address, tls) = (asked.host, asked.facts.address, asked.facts.tlsVersion)
    }
}
