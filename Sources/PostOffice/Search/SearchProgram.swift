import MailModel
import MessageFormat
import NIOCore
import Storage

/// A query made ready for one mailbox: what can be worked out once is.
///
/// It is asked with a message's row alone, then with its outline, then with its texts: each answers what it can, and most messages need no more than the row.
struct SearchProgram: Sendable {
    indirect enum Test: Sendable {
        case constant(Bool)
        case all([Test])
        case either(Test, Test)
        case not(Test)
        /// Counted from 1 on.
        case places(NumberSet)
        case uids(NumberSet)
        /// All of these bits are set.
        case flags(FlagBits)
        /// INTERNALDATE in seconds.
        case dates(Range<Int64>)
        case sizes(Range<UInt64>)
        case changedSince(ModSeq)
        case email(BodyID)
        /// Of the Date field, as it was written.
        case sent(DaySpan)
        case field(String, SearchNeedle)
        case address(String, SearchNeedle)
        case body(SearchNeedle)
        case text(SearchNeedle)
        case alike(Alike)
    }

    private let test: Test
    private var findings = SearchFindings()
    let isFuzzy: Bool

    /// `resolved`: the UIDs that those conditions mean which neither rows nor messages answer.
    init(_ query: SearchQuery, keywords: KeywordTable, resolved: [SearchQuery: NumberSet] = [:]) {
        test = SearchCompiler(keywords: keywords, resolved: resolved).test(query)
        isFuzzy = !test.allAlikes.isEmpty
    }

    /// Ready to use what the index knows.
    func informed(_ mailroom: Mailroom, _ mailbox: OpenMailbox, _ knowledge: inout SearchKnowledge) async throws -> SearchProgram {
        let questions = test.questions
        let fuzzy = Set(test.allAlikes.map(\.question))
        guard !questions.isEmpty || !fuzzy.isEmpty else { return self }
        var program = self
        program.findings = try await knowledge.findings(questions, fuzzy, mailroom, mailbox)
        return program
    }

    /// Of a message that matches by its row and the index.
    func relevancy(of message: FoundMessage) -> UInt8 { test.relevancy(SearchFacts(message, findings)) ?? 100 }

    func verdict(on message: FoundMessage) -> Truth { SearchFacts(message, findings).truth(of: test) }

    /// Those that match, in order. Reads headers and texts where nothing else decides, which burns.
    func decide(
        _ undecided: [(FoundMessage, EncodedOutline)], _ mailroom: Mailroom, _ mailbox: OpenMailbox
    ) async throws -> [FoundMessage] {
        let asksSentDay = test.asksSentDay
        var found: [FoundMessage] = []
        for (index, (message, encoded)) in undecided.enumerated() {
            var facts = SearchFacts(message, findings)
            do {
                facts.header = try encoded.header()
                if asksSentDay { facts.sentDate = .some(try encoded.sentDate()) }
            } catch {
                throw StorageFault.corrupt("outline of body \(message.row.body.rawValue): \(error)")
            }
            var truth = facts.truth(of: test)
            if truth == .unknown {
                await Task.yield()
                try Task.checkCancellation()
                truth = try await truthByReading(&facts, encoded, mailroom, mailbox)
            } else if index % SearchProgram.breath == 0 {
                await Task.yield()
                try Task.checkCancellation()
            }
            guard truth == .yes else { continue }
            var message = message
            message.relevancy = test.relevancy(facts) ?? 100
            found.append(message)
        }
        return found
    }

    /// Messages that are decided by what is at hand before others have their turn.
    private static let breath = 32

    private func truthByReading(
        _ facts: inout SearchFacts, _ encoded: EncodedOutline, _ mailroom: Mailroom, _ mailbox: OpenMailbox
    ) async throws -> Truth {
        let row = facts.message.row
        let outline: MessageOutline
        do { outline = try encoded.decoded() } catch { throw StorageFault.corrupt("outline of body \(row.body.rawValue): \(error)") }
        if facts.header == nil {
            facts.header = try await mailroom.read(0..<min(outline.headerSize, MessageLimits.standard.headerOctets), of: row, in: mailbox)
            let truth = facts.truth(of: test)
            guard truth == .unknown else { return truth }
        }
        try await facts.readTexts(outline, for: test, mailroom, mailbox)
        return facts.truth(of: test)
    }
}

extension SearchProgram.Test {
    /// What to ask an index.
    fileprivate var questions: Set<SearchQuestion> {
        switch self {
        case .field(_, let needle), .address(_, let needle): needle.isEmpty ? [] : [SearchQuestion(needle, in: .header)]
        case .body(let needle): needle.isEmpty ? [] : [SearchQuestion(needle, in: .body)]
        case .text(let needle): needle.isEmpty ? [] : [SearchQuestion(needle, in: [.header, .body])]
        case .all(let tests): tests.reduce(into: []) { $0.formUnion($1.questions) }
        case .either(let a, let b): a.questions.union(b.questions)
        case .not(let test): test.questions
        default: []
        }
    }

    fileprivate var asksSentDay: Bool {
        switch self {
        case .sent: true
        case .all(let tests): tests.contains(where: \.asksSentDay)
        case .either(let a, let b): a.asksSentDay || b.asksSentDay
        case .not(let test): test.asksSentDay
        default: false
        }
    }

    /// Of BODY and TEXT.
    var needles: Set<SearchNeedle> {
        switch self {
        case .body(let needle), .text(let needle): [needle]
        case .all(let tests): tests.reduce(into: []) { $0.formUnion($1.needles) }
        case .either(let a, let b): a.needles.union(b.needles)
        case .not(let test): test.needles
        default: []
        }
    }
}
