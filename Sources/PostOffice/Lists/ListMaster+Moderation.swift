package import MailModel
import MessageFormat
import NIOCore
import Storage

// Posts that wait for an owner: held entries of the queue. What an owner's answer does it does once, for then they are held no more.
extension ListMaster {
    func decided(_ entry: QueueEntry, _ list: MailingList, _ post: QueueID, isAccepted: Bool) async throws -> (answer: Answer, released: QueueID?) {
        let start = try await start(of: entry)
        guard start.post.reversePath != .null, !start.post.survey.isUnfitForLists else { return (Answer(ending: .dropped("a program answered")), nil) }
        guard let author = start.post.author, list.isOwner(author) else {
            log.notice("An answer on a post came from somebody who is no owner", metadata: ["list": "\(list.key)"])
            return (Answer(ending: .dropped("its author is no owner")), nil)
        }
        guard try await settle(post, list, isAccepted: isAccepted) else {
            return (Answer { [try await letter(.late(list, to: author))] }, nil)
        }
        // Where that is left out, it is forgotten when the post would have waited long enough.
        return (Answer(afterwards: { try await register.holdsNoMore(post, list) }), isAccepted ? post : nil)
    }

    /// False: it does not wait for an owner (any more). One that was let go and has not had its turn is let go: this may be the same answer, read again behind a crash.
    private func settle(_ post: QueueID, _ list: MailingList, isAccepted: Bool) async throws -> Bool {
        let held: QueueEntry
        do { held = try await store.queued(post) } catch StorageFault.noSuchMessage { return false }
        guard case .mailbox(let address)? = held.draft.recipients.first?.path, MailingList.key(address) == list.key else { return false }
        guard held.hold == .moderation else {
            let progress = held.progress.first
            return isAccepted && held.hold == nil && progress?.phase == .waiting && progress?.last?.status == ListMaster.moderated
        }
        if isAccepted {
            _ = try await store.update(QueueUpdate(post, hold: .release))
        } else {
            _ = try await store.update(discard(held, "discarded by an owner of the list"))
        }
        log.notice("A post was \(isAccepted ? "let go" : "discarded") by an owner", metadata: ["list": "\(list.key)", "id": "\(held.draft.transaction)"])
        return true
    }

    private func discard(_ held: QueueEntry, _ reason: String) -> QueueUpdate {
        var update = QueueUpdate(held.id)
        for (place, progress) in held.progress.enumerated() where progress.phase == .waiting {
            var progress = progress
            progress.phase = .cancelled
            progress.last = .init(at: clock(), reason: reason)
            update.recipients[place] = progress
        }
        return update
    }

    /// Discards posts for which no owner has had an answer in time, and forgets wishes; to be called now and then. Answers what letters became in the queue.
    package func tidy() async throws -> [QueueID] {
        try await register.tidy()
        var queued: [QueueID] = []
        for (post, key, list) in try await register.held(before: Timestamp(rawValue: clock().rawValue - ListMaster.moderationTime)) {
            do {
                queued += try await discardLate(post, list)
                try await register.holdsNoMore(post, key: key)
            } catch {
                log.warning("A post that nobody has decided on was not discarded: \(error)", metadata: ["list": "\(key)", "queue": "\(post)"])
            }
        }
        return queued
    }

    private func discardLate(_ post: QueueID, _ list: MailingList?) async throws -> [QueueID] {
        do {
            let held = try await store.queued(post)
            guard held.hold == .moderation else { return [] }
            var update = discard(held, "no owner of the list has decided")
            if let list { update.notices = [try await letter(.discarded(held, list, start: try await start(of: held)))] }
            let queued = try await store.update(update).flatMap(\.queued)
            log.notice("A post was discarded: no owner has decided", metadata: ["id": "\(held.draft.transaction)"])
            return queued
        } catch StorageFault.noSuchMessage {
            // Somebody has decided, or an administrator took it out of the queue.
            return []
        }
    }
}
