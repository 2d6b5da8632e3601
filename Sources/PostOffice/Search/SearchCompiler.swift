import MailModel
import MessageFormat
import Storage

/// Makes a query ready for one mailbox.
struct SearchCompiler {
    let keywords: KeywordTable
    /// The UIDs that those conditions mean which neither rows nor messages answer, and those that have keywords beyond the rows' words.
    let resolved: [SearchQuery: NumberSet]
    /// Whether texts are looked for approximately.
    private var isFuzzy = false

    init(keywords: KeywordTable, resolved: [SearchQuery: NumberSet]) {
        self.keywords = keywords
        self.resolved = resolved
    }

    // As deep as the query, which whoever made it has bounded.
    func test(_ query: SearchQuery) -> SearchProgram.Test {
        switch query {
        case .all: .constant(true)
        case .and(let queries): .all(queries.map(test))
        case .or(let a, let b): .either(test(a), test(b))
        case .not(let query): .not(test(query))
        case .approximate(let query): fuzzy.test(query)
        case .uids(let set): .uids(set)
        case .places(let places): .places(NumberSet(places.map { UInt32(clamping: $0.lowerBound + 1)...UInt32(clamping: $0.upperBound) }))
        case .flags(let flags): .flags(FlagBits(flags))
        case .keyword(let keyword): test(keyword)
        case .received(let range): .dates(range.lowerBound.rawValue..<range.upperBound.rawValue)
        case .size(let range): .sizes(range)
        case .changed(let modSeq): .changedSince(modSeq)
        case .message(let body): .email(body)
        case .thread, .saved: .uids(resolved[query] ?? NumberSet())
        case .sent(let days): .sent(days)
        case .field(let name, let text): approximate(text, .field(name)) ?? .field(name, SearchNeedle(text))
        case .addresses(let field, let text): approximate(text, .field(field)) ?? .address(field, SearchNeedle(text))
        case .body(let text): approximate(text, .body) ?? .body(SearchNeedle(text))
        case .text(let text): approximate(text, .text) ?? .text(SearchNeedle(text))
        }
    }

    private var fuzzy: SearchCompiler {
        var compiler = self
        compiler.isFuzzy = true
        return compiler
    }

    private func test(_ keyword: Keyword) -> SearchProgram.Test {
        guard let place = keywords.place(of: keyword) else { return .constant(false) }
        guard place < FlagBits.places else { return .uids(resolved[.keyword(keyword)] ?? NumberSet()) }
        return .flags(keywords.bits(of: Flags(keywords: [keyword])).bits)
    }

    // What cannot be approximate is looked for as it is written (RFC 6203 §3).
    private func approximate(_ text: String, _ place: SearchProgram.Alike.Place) -> SearchProgram.Test? {
        let needle = FuzzyNeedle(isFuzzy ? text : "")
        return needle.words.isEmpty ? nil : .alike(SearchProgram.Alike(needle: needle, place: place))
    }
}
