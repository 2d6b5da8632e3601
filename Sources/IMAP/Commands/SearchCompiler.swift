import MailModel
import MessageFormat
import Storage

/// Makes a search's keys ready for one view of a mailbox (RFC 9051 §6.4.4).
struct SearchCompiler {
    let view: MailboxView
    let table: KeywordTable
    let now: Timestamp
    /// Answers to keys that neither rows nor messages hold.
    let resolved: [SearchKey: NumberSet]
    /// Whether texts are looked for approximately.
    private var isFuzzy = false

    init(view: MailboxView, table: KeywordTable, now: Timestamp, resolved: [SearchKey: NumberSet]) {
        self.view = view
        self.table = table
        self.now = now
        self.resolved = resolved
    }

    // As deep as the keys, which the grammar bounds.
    func test(_ key: SearchKey) throws -> SearchProgram.Test {
        switch key {
        case .all: .constant(true)
        case .and(let keys): .all(try keys.map(test))
        case .or(let a, let b): .either(try test(a), try test(b))
        case .not(let key): .not(try test(key))
        case .fuzzy(let key): try fuzzy.test(key)
        case .sequence(let set): try numbers(set)
        case .uid(.saved): .uids(view.saved)
        case .uid(let set): .uids(set.resolved(last: view.rows.lastUID?.rawValue ?? 0) ?? NumberSet())
        default: try testOfRow(key) ?? testOfMessage(key)
        }
    }

    private var fuzzy: SearchCompiler {
        var compiler = self
        compiler.isFuzzy = true
        return compiler
    }

    // What cannot be approximate is looked for as it is written (RFC 6203 §3).
    private func field(_ name: String, _ text: String) -> SearchProgram.Test {
        approximate(text, .field(name)) ?? .field(name, SearchNeedle(text))
    }

    private func addresses(_ field: String, _ text: String) -> SearchProgram.Test {
        approximate(text, .field(field)) ?? .address(field, SearchNeedle(text))
    }

    private func numbers(_ set: SequenceSet) throws -> SearchProgram.Test {
        if case .saved = set { return .uids(view.saved) }
        let places = try view.places(of: set, .sequence)
        return .numbers(NumberSet(places.map { UInt32(clamping: $0.lowerBound + 1)...UInt32(clamping: $0.upperBound) }))
    }

    private func testOfRow(_ key: SearchKey) throws -> SearchProgram.Test? {
        switch key {
        case .flag(let flag): .flags(flag.rawValue)
        case .keyword(let keyword): try test(keyword)
        case .recent: .uids(view.recent)
        case .old: .not(.uids(view.recent))
        case .new: .all([.uids(view.recent), .not(.flags(SystemFlags.seen.rawValue))])
        // A day is one of UTC, in which INTERNALDATE is shown.
        case .before(let day): .dates(.min..<start(of: day))
        case .on(let day): .dates(start(of: day)..<start(of: day) + 86_400)
        case .since(let day): .dates(start(of: day)..<Int64.max)
        case .larger(let size): .sizes(min(size, .max - 1) + 1..<UInt64.max)
        case .smaller(let size): .sizes(0..<size)
        // RFC 5032 §3.
        case .older(let seconds): .dates(.min..<now.rawValue &- Int64(seconds) &+ 1)
        case .younger(let seconds): .dates(now.rawValue &- Int64(seconds)..<Int64.max)
        case .modSeq(let modSeq): .changedSince(modSeq)
        // RFC 8474 §5.3.
        case .emailID(let id): BodyID(objectID: id).map { .email($0) } ?? .constant(false)
        case .threadID, .savedBefore, .savedOn, .savedSince: resolved[key].map { .uids($0) }
        case .saveDateSupported: .constant(true)
        default: nil
        }
    }

    private func test(_ keyword: Keyword) throws -> SearchProgram.Test {
        guard let place = table.place(of: keyword) else { return .constant(false) }
        // Only messages that have keywords beyond those of the rows are looked at.
        guard place < FlagBits.places else { return .uids(try view.current.uids(having: place)) }
        return .flags(table.bits(of: Flags(keywords: [keyword])).bits.rawValue)
    }

    private func start(of day: CalendarDay) -> Int64 {
        Timestamp(Timestamp.Civil(year: day.year, month: day.month, day: day.day))?.rawValue ?? 0
    }

    private func approximate(_ text: String, _ place: SearchProgram.Alike.Place) -> SearchProgram.Test? {
        let needle = FuzzyNeedle(isFuzzy ? text : "")
        return needle.words.isEmpty ? nil : .alike(SearchProgram.Alike(needle: needle, place: place))
    }

    private func testOfMessage(_ key: SearchKey) throws -> SearchProgram.Test {
        switch key {
        case .from(let text): addresses("from", text)
        case .to(let text): addresses("to", text)
        case .cc(let text): addresses("cc", text)
        case .bcc(let text): addresses("bcc", text)
        case .subject(let text): field("subject", text)
        case .header(let field, let text): self.field(field, text)
        case .body(let text): approximate(text, .body) ?? .body(SearchNeedle(text))
        case .text(let text): approximate(text, .text) ?? .text(SearchNeedle(text))
        case .sentBefore(let day): .sentDays { $0 < day }
        case .sentOn(let day): .sentDays { $0 == day }
        case .sentSince(let day): .sentDays { $0 >= day }
        default: throw Ending(.bad("That search key is not served"))
        }
    }
}
