import MailModel
import NIOCore
import PostOffice
import Storage

// SEARCH (RFC 9051 §6.4.4; RFC 4731; RFC 5182; RFC 6203; RFC 7162 §3.1.5, §3.1.6; RFC 9394).
extension Errand {
    mutating func search(_ arguments: SearchArguments, _ numbering: Numbering) async throws -> Answer {
        do {
            let found = try await found(by: arguments)
            try await burn(found.count) { errand in
                errand.keep(found, arguments)
                errand.report(found, arguments, numbering)
            }
            try await flushIfFull()
            if let problem { return problem }
            if arguments.isUpdated { try await burn(found.count) { try $0.update(found, arguments, numbering) } }
            return .ok("SEARCH done")
        } catch {
            forgetSaved(arguments)
            throw error
        }
    }

    /// The messages that a search means, in the order of their numbers.
    mutating func found(by arguments: SearchArguments) async throws -> [Match] {
        try await found(by: arguments, in: try selectedView())
    }

    mutating func found(by arguments: SearchArguments, in view: MailboxView) async throws -> [Match] {
        guard arguments.isCharsetSupported else {
            throw Ending(.no("That charset is not supported", .badCharset(["US-ASCII", "UTF-8"])))
        }
        if arguments.key.asksModSeq { enableModSeqs() }
        // RFC 6203 §4: scores are of fuzzy searches.
        if arguments.returns?.contains(.relevancy) == true, !arguments.key.isFuzzy { throw Ending(.bad("RELEVANCY needs a FUZZY key")) }
        let resolved = try await resolved(arguments.key, in: view)
        let key = try await withRows(of: view) { try limited(arguments.key, of: view) }
        let program = try await withRows(of: view) { try SearchProgram(key, view, now: mailroom.now, resolved: resolved) }
        return try await matches(of: program, in: view)
    }

    /// SAVE (RFC 9051 §6.4.4.1).
    mutating func keep(_ found: [Match], _ arguments: SearchArguments) {
        guard arguments.returns?.contains(.save) ?? false else { return }
        // A search that says NO leaves "$" empty, whatever it has shown.
        guard problem == nil else { return forgetSaved(arguments) }
        let uids = NumberSet(saved(found, arguments).lazy.map(\.row.uid))
        view?.saved = uids
    }

    // RFC 9051 §6.4.4.1: a search that fails empties "$".
    mutating func forgetSaved(_ arguments: SearchArguments) {
        if arguments.returns?.contains(.save) ?? false { view?.saved = NumberSet() }
    }

    struct Match: Sendable {
        let number: UInt32
        let row: MessageRow
        /// 1...100 (RFC 6203 §4).
        var relevancy: UInt8 = 100
    }

    static let batch = 128
    /// Rows that are looked at before others have their turn.
    private static let slice = 4_096
    /// So few are decided where the command runs.
    static let decidedHere = 64

    private mutating func matches(of program: SearchProgram, in view: MailboxView) async throws -> [Match] {
        var found: [Match] = []
        guard view.rows.count > 0 else { return [] }
        let program = try await program.informed(mailroom, view.mailbox, &findings)
        let live = view.current
        let isCurrent = live.highestModSeq == view.rows.highestModSeq && live.count == view.rows.count
        var start = 0
        while start < view.rows.count {
            var undecided: [Match] = []
            let slice = start..<min(view.rows.count, (start / Errand.slice + 1) * Errand.slice)
            try await withRows(of: view) { try view.rows.require(slice) }
            // What the rows alone decide takes no waiting: up to the next few that need more.
            try view.rows.forEach(in: slice) { index, known in
                start = index + 1
                var match = Match(number: UInt32(clamping: index + 1), row: isCurrent ? known : try live.row(known.uid) ?? known)
                switch program.verdict(on: match.row, number: match.number) {
                case .yes:
                    if program.isFuzzy { match.relevancy = program.relevancy(of: match.row, number: match.number) }
                    undecided.isEmpty ? found.append(match) : undecided.append(match)
                case .no: break
                case .unknown: undecided.append(match)
                }
                return undecided.count < Errand.batch
            }
            try await tellProgress(start, of: view.rows.count)
            if undecided.isEmpty { await Task.yield() } else { found += try await decideReadable(undecided, program, view) }
        }
        return found
    }

    /// As `decide`, without messages that cannot be read: they are noted.
    private mutating func decideReadable(_ undecided: [Match], _ program: SearchProgram, _ view: MailboxView) async throws -> [Match] {
        do { return try await decide(undecided, program, view) } catch { guard Errand.isOfMessages(error) else { throw error } }
        var found: [Match] = []
        for match in undecided {
            guard program.verdict(on: match.row, number: match.number) == .unknown else {
                found.append(match)
                continue
            }
            do { found += try await decide([match], program, view) } catch { try leaveOut(match.row, error) }
        }
        return found
    }

    func decide(_ undecided: [Match], _ program: SearchProgram, _ view: MailboxView) async throws -> [Match] {
        let outlines = try await mailroom.encodedOutlines(of: undecided.map(\.row), in: view.mailbox)
        let (asked, mailroom) = (Array(zip(undecided, outlines)), mailroom)
        guard asked.count > Errand.decidedHere else { return try await program.decide(asked, mailroom, view.mailbox) }
        return try await offLoop { try await program.decide(asked, mailroom, view.mailbox) }
    }

    // RFC 9051 §6.4.4.4, RFC 9394 §3.2: with MIN, MAX or PARTIAL alone those are saved, otherwise everything.
    private func saved(_ found: [Match], _ arguments: SearchArguments) -> [Match] {
        let returns = arguments.returns ?? .all
        guard !returns.contains(.all), !returns.contains(.count),
            returns.contains(.min) || returns.contains(.max) || arguments.partial != nil
        else { return found }
        var saved = arguments.partial.map { Array(found[$0.places(of: found.count)]) } ?? []
        if returns.contains(.min), let first = found.first { saved.append(first) }
        if returns.contains(.max), let last = found.last { saved.append(last) }
        return saved
    }

    private mutating func report(_ found: [Match], _ arguments: SearchArguments, _ numbering: Numbering) {
        let modSeq = arguments.key.asksModSeq ? modSeq(of: found, arguments) : nil
        guard dialect.isRev2 || arguments.returns != nil else {
            var numbers = NumberSet()
            for match in found { numbers.insert(match.told(numbering)) }
            output.writeSearch(numbers, modSeq: modSeq)
            return
        }
        // RFC 9051 §6.4.4.1: SAVE alone has no answer.
        guard arguments.returns != .save || arguments.partial != nil else { return }
        var result = ExtendedSearchResult(found, arguments, numbering)
        result.modSeq = modSeq
        output.writeExtendedSearch(result, tag: job.tag, numbering)
    }

    // RFC 7162 §3.1.5: the highest of all that were found; with MIN or MAX alone of those that are told. Nil when there is none.
    func modSeq(of found: [Match], _ arguments: SearchArguments) -> ModSeq? {
        saved(found, arguments).map(\.row.modSeq).max()
    }
}

extension Errand.Match {
    func told(_ numbering: Numbering) -> UInt32 { numbering == .uid ? row.uid.rawValue : number }
}

extension ExtendedSearchResult {
    /// What RETURN asks for, of messages in the order of their numbers.
    init(_ found: [Errand.Match], _ arguments: SearchArguments, _ numbering: Numbering) {
        self.init()
        let returns = arguments.returns ?? .all
        if returns.contains(.min) { min = found.first?.told(numbering) }
        if returns.contains(.max) { max = found.last?.told(numbering) }
        if returns.contains(.all) {
            var numbers = NumberSet()
            for match in found { numbers.insert(match.told(numbering)) }
            all = numbers
        }
        if returns.contains(.count) { count = found.count }
        if returns.contains(.relevancy) {
            relevancy = (arguments.partial.map { found[$0.places(of: found.count)] } ?? found[...]).map(\.relevancy)
        }
        partial = arguments.partial.map { range in
            PartialResult(range: range, numbers: found[range.places(of: found.count)].map { $0.told(numbering) })
        }
    }
}

extension SearchKey {
    /// Whether MODSEQ is among the keys.
    var asksModSeq: Bool {
        switch self {
        case .modSeq: true
        case .and(let keys): keys.contains(where: \.asksModSeq)
        case .or(let a, let b): a.asksModSeq || b.asksModSeq
        case .not(let key), .fuzzy(let key): key.asksModSeq
        default: false
        }
    }
}
