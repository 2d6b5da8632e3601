import MailModel
import NIOCore
import PostOffice
import Storage

// SEARCH (RFC 9051 §6.4.4; RFC 4731; RFC 5182; RFC 6203; RFC 7162 §3.1.5, §3.1.6; RFC 9394).
extension CommandExecution {
    mutating func search(_ arguments: SearchArguments, _ numbering: Numbering) async throws -> StatusResponse {
        do {
            let found = try await found(by: arguments)
            try await burn(found.count) { execution in
                execution.keep(found, arguments)
                execution.report(found, arguments, numbering)
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
    mutating func found(by arguments: SearchArguments) async throws -> [FoundMessage] {
        try await found(by: arguments, in: try selectedView())
    }

    mutating func found(by arguments: SearchArguments, in view: MailboxView) async throws -> [FoundMessage] {
        guard arguments.isCharsetSupported else {
            throw Ending(.no("That charset is not supported", .badCharset(["US-ASCII", "UTF-8"])))
        }
        if arguments.key.asksModSeq { enableModSeqs() }
        // RFC 6203 §4: scores are of fuzzy searches.
        if arguments.returns?.contains(.relevancy) == true, !arguments.key.isFuzzy { throw Ending(.bad("RELEVANCY needs a FUZZY key")) }
        let key = try await limited(arguments.key, of: view)
        let query = try key.query(in: view, now: mailroom.now)
        var search = try await mailroom.search(query, of: view.rows, in: view.mailbox, &searchKnowledge)
        var found: [FoundMessage] = []
        while let step = try await search.next() {
            if found.isEmpty { found = step.found } else { found += step.found }
            for message in step.unreadable { try leaveOut(message) }
            try await tellProgress(search.searched, of: search.total)
        }
        return found
    }

    /// SAVE (RFC 9051 §6.4.4.1).
    mutating func keep(_ found: [FoundMessage], _ arguments: SearchArguments) {
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

    // RFC 9051 §6.4.4.4, RFC 9394 §3.2: with MIN, MAX or PARTIAL alone those are saved, otherwise everything.
    private func saved(_ found: [FoundMessage], _ arguments: SearchArguments) -> [FoundMessage] {
        let returns = arguments.returns ?? .all
        guard !returns.contains(.all), !returns.contains(.count),
            returns.contains(.min) || returns.contains(.max) || arguments.partial != nil
        else { return found }
        var saved = arguments.partial.map { Array(found[$0.places(of: found.count)]) } ?? []
        if returns.contains(.min), let first = found.first { saved.append(first) }
        if returns.contains(.max), let last = found.last { saved.append(last) }
        return saved
    }

    private mutating func report(_ found: [FoundMessage], _ arguments: SearchArguments, _ numbering: Numbering) {
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
    func modSeq(of found: [FoundMessage], _ arguments: SearchArguments) -> ModSeq? {
        saved(found, arguments).map(\.row.modSeq).max()
    }
}

extension ExtendedSearchResult {
    /// What RETURN asks for, of messages in the order of their numbers.
    init(_ found: [FoundMessage], _ arguments: SearchArguments, _ numbering: Numbering) {
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
