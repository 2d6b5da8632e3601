import MailModel
import PostOffice
import Storage

// The outgoing queue.
extension Administration {
    /// Recipients of an entry that a list tells of, and that `show` does: an answer stays far below `ControlLine.longest`.
    private static let listedRecipients = 5
    private static let shownRecipients = 1_000
    /// Octets of an answer or reason that is told.
    private static let longestReply = 500

    func queue(_ selection: QueueSelection, after: String?) async throws -> QueuePage {
        let page = try await desk.list(try await filter(selection), after: try after.map(Administration.id))
        return QueuePage(lines: page.entries.map { line($0, Administration.listedRecipients) }, next: page.next.map { "\($0.rawValue)" })
    }

    func queued(_ id: String) async throws -> QueueLine { line(try await desk.show(Administration.id(id)), Administration.shownRecipients) }

    func changeQueue(_ action: String, _ ids: [String], _ selection: QueueSelection, after: String?) async throws -> QueueChange {
        guard let action = QueueDesk.Action(rawValue: action) else { throw StorageFault.notAllowed("nothing of that name can be done with the queue") }
        let outcome =
            if ids.isEmpty {
                try await desk.act(action, on: try await filter(selection), after: try after.map(Administration.id))
            } else {
                try await desk.act(action, on: try ids.map(Administration.id))
            }
        return QueueChange(
            changed: outcome.changed.map { "\($0.rawValue)" }, missing: outcome.missing.map { "\($0.rawValue)" }, next: outcome.next.map { "\($0.rawValue)" })
    }

    private static func id(_ text: String) throws -> QueueID {
        guard let number = Int64(text) else { throw StorageFault.notAllowed("\"\(text)\" is no entry of the queue") }
        return QueueID(rawValue: number)
    }

    private func filter(_ selection: QueueSelection) async throws -> QueueFilter {
        var filter = QueueFilter()
        if let text = selection.domain {
            guard let domain = Domain(text) else { throw DirectoryFault.domain }
            filter.domain = domain
        }
        if let text = selection.sender { filter.sender = try await sender(text) }
        if let seconds = selection.olderThan {
            filter.before = Timestamp(rawValue: SystemClock.now().rawValue.subtractingReportingOverflow(max(0, seconds)).partialValue)
        }
        if let text = selection.state {
            guard let state = QueueState(rawValue: text) else { throw StorageFault.notAllowed("\"\(text)\" is no state of a message") }
            filter.state = state
        }
        return filter
    }

    private func sender(_ text: String) async throws -> QueueFilter.Sender {
        guard text != "<>" else { return .path(.null) }
        let bare = text.hasPrefix("<") && text.hasSuffix(">") ? String(text.dropFirst().dropLast()) : text
        if bare.contains("@") {
            guard let address = Address(bare) else { throw StorageFault.notAllowed("\"\(text)\" is no sender") }
            return .path(.mailbox(address))
        }
        guard let record = try await directory.account(bare) else { throw StorageFault.noSuchAccount }
        return .account(record.id)
    }

    private func line(_ entry: QueueEntry, _ most: Int) -> QueueLine {
        let now = SystemClock.now()
        let places = entry.progress.indices.filter { entry.draft.recipients.indices.contains($0) }
        let waiting = places.filter { entry.progress[$0].phase == .waiting }
        let shown = (waiting + places.filter { entry.progress[$0].phase != .waiting }).prefix(most)
        let due = waiting.map { entry.progress[$0].due.rawValue }.min()
        return QueueLine(
            id: "\(entry.id.rawValue)", transaction: entry.draft.transaction.value, arrived: entry.draft.arrived.description,
            age: max(0, now.rawValue - entry.draft.arrived.rawValue), size: entry.size, state: QueueState(entry, now: now).rawValue,
            hold: entry.hold.map(Administration.words), sender: entry.draft.reversePath.written, recipientCount: places.count,
            recipients: shown.map { recipient(entry.draft.recipients[$0], entry.progress[$0]) },
            nextTryIn: entry.hold == nil ? due.map { max(0, $0 - now.rawValue) } : nil)
    }

    private func recipient(_ recipient: QueuedRecipient, _ progress: RecipientProgress) -> QueueLine.Recipient {
        let path = recipient.path.written
        let reply = progress.last.flatMap { $0.reply?.written ?? $0.reason }
        return QueueLine.Recipient(
            address: String(path.dropFirst().dropLast()), phase: "\(progress.phase)", attempts: progress.attempts,
            nextTry: progress.phase == .waiting ? progress.due.description : nil, lastTry: progress.last?.at.description, host: progress.last?.host,
            peer: progress.last?.address, reply: reply.map { String(RemoteReply.cleaned($0).prefix(Administration.longestReply)) })
    }

    private static func words(_ hold: QueueHold) -> String {
        switch hold {
        case .administrator: "held by an administrator"
        case .recovered: "the index was lost; it may have gone out already"
        case .senderDisabled: "its sender's account is disabled"
        case .senderRemoved: "its sender's account is removed"
        case .moderation: "it waits for the owners of a list"
        case .senderLimit: "its sender has written to more recipients in an hour than an account may"
        }
    }
}
