import MailModel
import MessageFormat
import NIOCore
import PostOffice
import Storage

/// Three truths: what the facts at hand leave open is unknown.
enum Truth: Sendable {
    case yes
    case no
    case unknown

    init(_ value: Bool) { self = value ? .yes : .no }

    static prefix func ! (a: Truth) -> Truth {
        switch a {
        case .yes: .no
        case .no: .yes
        case .unknown: .unknown
        }
    }
}

/// A search's keys made ready for one view of a mailbox: what can be worked out once is.
///
/// Asked with a message's row alone, then with its outline, then with its texts: each answers what it can, and most messages need no more
/// than the row.
struct SearchProgram: Sendable {
    indirect enum Test: Sendable {
        case constant(Bool)
        case all([Test])
        case either(Test, Test)
        case not(Test)
        case numbers(NumberSet)
        case uids(NumberSet)
        case flags(UInt64)
        /// INTERNALDATE in seconds.
        case dates(Range<Int64>)
        case sizes(Range<UInt64>)
        case changedSince(ModSeq)
        case email(BodyID)
        /// Of the Date field, as it was written.
        case sentDays(@Sendable (CalendarDay) -> Bool)
        case field(String, SearchNeedle)
        case body(SearchNeedle)
        case text(SearchNeedle)
        case alike(Alike)
    }

    private let test: Test
    private var findings = SearchFindings()
    let isFuzzy: Bool

    /// `NoSuchNumber`; `Ending` for keys that are not served, whose capabilities are not advertised.
    /// `resolved`: the UIDs that those keys mean which neither rows nor messages answer.
    init(_ key: SearchKey, _ view: MailboxView, now: Timestamp, resolved: [SearchKey: NumberSet] = [:]) throws {
        test = try SearchCompiler(view: view, table: view.current.keywords, now: now, resolved: resolved).test(key)
        isFuzzy = !test.allAlikes.isEmpty
    }

    /// Ready to use what the index knows. `known`: what it has answered to the same keys, by accounts: it is asked once of each.
    func informed(
        _ mailroom: Mailroom, _ mailbox: OpenMailbox, _ known: inout [AccountID: SearchFindings]
    ) async throws -> SearchProgram {
        let questions = test.questions
        let fuzzy = Set(test.allAlikes.map(\.question))
        guard !questions.isEmpty || !fuzzy.isEmpty else { return self }
        var program = self
        if let findings = known[mailbox.account] {
            program.findings = findings
        } else {
            program.findings = try await mailroom.search(questions, fuzzy: fuzzy, in: mailbox)
            known[mailbox.account] = program.findings
        }
        return program
    }

    /// Of a message that matches by its row and the index.
    func relevancy(of row: MessageRow, number: UInt32) -> UInt8 {
        test.relevancy(SearchFacts(row: row, number: number, findings: findings)) ?? 100
    }

    func verdict(on row: MessageRow, number: UInt32) -> Truth {
        SearchFacts(row: row, number: number, findings: findings).truth(of: test)
    }

    /// Those that match, in order. Reads headers and texts where nothing else decides, which burns.
    func decide(
        _ undecided: [(Errand.Match, MessageOutline)], _ mailroom: Mailroom, _ mailbox: OpenMailbox
    ) async throws -> [Errand.Match] {
        var found: [Errand.Match] = []
        for (match, outline) in undecided {
            await Task.yield()
            try Task.checkCancellation()
            var facts = SearchFacts(row: match.row, number: match.number, findings: findings)
            facts.outline = outline
            facts.header = outline.header
            var truth = facts.truth(of: test)
            if truth == .unknown, facts.header == nil {
                let end = min(outline.headerSize, MessageLimits.standard.headerOctets)
                facts.header = try await mailroom.read(0..<end, of: match.row, in: mailbox)
                truth = facts.truth(of: test)
            }
            if truth == .unknown {
                try await facts.readTexts(for: test, mailroom, mailbox)
                truth = facts.truth(of: test)
            }
            guard truth == .yes else { continue }
            var match = match
            match.relevancy = test.relevancy(facts) ?? 100
            found.append(match)
        }
        return found
    }
}

/// What is known of one message.
struct SearchFacts {
    let row: MessageRow
    let number: UInt32
    let findings: SearchFindings
    var outline: MessageOutline?
    var header: ByteBuffer?
    /// The needles of BODY and TEXT that are in the body's texts; nil: not looked for yet.
    var inBody: Set<SearchNeedle>?
    /// Those that texts have told.
    var scores: [SearchProgram.Alike: UInt8] = [:]

    init(row: MessageRow, number: UInt32, findings: SearchFindings) {
        self.row = row
        self.number = number
        self.findings = findings
    }

    func truth(of test: SearchProgram.Test) -> Truth {
        switch test {
        case .constant(let value): Truth(value)
        case .all(let tests): truth(ofAll: tests)
        case .either(let a, let b): truth(ofEither: a, b)
        case .not(let test): !truth(of: test)
        case .numbers(let set): Truth(set.contains(number))
        case .uids(let set): Truth(set.contains(row.uid))
        case .flags(let bits): Truth(row.flags.rawValue & bits == bits)
        case .dates(let range): Truth(range.contains(row.internalDate.rawValue))
        case .sizes(let range): Truth(range.contains(UInt64(row.size)))
        case .changedSince(let modSeq): Truth(row.modSeq >= modSeq)
        case .email(let body): Truth(row.body == body)
        case .sentDays(let isMeant): truth(ofDay: isMeant)
        case .field(let name, let needle): truth(ofField: name, needle)
        case .body(let needle): truth(ofBody: needle)
        case .text(let needle): truth(ofText: needle)
        case .alike(let alike): score(alike).map { Truth($0 > 0) } ?? .unknown
        }
    }

    private func truth(ofAll tests: [SearchProgram.Test]) -> Truth {
        var result = Truth.yes
        for test in tests {
            switch truth(of: test) {
            case .no: return .no
            case .unknown: result = .unknown
            case .yes: break
            }
        }
        return result
    }

    private func truth(ofEither a: SearchProgram.Test, _ b: SearchProgram.Test) -> Truth {
        let first = truth(of: a)
        if first == .yes { return .yes }
        let second = truth(of: b)
        if second == .yes { return .yes }
        return first == .unknown || second == .unknown ? .unknown : .no
    }

    private func truth(ofDay isMeant: (CalendarDay) -> Bool) -> Truth {
        guard let outline else { return .unknown }
        guard let date = outline.sentDate else { return .no }
        return Truth(isMeant(CalendarDay(of: date.timestamp, offset: date.offset)))
    }

    private func truth(ofField name: String, _ needle: SearchNeedle) -> Truth {
        // The index knows of whole headers: where it has no such text, the field has none.
        if !needle.isEmpty, findings.holds(SearchQuestion(needle, in: .header), row.body) == false { return .no }
        guard let header else { return .unknown }
        return Truth(SearchableText.anyField(name, of: header) { needle.isIn(folded: $0) })
    }

    private func truth(ofBody needle: SearchNeedle) -> Truth {
        if let inBody { return Truth(inBody.contains(needle)) }
        if needle.isEmpty { return .yes }
        return findings.holds(SearchQuestion(needle, in: .body), row.body).map { Truth($0) } ?? .unknown
    }

    private func truth(ofText needle: SearchNeedle) -> Truth {
        if needle.isEmpty { return .yes }
        if let holds = findings.holds(SearchQuestion(needle, in: [.header, .body]), row.body) { return Truth(holds) }
        if inBody?.contains(needle) == true { return .yes }
        guard let header else { return .unknown }
        var folded: [UInt8] = []
        SearchableText.fold(header: header, into: &folded)
        if needle.isIn(folded: folded) { return .yes }
        return inBody == nil ? .unknown : .no
    }

    mutating func readTexts(for test: SearchProgram.Test, _ mailroom: Mailroom, _ mailbox: OpenMailbox) async throws {
        guard let outline else { return }
        var wanted = test.needles
        let alikes = test.allAlikes.filter { score($0) == nil }
        var best = Dictionary(uniqueKeysWithValues: alikes.map { ($0, [UInt8](repeating: 0, count: $0.needle.words.count)) })
        // The empty text is in every body.
        var found = wanted.filter(\.isEmpty)
        wanted.subtract(found)
        let row = row
        func visit(_ folded: [UInt8]) -> Bool {
            for needle in wanted where needle.isIn(folded: folded) { found.insert(needle) }
            wanted.subtract(found)
            for alike in alikes { alike.needle.score(in: folded, &best[alike, default: []]) }
            return !wanted.isEmpty || !alikes.isEmpty
        }
        let isSettled = wanted.isEmpty && alikes.isEmpty
        let texts = SearchableText(outline, overlap: (wanted.map(\.octets.count).max() ?? 1) - 1)
        if !isSettled, outline.size <= SearchableText.readSize {
            let whole = try await mailroom.read(nil, of: row, in: mailbox)
            texts.forEach(readNow: { whole.getSlice(at: whole.readerIndex + $0.lowerBound, length: $0.count) ?? ByteBuffer() }, visit: visit)
        } else if !isSettled {
            try await texts.forEach(
                read: { range in
                    await Task.yield()
                    return try await mailroom.read(range, of: row, in: mailbox)
                }, visit: visit)
        }
        inBody = found
        guard !alikes.isEmpty, let header else { return }
        var folded: [UInt8] = []
        SearchableText.fold(header: header, into: &folded)
        for (alike, likeness) in best {
            var likeness = likeness
            if alike.zones.contains(.header) { alike.needle.score(in: folded, &likeness) }
            scores[alike] = alike.needle.score(likeness)
        }
    }
}

extension SearchProgram.Test {
    /// What to ask an index.
    fileprivate var questions: Set<SearchQuestion> {
        switch self {
        case .field(_, let needle): needle.isEmpty ? [] : [SearchQuestion(needle, in: .header)]
        case .body(let needle): needle.isEmpty ? [] : [SearchQuestion(needle, in: .body)]
        case .text(let needle): needle.isEmpty ? [] : [SearchQuestion(needle, in: [.header, .body])]
        case .all(let tests): tests.reduce(into: []) { $0.formUnion($1.questions) }
        case .either(let a, let b): a.questions.union(b.questions)
        case .not(let test): test.questions
        default: []
        }
    }

    /// Of BODY and TEXT.
    fileprivate var needles: Set<SearchNeedle> {
        switch self {
        case .body(let needle), .text(let needle): [needle]
        case .all(let tests): tests.reduce(into: []) { $0.formUnion($1.needles) }
        case .either(let a, let b): a.needles.union(b.needles)
        case .not(let test): test.needles
        default: []
        }
    }
}
