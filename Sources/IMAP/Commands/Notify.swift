import Conversation
import MailModel
import NIOCore
import PostOffice
import Storage

// NOTIFY (RFC 5465).
extension CommandExecution {
    mutating func notify(_ arguments: NotifyArguments) async throws -> StatusResponse {
        guard case .set(let groups, let status) = arguments else {
            notifications = Notifications.none
            return .ok("NOTIFY done")
        }
        let asked = groups.reduce(into: NotifyEvents()) { $0.formUnion($1.events) }
        guard asked.isSubset(of: Notifications.served) else {
            return .no("Some of these events are not served", .badEvent(Notifications.served))
        }
        for group in groups where !group.newMessageItems.isEmpty {
            let plan = FetchPlan(FetchArguments(set: .saved, items: group.newMessageItems), .uid, dialect)
            if plan.wantsModSeq { enableModSeqs() }
        }
        // Watched first: what comes later than the answers is noted.
        var new = Notifications(groups)
        try await watch(&new)
        if status { try await tellStatus(of: new) }
        notifications = new
        return .ok("NOTIFY done")
    }

    /// The client's own account, and those that share with it what is asked about.
    private func watch(_ new: inout Notifications) async throws {
        let poke = { @Sendable [link] in link.poke() }
        new.watch = mailroom.watch(principal, poke: poke)
        guard !new.elsewhere.isEmpty else { return }
        let subscriptions = try await mailroom.subscriptions(of: principal)
        let asked = new
        let owners = try await mailroom.owners(for: principal, named: asked.names) {
            !asked.events(of: $0, isSubscribed: subscriptions.contains($0), isOwn: false).isEmpty
        }
        // RFC 5465 §5.8.
        guard let owners else { throw Ending(.no("These are too many users to be told of", .notificationOverflow)) }
        new.others = owners.map { mailroom.watch(owner: $0, poke: poke) }
    }

    // RFC 5465 §3.1.
    private mutating func tellStatus(of new: Notifications) async throws {
        let subscriptions = try await mailroom.subscriptions(of: principal)
        for (count, record) in try await amongMailboxes({ $0 }).enumerated() where record.id != view?.mailbox.id {
            if count % 256 == 255 { await Task.yield() }
            let events = new.events(
                of: record.name, isSubscribed: subscriptions.contains(record.name), isOwn: record.account == principal.account)
            guard !events.isDisjoint(with: .ofMessages) else { continue }
            try await tellStatus(of: record.name, [.messages, .uidNext, .uidValidity] + (events.contains(.flagChange) ? [.highestModSeq] : []))
            try await flushIfFull()
        }
    }

    /// One that is gone meanwhile, or that may not be read (any more), is passed over: RFC 5465 §5.9.
    private mutating func tellStatus(of name: MailboxName, _ items: [StatusItem]) async throws {
        do {
            let (record, status) = try await mailroom.status(of: name, of: principal)
            try await writeStatus(record, status, items)
        } catch MailroomRefusal.noSuchMailbox, MailroomRefusal.notPermitted, StorageFault.noSuchMailbox {
            return
        }
    }

    // MARK: Later

    /// What cannot be told is logged, and told another time or never: there is no command that could fail.
    static func run(_ notice: Notice, _ job: Job, _ worker: IMAPWorker, _ link: any Link) async -> Completion {
        var execution = CommandExecution(job: job, worker: worker, link: link, dialect: job.dialect, view: job.view)
        var answer = StatusResponse.ok("")
        do {
            try await execution.tell(notice)
        } catch {
            answer = execution.answer(to: error)
        }
        if case .none = execution.effect, let view = execution.view { execution.effect = .view(view) }
        return Completion(output: execution.output, answer: answer, effect: execution.effect, dialect: job.dialect)
    }

    private mutating func tell(_ notice: Notice) async throws {
        var changes = AccountChanges()
        if let span = notice.span { changes = try await mailroom.summary(of: span) }
        var others: [AccountChanges] = []
        for span in notice.others { others.append(try await mailroom.summary(of: span)) }
        guard !changes.isOverfull, !others.contains(where: \.isOverfull) else {
            effect = .overflow
            return
        }
        for name in notice.ownNames { changes.forget(name) }
        if !notice.newMessages.isEmpty {
            let set = SequenceSet.ranges(notice.newMessages.ranges.map { SequenceSet.Span(first: $0.lowerBound, second: $0.upperBound) })
            _ = try await fetch(FetchArguments(set: set, items: notice.notifications.selected.items), .uid)
        }
        guard !changes.isEmpty || !others.isEmpty else { return }
        let subscriptions = try await mailroom.subscriptions(of: principal)
        let shared = try await shared(notice, others.filter { !$0.isEmpty })
        try await tellNames(notice, changes, shared.map(\.entry), subscriptions)
        for (id, entry) in changes.mailboxes.sorted(by: { $0.value.name < $1.value.name }) where id != notice.selected {
            let events = notice.notifications.events(of: entry.name, isSubscribed: subscriptions.contains(entry.name))
            try await tellStatus(entry, events)
        }
        for (record, entry) in shared where record.id != notice.selected {
            let events = notice.notifications.events(of: entry.name, isSubscribed: subscriptions.contains(entry.name), isOwn: false)
            try await tellStatus(entry, events)
        }
    }

    /// Of others' mailboxes what the user may see.
    private func shared(
        _ notice: Notice, _ others: [AccountChanges]
    ) async throws -> [(record: MailboxRecord, entry: AccountChanges.Entry)] {
        var shared = try await mailroom.visible(others, to: principal)
        for index in shared.indices where notice.ownNames.contains(shared[index].entry.name) {
            shared[index].entry.kinds.subtract([.created, .renamed])
            shared[index].entry.formerName = nil
        }
        return shared
    }

    private mutating func tellStatus(_ entry: AccountChanges.Entry, _ events: NotifyEvents) async throws {
        guard let items = CommandExecution.statusItems(entry.kinds, events, dialect) else { return }
        try await tellStatus(of: entry.name, items)
        try await flushIfFull()
    }

    /// What is told of messages in a mailbox that is not selected (RFC 5465 §5.1-§5.3); nil: nothing.
    static func statusItems(_ kinds: AccountChanges.Kinds, _ events: NotifyEvents, _ dialect: Dialect) -> [StatusItem]? {
        let modSeq: [StatusItem] = dialect.hasModSeqs ? [.highestModSeq] : []
        guard !events.isDisjoint(with: .ofMessages), !kinds.contains(.deleted) else { return nil }
        if !kinds.isDisjoint(with: [.placed, .expunged]) { return [.messages, .uidNext, .uidValidity] + modSeq }
        // Another mailbox of the name has another UIDVALIDITY.
        guard events.contains(.flagChange), !kinds.isDisjoint(with: [.flags, .created]) else { return nil }
        return [.unseen, .uidValidity] + modSeq
    }
}

// LIST answers (RFC 5465 §5.4, §5.5).
extension CommandExecution {
    private mutating func tellNames(
        _ notice: Notice, _ changes: AccountChanges, _ shared: [AccountChanges.Entry], _ subscriptions: Set<MailboxName>
    ) async throws {
        let wanted = notice.notifications.elsewhere
        let changed = NameChanges(Array(changes.mailboxes.values) + shared)
        guard wanted.contains(.mailboxName) && !changed.isEmpty || wanted.contains(.subscriptionChange) && !changes.subscriptions.isEmpty
        else { return }
        let directory = try await amongMailboxes { MailboxDirectory($0, subscriptions: subscriptions) }
        let arguments = ListArguments(reference: "", patterns: [], returns: [.subscribed])
        func isWanted(_ event: NotifyEvents, _ name: MailboxName) -> Bool {
            notice.notifications.events(
                of: name, isSubscribed: subscriptions.contains(name), isOwn: !mailroom.isAnothers(name)
            ).contains(event)
        }
        var names = changed.affected.filter { isWanted(.mailboxName, $0) }
        names.formUnion(changes.subscriptions.filter { isWanted(.subscriptionChange, $0) })
        for (new, old) in changed.renamed where isWanted(.mailboxName, new) || isWanted(.mailboxName, old) {
            guard var line = directory.line(new, arguments) else { continue }
            line.oldName = old.value
            output.writeListing(line, .list, dialect.textMode)
            names.remove(new)
            names.remove(old)
        }
        for name in names.sorted() {
            if let line = directory.line(name, arguments) { output.writeListing(line, .list, dialect.textMode) }
            try await flushIfFull()
        }
    }
}

/// What became of names.
private struct NameChanges {
    /// New names and old ones, without those below a mailbox that was renamed with all that lies below it.
    private(set) var renamed: [(new: MailboxName, old: MailboxName)] = []
    /// Names that were made or removed, and what they lie below (RFC 5465 §5.4).
    private(set) var affected: Set<MailboxName> = []

    var isEmpty: Bool { renamed.isEmpty && affected.isEmpty }

    init(_ entries: [AccountChanges.Entry]) {
        var moves: [MailboxName: MailboxName] = [:]
        for entry in entries {
            if entry.kinds.contains(.deleted) {
                affect(entry.formerName ?? entry.name)
            } else if entry.kinds.contains(.created) {
                affect(entry.name)
            } else if let old = entry.formerName, old != entry.name {
                moves[old] = entry.name
            }
        }
        renamed = moves.filter { old, new in
            !old.superiors.contains { above in moves[above].map { old.moved(from: above, to: $0) == new } ?? false }
        }.map { ($0.value, $0.key) }.sorted { $0.new < $1.new }
    }

    private mutating func affect(_ name: MailboxName) {
        affected.insert(name)
        if let parent = name.parent { affected.insert(parent) }
    }
}
