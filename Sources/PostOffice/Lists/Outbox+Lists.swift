import MailModel
import Storage

// Mail for lists' addresses: an entry of its own for each, with one recipient.
extension Outbox {
    /// The list's address that an entry is for; nil: it is for others, or for several.
    func door(_ entry: QueueEntry, _ destinations: Set<Destination>) async throws -> ListDoor? {
        guard let lists = around.lists, entry.draft.recipients.count == 1, case .mailbox(let own) = entry.draft.recipients[0].path,
            destinations.count == 1, case .list(let address)? = destinations.first, MailingList.key(address) == MailingList.key(own)
        else { return nil }
        return try await lists.register.door(address)
    }

    func serve(_ door: ListDoor, _ job: DeliverySchedule.JobID, _ entry: QueueEntry) async {
        guard let lists = around.lists else { return schedule.finished(job) }
        do {
            let (answer, released) = try await lists.answer(entry, door)
            switch answer.ending {
            case .done:
                await settle(job, entry.id, [0: Outcome(verdict: .delivered(isTold: false), status: .success(1, 5))], filing: answer.notices)
            case .failed(let status, let reason):
                await settle(job, entry.id, [0: Outcome(verdict: .failed, reason: reason, status: status)])
            case .dropped(let reason):
                await end(entry, job, reason: "not for the list: \(reason)") { $0.phase = .cancelled }
                around.log.notice("Mail for a list's address went nowhere: \(reason)", metadata: ["queue": "\(entry.id)", "list": "\(door.list.address)"])
            case .held(let reason):
                await end(entry, job, hold: .moderation, status: ListMaster.moderated, reason: reason, answer.notices) { _ in }
                around.log.notice("A post waits for the list's owners: \(reason)", metadata: ["queue": "\(entry.id)", "list": "\(door.list.address)"])
            }
            if let released { await changed([released]) }
            do { if try await isSettled(entry.id) { try await answer.afterwards() } } catch {
                around.log.warning("What a list's mail brought about was not written down: \(error)", metadata: ["list": "\(door.list.address)"])
            }
        } catch {
            around.log.error("Mail for a list's address was not handled: \(error)", metadata: ["queue": "\(entry.id)"])
            await settle(job, entry.id, [0: Outcome(putOff: error)])
        }
    }

    /// What became of it is written down, and not that it is tried again.
    private func isSettled(_ id: QueueID) async throws -> Bool {
        do {
            let entry = try await around.store.queued(id)
            return entry.hold != nil || entry.progress.first?.phase != .waiting
        } catch StorageFault.noSuchMessage { return true }
    }

    /// It is not tried any more, or not before it is released.
    func end(
        _ entry: QueueEntry, _ job: DeliverySchedule.JobID, hold: QueueHold? = nil, status: EnhancedStatus? = nil, reason: String,
        _ notices: @escaping () async throws -> [QueueUpdate.Notice] = { [] }, _ body: @escaping (inout RecipientProgress) -> Void
    ) async {
        let now = now
        await change(entry.id) { entry in
            guard var progress = entry.progress.first, progress.phase == .waiting else { return QueueUpdate(entry.id) }
            progress.last = RecipientProgress.Attempt(at: now, reason: reason, status: status)
            progress.attempts += 1
            body(&progress)
            return QueueUpdate(entry.id, recipients: [0: progress], hold: hold.map { .hold($0) } ?? .keep, notices: try await notices())
        }
        schedule.finished(job)
        schedule.forget(entry.id)
        let kind: TraceEvent.Kind = hold == nil ? .cancelled : .held
        around.trace(TraceEvent(kind, of: entry.draft.transaction, at: now, ["recipient": entry.draft.recipients[0].path.bare, "reason": reason]))
    }
}
