import MailModel
import Storage

// Keywords that the rows' words have no bits for: which messages have them is looked up once, and only messages that have any such are looked at.
extension SearchQuery {
    /// Those among the conditions, each once.
    fileprivate var keywords: Set<Keyword> {
        switch self {
        case .keyword(let keyword): [keyword]
        case .and(let queries): queries.reduce(into: []) { $0.formUnion($1.keywords) }
        case .or(let a, let b): a.keywords.union(b.keywords)
        case .not(let query), .approximate(let query): query.keywords
        default: []
        }
    }
}

extension Mailroom {
    /// Adds to what is resolved which messages of `live` have those keywords of the query.
    func resolveKeywords(of query: SearchQuery, among live: MailboxSnapshot, in mailbox: OpenMailbox, _ resolved: inout [SearchQuery: NumberSet]) async throws {
        guard live.keywords.hasFurther else { return }
        for keyword in query.keywords {
            guard let place = live.keywords.place(of: keyword), place >= FlagBits.places else { continue }
            resolved[.keyword(keyword)] = try await withRows(of: mailbox) { try live.uids(having: place) }
        }
    }
}
