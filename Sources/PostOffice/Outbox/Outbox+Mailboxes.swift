import MailModel
import MessageFormat
import NIOCore
import Storage

// Messages that had to wait (FUTURERELEASE, a time in which their sender may take them back) and are for mailboxes of this house.
extension Outbox {
    /// Octets of a message that are read at once.
    private static let piece = 256 << 10

    /// One of this house's own connections: one job after the other.
    func deliverHere(_ first: DeliverySchedule.JobID, _ site: DeliverySchedule.SiteID) async {
        var next: DeliverySchedule.JobID? = first
        while let job = next, !isStopping {
            await deliverHere(job)
            next = schedule.take(site, isNew: false, now)
        }
        if let next { schedule.putBack(next) }
    }

    private func deliverHere(_ job: DeliverySchedule.JobID) async {
        guard let (entry, places) = await entry(of: job) else { return }
        var outcomes: [Int: Outcome] = [:]
        var destinations: [Destination: QueuedRecipient] = [:]
        for place in places {
            do {
                let recipient = entry.draft.recipients[place]
                let found = try await self.destinations(of: recipient.path)
                for destination in found where destinations[destination] == nil { destinations[destination] = recipient }
                // What only goes on is told of by who it goes on to.
                let isOnlyOnward = !found.contains { if case .mailbox = $0 { true } else { false } }
                outcomes[place] =
                    found.isEmpty
                    ? Outcome(verdict: .failed, reason: "there is no such mailbox here", status: .permanent(1, 1))
                    : Outcome(verdict: .delivered(isTold: isOnlyOnward), status: .success(1, 5))
            } catch {
                outcomes[place] = Outcome(putOff: error)
            }
        }
        if isReport(entry, Set(destinations.keys)) { return await read(job, entry) }
        do {
            if let door = try await door(entry, Set(destinations.keys)) { return await serve(door, job, entry) }
        } catch {
            return await settle(job, entry.id, [places[0]: Outcome(putOff: error)])
        }
        let filed = destinations
        await settle(job, entry.id, outcomes) { [self] in filed.isEmpty ? [] : [try await filing(of: entry, to: filed)] }
    }

    /// None: there is no such mailbox.
    private func destinations(of path: ForwardPath) async throws -> [Destination] {
        let resolution =
            switch path {
            case .postmaster: try await around.directory.resolvePostmaster()
            case .mailbox(let address): try await around.directory.resolve(address)
            }
        guard case .destinations(let destinations) = resolution else { return [] }
        for case .mailbox(_, let account) in destinations where try !around.intake.hasRoom(account) { throw StorageFault.overQuota }
        return destinations
    }

    /// The message as it is placed in mailboxes, and in the queue for those to whom it goes on.
    /// - parameter destinations: with the recipient of the entry that leads to each.
    private func filing(of entry: QueueEntry, to destinations: [Destination: QueuedRecipient]) async throws -> QueueUpdate.Notice {
        let draft = entry.draft
        let own = draft.head?.octets ?? []
        guard let head = MessageHead(Array("Return-Path: \(draft.reversePath.written)\r\n".utf8) + own) else {
            throw StorageFault.unavailable("a head that is none")
        }
        let incoming = Incoming(expected: entry.size - own.count)
        var place = own.count
        while place < entry.size {
            try Task.checkCancellation()
            let piece = try await around.store.read(place..<min(place + Outbox.piece, entry.size), of: entry.id)
            guard piece.readableBytes > 0 else { throw StorageFault.corrupt("a message of the queue is shorter than it was") }
            place += piece.readableBytes
            try await incoming.take(piece, into: around.store)
        }
        let body = try await incoming.stage(in: around.store)
        var placements: [Placement] = []
        var onward = OnwardMail()
        for (destination, recipient) in destinations {
            onward.add(destination) { path in
                QueuedRecipient(path, notify: recipient.notify, original: recipient.original ?? recipient.path.original(insteadOf: path))
            }
            guard case .mailbox(let mailbox, _) = destination, !placements.contains(where: { $0.mailbox == mailbox }) else { continue }
            var placement = Placement(mailbox: mailbox, internalDate: now)
            placement.mayOverdraw = true
            placement.head = head
            placements.append(placement)
        }
        var drafts: [QueueDraft] = []
        for share in onward.shares {
            var onward = QueueDraft(
                transaction: draft.transaction, reversePath: draft.reversePath, recipients: share.recipients, traits: draft.traits,
                arrived: draft.arrived, head: draft.head, sender: draft.sender, envelopeID: draft.envelopeID, deliverBy: draft.deliverBy,
                priority: draft.priority)
            onward.origin = draft.origin
            if let forwarder = share.forwarder {
                onward.reversePath = try await around.directory.sender(draft.reversePath, forwardedBy: forwarder)
                onward.origin = draft.origin.sentOn
                onward.head = MessageHead.delivered(to: forwarder, own) ?? draft.head
            }
            drafts.append(onward)
        }
        return QueueUpdate.Notice(body: body, placements: placements, drafts: drafts)
    }
}

extension Outcome {
    /// Not now, for a reason that is ours.
    init(putOff error: any Error) {
        let isFull = error as? StorageFault == .overQuota
        self.init(
            verdict: .again, reason: isFull ? "the mailbox is full" : "the mailbox could not be asked", status: isFull ? .transient(2, 2) : .transient(3, 0))
    }
}
