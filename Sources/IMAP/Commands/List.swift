import MailModel
import PostOffice
import Storage

// LIST (RFC 9051 §6.3.9; RFC 5258; RFC 5819; RFC 6154; RFC 3348).
extension CommandExecution {
    mutating func list(_ arguments: ListArguments) async throws -> StatusResponse {
        if !arguments.isExtended, arguments.patterns == [""] {
            // RFC 9051 §6.3.9: what parts the levels.
            output.writeHierarchyRoot()
            return .ok("LIST done")
        }
        let patterns = arguments.patterns.map { MailboxPattern(reference: arguments.reference, $0) }
        let subscriptions = try await mailroom.subscriptions(of: principal)
        let (directory, names) = try await amongMailboxes { records in
            let directory = MailboxDirectory(records, subscriptions: subscriptions, arguments.selection)
            return (directory, directory.names(arguments.selection))
        }
        let items = arguments.returns.lazy.compactMap { if case .status(let items) = $0 { items } else { nil } }.first
        let entries = arguments.returns.lazy.compactMap { if case .metadata(let entries) = $0 { entries } else { nil } }.first
        prepareStatus(items ?? [])
        for (count, name) in names.enumerated() {
            if count % 64 == 63 { await Task.yield() }
            guard patterns.contains(where: { $0.matches(name) }), let line = directory.line(name, arguments) else { continue }
            output.writeListing(line, .list, dialect.textMode)
            if let record = directory.record(name) {
                if arguments.returns.contains(.myRights), directory.isMet(name, arguments.selection) { try listMyRights(record) }
                if let entries, directory.isMet(name, arguments.selection) { try await listMetadata(record, entries) }
                if let items { try await listStatus(record, items) }
            }
            try await flushIfFull()
        }
        return .ok("LIST done")
    }

    // RFC 5819 §2: a mailbox that is gone meanwhile, or that the user may not read, has no STATUS.
    private mutating func listStatus(_ record: MailboxRecord, _ items: [StatusItem]) async throws {
        do {
            try await writeStatus(record, try await mailroom.status(of: record, of: principal), items)
        } catch StorageFault.noSuchMailbox, MailroomRefusal.noSuchMailbox, MailroomRefusal.notPermitted {
            return
        }
    }

    // RFC 3501 §6.3.9: subscribed names; for a pattern with "%", also the superiors of those that it does not reach.
    mutating func lsub(_ reference: String, _ pattern: String) async throws -> StatusResponse {
        let matcher = MailboxPattern(reference: reference, pattern)
        let subscriptions = try await mailroom.subscriptions(of: principal)
        let directory = try await amongMailboxes { MailboxDirectory($0, subscriptions: subscriptions) }
        var lines: [MailboxName: MailboxListing] = [:]
        for (count, name) in subscriptions.enumerated() {
            if count % 64 == 63 { await Task.yield() }
            if matcher.matches(name) {
                let isThere = directory.record(name) != nil
                lines[name] = MailboxListing(name, isThere ? [] : .noSelect)
            } else if pattern.contains("%") {
                for superior in name.superiors where lines[superior] == nil && matcher.matches(superior) {
                    lines[superior] = MailboxListing(superior, .noSelect)
                }
            }
        }
        for line in lines.values.sorted(by: { $0.name < $1.name }) {
            output.writeListing(line, .lsub, dialect.textMode)
            try await flushIfFull()
        }
        return .ok("LSUB done")
    }
}

/// An account's names as LIST sees them: mailboxes, the superiors between them, and names that are only subscribed to.
struct MailboxDirectory {
    private var records: [MailboxName: MailboxRecord] = [:]
    private let subscriptions: Set<MailboxName>
    /// Names that have a mailbox below them.
    private var withChildren: Set<MailboxName> = []
    private var aboveSubscribed: Set<MailboxName> = []
    private var aboveSpecialUse: Set<MailboxName> = []

    init(_ mailboxes: [MailboxRecord], subscriptions: Set<MailboxName>, _ selection: Set<ListArguments.Selection> = []) {
        self.subscriptions = subscriptions
        for record in mailboxes {
            records[record.name] = record
            for superior in record.name.superiors {
                withChildren.insert(superior)
                if record.specialUse != nil { aboveSpecialUse.insert(superior) }
            }
        }
        guard selection.isSuperset(of: [.subscribed, .recursiveMatch]) else { return }
        for name in subscriptions { for superior in name.superiors { aboveSubscribed.insert(superior) } }
    }

    func record(_ name: MailboxName) -> MailboxRecord? { records[name] }

    /// The names that may be listed, in order.
    func names(_ selection: Set<ListArguments.Selection>) -> [MailboxName] {
        var names = Set(records.keys).union(withChildren)
        if selection.contains(.subscribed) { names.formUnion(subscriptions) }
        if selection.contains(.recursiveMatch), selection.contains(.subscribed) { names.formUnion(aboveSubscribed) }
        return names.sorted()
    }

    /// Whether it is selected for itself, not for what lies below it.
    func isMet(_ name: MailboxName, _ selection: Set<ListArguments.Selection>) -> Bool {
        if selection.contains(.subscribed), !subscriptions.contains(name) { return false }
        return !selection.contains(.specialUse) || records[name]?.specialUse != nil
    }

    /// Nil when the name does not meet the selection.
    func line(_ name: MailboxName, _ arguments: ListArguments) -> MailboxListing? {
        let selection = arguments.selection
        let record = records[name]
        var line = MailboxListing(name, attributes(name, record), specialUse: record?.specialUse)
        line.hasSubscribedChild =
            selection.contains(.recursiveMatch) && selection.contains(.subscribed) && aboveSubscribed.contains(name)
        let isAboveUse = selection.contains(.recursiveMatch) && selection.contains(.specialUse) && aboveSpecialUse.contains(name)
        guard isMet(name, selection) || line.hasSubscribedChild || isAboveUse else { return nil }
        let showsSubscribed = selection.contains(.subscribed) || arguments.returns.contains(.subscribed)
        if showsSubscribed, subscriptions.contains(name) { line.attributes.insert(.subscribed) }
        return line
    }

    // RFC 5258 §3: a name that is no mailbox. \Noselect says it to clients that do not know \NonExistent.
    private func attributes(_ name: MailboxName, _ record: MailboxRecord?) -> MailboxAttributes {
        var attributes: MailboxAttributes = record == nil ? [.nonExistent, .noSelect] : []
        attributes.insert(withChildren.contains(name) ? .hasChildren : .hasNoChildren)
        return attributes
    }
}
