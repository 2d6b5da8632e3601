extension Command {
    /// Whether a UID command names messages by sequence numbers all the same: it must not be told of expunges (RFC 7162 §3.2.10.2).
    var usesNumbers: Bool {
        switch self {
        case .search(let arguments, .uid): arguments.key.usesNumbers
        case .sort(let arguments, .uid): arguments.search.key.usesNumbers
        case .thread(let arguments, .uid): arguments.search.key.usesNumbers
        case .multiSearch(let arguments): arguments.search.key.usesNumbers
        default: false
        }
    }
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
