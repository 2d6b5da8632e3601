import MailModel
import MessageFormat
import NIOCore

// SORT and THREAD (RFC 5256 §5, RFC 5267 §5).
extension ArgumentReader {
    //     sort          = ["UID" SP] "SORT" [search-return-opts] SP sort-criteria SP search-criteria
    //     sort-criteria = "(" sort-criterion *(SP sort-criterion) ")"
    mutating func sortArguments() throws(SyntaxError) -> SortArguments {
        var search = SearchArguments(key: .all)
        if takeWord("RETURN") {
            try space()
            try searchReturns(into: &search)
            try space()
        }
        var criteria: [SortArguments.Criterion] = []
        try list(atMost: 100) { (reader) throws(SyntaxError) in
            let criterion = try reader.sortCriterion()
            if !criteria.contains(where: { $0.key == criterion.key }) { criteria.append(criterion) }
        }
        try space()
        try searchCriteria(into: &search)
        return SortArguments(criteria, search)
    }

    //     sort-criterion = ["REVERSE" SP] sort-key
    //     sort-key = "ARRIVAL" / "CC" / "DATE" / "FROM" / "SIZE" / "SUBJECT" / "TO" / "DISPLAYFROM" / "DISPLAYTO"
    private mutating func sortCriterion() throws(SyntaxError) -> SortArguments.Criterion {
        var name = try keyword()
        let isReversed = name == "REVERSE"
        if isReversed {
            try space()
            name = try keyword()
        }
        guard let key = SortArguments.Key(rawValue: name) else { throw SyntaxError("Unknown sort key") }
        return SortArguments.Criterion(key, isReversed: isReversed)
    }

    //     thread     = ["UID" SP] "THREAD" SP thread-alg SP search-criteria
    //     thread-alg = "ORDEREDSUBJECT" / "REFERENCES" / thread-alg-ext
    mutating func threadArguments() throws(SyntaxError) -> ThreadArguments {
        guard let algorithm = ThreadArguments.Algorithm(rawValue: try keyword()) else {
            throw SyntaxError("Unknown threading algorithm")
        }
        try space()
        var search = SearchArguments(key: .all)
        try searchCriteria(into: &search)
        return ThreadArguments(algorithm, search)
    }

    //     search-criteria = charset 1*(SP search-key)
    private mutating func searchCriteria(into search: inout SearchArguments) throws(SyntaxError) {
        let charset = try text().uppercased()
        try space()
        try searchProgram(into: &search, charset: charset)
    }
}
