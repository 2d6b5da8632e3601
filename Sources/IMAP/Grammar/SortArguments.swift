/// SORT's (RFC 5256 §3, RFC 5267 §3, RFC 5957).
package struct SortArguments: Hashable, Sendable {
    package enum Key: String, CaseIterable, Hashable, Sendable {
        case arrival = "ARRIVAL"
        case cc = "CC"
        case date = "DATE"
        case from = "FROM"
        case size = "SIZE"
        case subject = "SUBJECT"
        case to = "TO"
        case displayFrom = "DISPLAYFROM"
        case displayTo = "DISPLAYTO"
    }

    package struct Criterion: Hashable, Sendable {
        package let key: Key
        package let isReversed: Bool

        package init(_ key: Key, isReversed: Bool = false) {
            self.key = key
            self.isReversed = isReversed
        }
    }

    /// In the order of their weight; each key once, for a second time it decides nothing.
    package var criteria: [Criterion]
    /// Which messages, and with RETURN what is told of them (ESORT).
    package var search: SearchArguments

    package init(_ criteria: [Criterion], _ search: SearchArguments) {
        self.criteria = criteria
        self.search = search
    }
}

/// THREAD's (RFC 5256 §3).
package struct ThreadArguments: Hashable, Sendable {
    package enum Algorithm: String, CaseIterable, Hashable, Sendable {
        case orderedSubject = "ORDEREDSUBJECT"
        case references = "REFERENCES"
        /// draft-ietf-morg-inthread §5.
        case refs = "REFS"
    }

    package var algorithm: Algorithm
    package var search: SearchArguments

    package init(_ algorithm: Algorithm, _ search: SearchArguments) {
        self.algorithm = algorithm
        self.search = search
    }
}
