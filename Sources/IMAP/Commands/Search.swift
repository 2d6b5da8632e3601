import MailModel
import NIOCore
import PostOffice
import Storage

// SEARCH (RFC 9051 §6.4.4; RFC 4731; RFC 5182; RFC 7162 §3.1.5, §3.1.6).
extension Errand {
    mutating func search(_ arguments: SearchArguments, _ numbering: Numbering) async throws -> Answer {
        guard var view else { return .bad("Select a mailbox first") }
        let saves = arguments.returns?.contains(.save) ?? false
        do {
            guard arguments.isCharsetSupported else {
                throw Ending(.no("That charset is not supported", .badCharset(["US-ASCII", "UTF-8"])))
            }
            if arguments.key.asksModSeq { enableModSeqs() }
            // RFC 6203 §4: scores are of fuzzy searches.
            if arguments.returns?.contains(.relevancy) == true, !arguments.key.isFuzzy { return .bad("RELEVANCY needs a FUZZY key") }
            let program = try SearchProgram(try limited(arguments.key, of: view), view, now: mailroom.now)
            let found = try await matches(of: program, in: view)
            if saves { view.saved = NumberSet(saved(found, arguments.returns ?? []).lazy.map(\.row.uid)) }
            self.view = view
            report(found, arguments, numbering)
            return .ok("SEARCH done")
        } catch {
            // RFC 9051 §6.4.4.1: a search that fails empties "$".
            if saves {
                view.saved = NumberSet()
                self.view = view
            }
            throw error
        }
    }

    struct Match: Sendable {
        let number: UInt32
        let row: MessageRow
        /// 1...100 (RFC 6203 §4).
        var relevancy: UInt8 = 100
    }

    private static let batch = 128

    private func matches(of program: SearchProgram, in view: MailboxView) async throws -> [Match] {
        var found: [Match] = []
        let program = try await program.informed(mailroom, view.mailbox)
        let live = view.current
        let isCurrent = live.highestModSeq == view.rows.highestModSeq && live.count == view.rows.count
        var start = 0
        while start < view.rows.count {
            var undecided: [Match] = []
            // What the rows alone decide takes no waiting: up to the next few that need more.
            view.rows.forEach(from: start) { index, known in
                start = index + 1
                var match = Match(number: UInt32(clamping: index + 1), row: isCurrent ? known : live.row(known.uid) ?? known)
                switch program.verdict(on: match.row, number: match.number) {
                case .yes:
                    if program.isFuzzy { match.relevancy = program.relevancy(of: match.row, number: match.number) }
                    undecided.isEmpty ? found.append(match) : undecided.append(match)
                case .no: break
                case .unknown: undecided.append(match)
                }
                return undecided.count < Errand.batch && start % 4_096 != 0
            }
            if undecided.isEmpty { await Task.yield() } else { found += try await decide(undecided, program, view) }
        }
        return found
    }

    private func decide(_ undecided: [Match], _ program: SearchProgram, _ view: MailboxView) async throws -> [Match] {
        let outlines = try await mailroom.outlines(of: undecided.map(\.row), in: view.mailbox)
        return try await program.decide(Array(zip(undecided, outlines)), mailroom, view.mailbox)
    }

    // RFC 9051 §6.4.4.4: with MIN or MAX alone those are saved, otherwise everything.
    private func saved(_ found: [Match], _ returns: SearchArguments.ReturnOptions) -> [Match] {
        guard !returns.contains(.all), !returns.contains(.count), returns.contains(.min) || returns.contains(.max) else { return found }
        var saved: [Match] = []
        if returns.contains(.min), let first = found.first { saved.append(first) }
        if returns.contains(.max), let last = found.last { saved.append(last) }
        return saved
    }

    private mutating func report(_ found: [Match], _ arguments: SearchArguments, _ numbering: Numbering) {
        var numbers = NumberSet()
        for match in found { numbers.insert(numbering == .uid ? match.row.uid.rawValue : match.number) }
        let modSeq = arguments.key.asksModSeq ? modSeq(of: found, arguments.returns) : nil
        guard dialect.isRev2 || arguments.returns != nil else {
            output.writeSearch(numbers, modSeq: modSeq)
            return
        }
        let returns = arguments.returns ?? .all
        // RFC 9051 §6.4.4.1: SAVE alone has no answer.
        guard returns != .save else { return }
        var result = ExtendedSearchResult()
        if returns.contains(.min) { result.min = numbers.first }
        if returns.contains(.max) { result.max = numbers.last }
        if returns.contains(.all) { result.all = numbers }
        if returns.contains(.count) { result.count = found.count }
        result.modSeq = modSeq
        if returns.contains(.relevancy) { result.relevancy = found.map(\.relevancy) }
        output.writeExtendedSearch(result, tag: job.tag, numbering)
    }

    // RFC 7162 §3.1.5: the highest of all that were found; with MIN or MAX alone of those that are told. Nil when there is none.
    private func modSeq(of found: [Match], _ returns: SearchArguments.ReturnOptions?) -> ModSeq? {
        saved(found, returns ?? .all).map(\.row.modSeq).max()
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
