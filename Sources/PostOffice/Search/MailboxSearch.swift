import MailModel
package import Storage

/// A search of one mailbox on its way. Each step is short enough for an event loop; between steps whoever drives it says how far it is, sends what was found, or
/// stops.
package struct MailboxSearch: Sendable {
    /// One step's result.
    package struct Step: Sendable {
        /// In the order of their places, behind those of the steps before.
        package fileprivate(set) var found: [FoundMessage] = []
        /// Not known whether they match.
        package fileprivate(set) var unreadable: [UnreadableMessage] = []
    }

    private let mailroom: Mailroom
    private let mailbox: OpenMailbox
    private let rows: MailboxSnapshot
    /// The mailbox as it is now, whose flags count.
    private let live: MailboxSnapshot
    private let isCurrent: Bool
    private let program: SearchProgram
    /// Rows that have been looked at.
    package private(set) var searched = 0
    package var total: Int { rows.count }

    /// Messages whose outlines are read together.
    private static let batch = 128
    /// Rows that are looked at before others have their turn.
    private static let slice = 4_096
    /// So few are decided where the caller runs.
    private static let decidedHere = 64

    fileprivate init(
        _ mailroom: Mailroom, _ mailbox: OpenMailbox, rows: MailboxSnapshot, live: MailboxSnapshot, _ program: SearchProgram
    ) {
        self.mailroom = mailroom
        self.mailbox = mailbox
        self.rows = rows
        self.live = live
        isCurrent = live.highestModSeq == rows.highestModSeq && live.count == rows.count
        self.program = program
    }

    /// Nil at the end. `StorageFault` and `MailroomRefusal` where the search cannot go on; a message that alone cannot be read is left out.
    package mutating func next() async throws -> Step? {
        guard searched < rows.count else { return nil }
        var step = Step()
        var undecided: [FoundMessage] = []
        let (mailroom, mailbox) = (mailroom, mailbox)
        try await mailroom.withRows(of: mailbox) { try lookAtRows(&step, &undecided) }
        if undecided.isEmpty {
            await Task.yield()
        } else {
            try await decide(undecided, &step)
        }
        return step
    }

    // What the rows alone decide takes no waiting: up to the next few that need more. Where rows are not at hand it goes on, once they are, where it stopped.
    private mutating func lookAtRows(_ step: inout Step, _ undecided: inout [FoundMessage]) throws {
        guard undecided.count < MailboxSearch.batch else { return }
        let slice = searched..<min(rows.count, (searched / MailboxSearch.slice + 1) * MailboxSearch.slice)
        try rows.require(slice)
        var searched = searched
        defer { self.searched = searched }
        let (live, isCurrent, program) = (live, isCurrent, program)
        try rows.forEach(in: slice) { place, known in
            var message = FoundMessage(place: place, row: isCurrent ? known : try live.row(known.uid) ?? known)
            searched = place + 1
            switch program.verdict(on: message) {
            case .yes:
                if program.isFuzzy { message.relevancy = program.relevancy(of: message) }
                undecided.isEmpty ? step.found.append(message) : undecided.append(message)
            case .no: break
            case .unknown: undecided.append(message)
            }
            return undecided.count < MailboxSearch.batch
        }
    }

    private func decide(_ undecided: [FoundMessage], _ step: inout Step) async throws {
        do {
            step.found += try await decide(undecided)
            return
        } catch {
            guard (error as? StorageFault)?.isOfMessages ?? false else { throw error }
        }
        for message in undecided {
            guard program.verdict(on: message) == .unknown else {
                step.found.append(message)
                continue
            }
            do {
                step.found += try await decide([message])
            } catch {
                guard let lost = UnreadableMessage(message.row, error) else { throw error }
                step.unreadable.append(lost)
            }
        }
    }

    private func decide(_ undecided: [FoundMessage]) async throws -> [FoundMessage] {
        let outlines = try await mailroom.encodedOutlines(of: undecided.map(\.row), in: mailbox)
        let (asked, mailroom, mailbox, program) = (Array(zip(undecided, outlines)), mailroom, mailbox, program)
        guard asked.count > MailboxSearch.decidedHere else { return try await program.decide(asked, mailroom, mailbox) }
        return try await offLoop { try await program.decide(asked, mailroom, mailbox) }
    }
}

extension Mailroom {
    /// A search of those rows of a mailbox, which may be older than it is: what is gone meanwhile is searched all the same, and what came is not.
    /// `knowledge`: of the same search in other mailboxes. A mailbox that is not the viewer's any more: `noSuchMailbox`, here or at a later step.
    package func search(
        _ query: SearchQuery, of rows: MailboxSnapshot, in mailbox: OpenMailbox, _ knowledge: inout SearchKnowledge
    ) async throws -> MailboxSearch {
        var resolved = try await resolved(query, of: rows, in: mailbox)
        let live = mailbox.handle.snapshot
        try await resolveKeywords(of: query, among: live, in: mailbox, &resolved)
        var program = SearchProgram(query, keywords: live.keywords, resolved: resolved)
        if rows.count > 0 { program = try await program.informed(self, mailbox, &knowledge) }
        return MailboxSearch(self, mailbox, rows: rows, live: live, program)
    }

    /// Those of a few messages that the query means. O(messages), whatever the mailbox holds; one that cannot be read is an error.
    package func search(_ query: SearchQuery, among messages: [FoundMessage], in mailbox: OpenMailbox) async throws -> [FoundMessage] {
        var resolved = try await resolved(query, of: NumberSet(messages.lazy.map(\.row.uid)), in: mailbox)
        let rows = mailbox.handle.snapshot
        try await resolveKeywords(of: query, among: rows, in: mailbox, &resolved)
        var program = SearchProgram(query, keywords: rows.keywords, resolved: resolved)
        // The index is asked for all that it knows: a few messages are read sooner.
        if messages.count > MailboxSearch.few {
            var knowledge = SearchKnowledge()
            program = try await program.informed(self, mailbox, &knowledge)
        }
        let search = MailboxSearch(self, mailbox, rows: rows, live: rows, program)
        return try await search.matches(among: messages)
    }
}

extension MailboxSearch {
    fileprivate static var few: Int { batch }

    fileprivate func matches(among messages: [FoundMessage]) async throws -> [FoundMessage] {
        var found: [FoundMessage] = []
        var undecided: [FoundMessage] = []
        for message in messages {
            switch program.verdict(on: message) {
            case .yes: found.append(message)
            case .no: break
            case .unknown: undecided.append(message)
            }
        }
        for batch in undecided.batches(of: MailboxSearch.batch) { found += try await decide(Array(batch)) }
        return found
    }
}
