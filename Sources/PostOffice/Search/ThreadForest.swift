/// How conversations are made of messages.
package enum ThreadAlgorithm: CaseIterable, Hashable, Sendable {
    /// One a subject, its first message above the others (RFC 5256 §3).
    case orderedSubject
    /// By who refers to whom, then by subjects (RFC 5256 §3).
    case references
    /// By who refers to whom alone, the conversation with the latest arrival last (draft-ietf-morg-inthread §5).
    case refs
}

/// Conversations: trees whose nodes are messages, or stand for messages that are missing and that others answer.
package struct ThreadForest: Hashable, Sendable {
    /// Of each node: the place of its message among those that were threaded; -1: it is missing.
    private var places: [Int] = []
    /// Of each node, in order. Nodes that no root leads to are none.
    package private(set) var children: [[Int]] = []
    /// In order.
    package private(set) var roots: [Int] = []

    init() {}

    init(places: [Int], children: [[Int]], roots: [Int]) {
        self.places = places
        self.children = children
        self.roots = roots
    }

    /// Nil: it is missing.
    package func message(at node: Int) -> Int? { places[node] < 0 ? nil : places[node] }

    /// Adds a node; its place.
    mutating func add(_ message: Int) -> Int {
        places.append(message)
        children.append([])
        return places.count - 1
    }

    mutating func addRoot(_ node: Int) { roots.append(node) }
    mutating func link(_ child: Int, below node: Int) { children[node].append(child) }
}
