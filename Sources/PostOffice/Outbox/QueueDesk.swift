package import Logging
package import MailModel
package import Storage

/// What an administrator may do with the outgoing queue.
///
/// - Each call looks at `mostSeen` entries and shows or changes `mostActed` at most, and says behind which one to go on: a queue of any size costs bounded memory
///   and nobody waits long for it.
/// - A change is durable entry by entry when the call returns, told to who runs the queue, and recorded in the message's trace.
/// - An entry that leaves the queue meanwhile is passed over. A try that is under way is not called back: what the next server has answered for is delivered.
package struct QueueDesk: Sendable {
    /// What may be done.
    package enum Action: String, Hashable, Sendable, CaseIterable {
        /// Whoever waits is due now. A hold stays.
        case retry
        /// It goes nowhere until it is released.
        case hold
        /// Ends a hold, whatever its reason.
        case release
        /// Takes it back from those who wait for it. Nobody is told.
        case cancel
        /// Gives up those who wait for it, and tells the sender.
        case bounce
    }

    package struct Page: Sendable {
        package let entries: [QueueEntry]
        /// Behind which to go on; nil: there is no more.
        package let next: QueueID?
    }

    package struct Outcome: Sendable {
        package let changed: [QueueID]
        /// Of the entries that were named: those that are not in the queue.
        package let missing: [QueueID]
        /// As in `Page`.
        package let next: QueueID?
    }

    /// Reports on recipients that are given up, by their places, with what becomes of them; none where nobody is to be told.
    package typealias Notices = @Sendable (QueueEntry, [Int: RecipientProgress]) async throws -> [QueueUpdate.Notice]

    package static let mostSeen = 2_000
    package static let mostActed = 100

    private let store: any QueueStore
    private let traces: any TraceStore
    private let clock: Timestamp.Clock
    private let log: Logger
    /// Nil: nobody writes reports here, and nothing can be bounced.
    private let notices: Notices?
    /// Hears of entries that are changed, for who runs the queue to read them again; and of new ones.
    private let changed: @Sendable ([QueueID]) async -> Void

    package init(
        store: any QueueStore, traces: any TraceStore, clock: @escaping Timestamp.Clock, log: Logger, notices: Notices? = nil,
        changed: @escaping @Sendable ([QueueID]) async -> Void = { _ in }
    ) {
        self.store = store
        self.traces = traces
        self.clock = clock
        self.log = log
        self.notices = notices
        self.changed = changed
    }

    /// In the order in which they came. There may be none on a page that is not the last.
    package func list(_ filter: QueueFilter, after id: QueueID? = nil, most: Int = mostActed) async throws -> Page {
        let now = clock()
        return try await page(after: id, most: most) { filter.holds($0, now: now) }
    }

    /// `noSuchMessage`.
    package func show(_ id: QueueID) async throws -> QueueEntry { try await store.queued(id) }

    /// To all recipients of those entries, `mostActed` at most, that still wait.
    package func act(_ action: Action, on ids: [QueueID]) async throws -> Outcome {
        guard ids.count <= QueueDesk.mostActed else { throw StorageFault.notAllowed("more than \(QueueDesk.mostActed) entries at a time") }
        var entries: [QueueEntry] = []
        var missing: [QueueID] = []
        for id in ids {
            do { entries.append(try await store.queued(id)) } catch StorageFault.noSuchMessage { missing.append(id) }
        }
        return Outcome(changed: try await act(action, on: entries, QueueFilter()), missing: missing, next: nil)
    }

    /// To those that the filter means. Reports and others without a sender are bounced only where the filter asks for them: nobody would ever hear of them.
    package func act(_ action: Action, on filter: QueueFilter, after id: QueueID? = nil) async throws -> Outcome {
        let now = clock()
        let page = try await page(after: id, most: QueueDesk.mostActed) { entry in
            filter.holds(entry, now: now) && (action != .bounce || filter.sender != nil || entry.draft.reversePath != .null)
        }
        return Outcome(changed: try await act(action, on: page.entries, filter), missing: [], next: page.next)
    }

    private func page(after id: QueueID?, most: Int, where isMeant: (QueueEntry) -> Bool) async throws -> Page {
        let step = 200
        var (place, seen) = (id, 0)
        var found: [QueueEntry] = []
        while seen < QueueDesk.mostSeen {
            let entries = try await store.queue(after: place, most: step)
            for entry in entries {
                place = entry.id
                guard isMeant(entry) else { continue }
                found.append(entry)
                guard found.count < most else { return Page(entries: found, next: place) }
            }
            guard entries.count == step else { return Page(entries: found, next: nil) }
            seen += step
        }
        return Page(entries: found, next: place)
    }
}

extension QueueDesk {
    private func act(_ action: Action, on entries: [QueueEntry], _ filter: QueueFilter) async throws -> [QueueID] {
        var done: [QueueID] = []
        var added: [QueueID] = []
        var events: [TraceEvent] = []
        do {
            for entry in entries {
                guard let update = try await update(action, entry, filter.recipients(of: entry)) else { continue }
                let told: [Dispatched]
                do { told = try await store.update(update) } catch StorageFault.noSuchMessage { continue }
                done.append(entry.id)
                added += told.flatMap(\.queued)
                events += self.events(action, entry, update)
            }
        } catch {
            // What was done before is told all the same.
            await tell(done + added, events)
            throw error
        }
        await tell(done + added, events)
        return done
    }

    /// Nil: there is nothing to do.
    private func update(_ action: Action, _ entry: QueueEntry, _ places: [Int]) async throws -> QueueUpdate? {
        let now = clock()
        switch action {
        case .hold: return entry.hold == nil ? QueueUpdate(entry.id, hold: .hold(.administrator)) : nil
        case .release: return entry.hold != nil ? QueueUpdate(entry.id, hold: .release) : nil
        case .retry:
            return QueueDesk.change(entry, places) { $0.due = min($0.due, now) }
        case .cancel:
            return QueueDesk.change(entry, places) { progress in
                progress.phase = .cancelled
                progress.last = .init(at: now, reason: "taken back by an administrator")
            }
        case .bounce:
            guard let notices else { throw StorageFault.unavailable("no reports are written here, and the sender would never know") }
            var update = QueueDesk.change(entry, places) { progress in
                progress.phase = .failed
                // What the other server said last tells the sender more than that somebody gave up.
                progress.last = progress.last ?? .init(at: now, reason: "given up by an administrator", status: EnhancedStatus(5, 0, 0))
            }
            guard let recipients = update?.recipients else { return nil }
            let told = try await notices(entry, recipients)
            update?.notices = told
            if !told.isEmpty { for place in recipients.keys { update?.recipients[place]?.isTold = true } }
            return update
        }
    }

    private static func change(_ entry: QueueEntry, _ places: [Int], _ body: (inout RecipientProgress) -> Void) -> QueueUpdate? {
        guard !places.isEmpty else { return nil }
        var recipients: [Int: RecipientProgress] = [:]
        for place in places {
            var progress = entry.progress[place]
            body(&progress)
            recipients[place] = progress
        }
        return QueueUpdate(entry.id, recipients: recipients)
    }

    private func tell(_ ids: [QueueID], _ events: [TraceEvent]) async {
        guard !ids.isEmpty else { return }
        await changed(ids)
        do { try await traces.record(events) } catch {
            log.warning("What was done with queued mail is not in its trace: \(error)", metadata: ["entries": "\(ids.count)"])
        }
    }

    private func events(_ action: Action, _ entry: QueueEntry, _ update: QueueUpdate) -> [TraceEvent] {
        let kind: TraceEvent.Kind
        switch action {
        // The try that follows tells of itself.
        case .retry: return []
        case .hold: kind = .held
        case .release: kind = .released
        case .cancel: kind = .cancelled
        case .bounce: kind = .failed
        }
        let now = clock()
        func event(_ kind: TraceEvent.Kind, _ fields: [String: String]) -> TraceEvent {
            TraceEvent(kind, of: entry.draft.transaction, at: now, fields.merging(["queue": "\(entry.id.rawValue)", "by": "administrator"]) { $1 })
        }
        guard !update.recipients.isEmpty else { return [event(kind, [:])] }
        var events = update.recipients.keys.sorted().map { event(kind, ["recipient": entry.draft.recipients[$0].path.bare]) }
        if !update.notices.isEmpty { events.append(event(.notified, ["recipient": entry.draft.reversePath.address?.written ?? ""])) }
        return events
    }
}
