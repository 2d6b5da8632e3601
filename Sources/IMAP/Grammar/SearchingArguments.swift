// The commands that search (RFC 9051 §6.4.4, RFC 5256 §3, RFC 7377 §2.1).

extension SearchArguments: CommandArguments {
    package var searched: SearchArguments? { self }
    package var kind: CommandKind { .search }
    package var needlessCharset: String? { charset }

    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> SearchArguments { try reader.searchArguments() }
}

extension MultiSearchArguments: CommandArguments {
    package var searched: SearchArguments? { search }
    package var kind: CommandKind { .search }
    package var needlessCharset: String? { search.charset }

    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> MultiSearchArguments { try reader.multiSearchArguments() }
}

extension SortArguments: CommandArguments {
    package var searched: SearchArguments? { search }
    package var kind: CommandKind { .search }

    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> SortArguments { try reader.sortArguments() }
}

extension ThreadArguments: CommandArguments {
    package var searched: SearchArguments? { search }
    package var kind: CommandKind { .search }

    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> ThreadArguments { try reader.threadArguments() }
}

extension CommandArguments {
    /// Whether a UID command names messages by sequence numbers all the same: it must not be told of expunges (RFC 7162 §3.2.10.2).
    var usesNumbers: Bool { searched?.key.usesNumbers ?? false }
}

extension SearchKey {
    fileprivate var usesNumbers: Bool {
        switch self {
        case .sequence(.ranges): true
        case .and(let keys): keys.contains(where: \.usesNumbers)
        case .or(let a, let b): a.usesNumbers || b.usesNumbers
        case .not(let key), .fuzzy(let key): key.usesNumbers
        default: false
        }
    }
}
