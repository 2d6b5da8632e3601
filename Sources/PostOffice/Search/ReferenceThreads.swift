/// THREAD=REFERENCES (RFC 5256 §3, its steps by their numbers) and THREAD=REFS, which is the same without step 5 and orders threads by
/// their latest arrival (draft-ietf-morg-inthread §5).
///
/// A node is a Message-ID, with its message or as a dummy for one that is missing, or a message whose Message-ID is missing or another
/// message's. All walks are loops: a conversation may be deeper than a stack.
struct ReferenceThreads {
    private let table: ThreadTable
    /// The node's message; -1: a dummy.
    private var message: [Int]
    private var parent: [Int]
    private var childCount: [Int]
    private var children: [[Int]] = []
    private var roots: [Int] = []
    /// Steps that looking for loops may still take; a mailbox made to need more gets shorter threads.
    private var steps = 100_000_000

    init(_ table: ThreadTable) {
        self.table = table
        message = Array(repeating: -1, count: table.idCount)
        parent = message
        childCount = Array(repeating: 0, count: table.idCount)
        link()
        prune()
        sortRoots()
        if table.algorithm == .references { mergeSubjects() }
        for node in children.indices { sortChildren(of: node) }
        if table.algorithm == .references { sortRoots() } else { sortRootsByArrival() }
    }

    func forest() -> ThreadForest {
        ThreadForest(places: message, children: children, roots: roots)
    }

    private mutating func addNode(_ place: Int) -> Int {
        message.append(place)
        parent.append(-1)
        childCount.append(0)
        if !children.isEmpty { children.append([]) }
        return message.count - 1
    }
}

// Step 1.
extension ReferenceThreads {
    private mutating func link() {
        for (place, entry) in table.messages.enumerated() {
            let node = node(of: entry, place)
            var before = -1
            for reference in table.references[entry.references] {
                let next = Int(reference)
                // 1.A: what is linked stays so.
                if before >= 0, parent[next] < 0 { link(next, below: before) }
                before = next
            }
            // 1.B
            guard parent[node] != before || before < 0 else { continue }
            unlink(node)
            if before >= 0 { link(node, below: before) }
        }
    }

    /// The first message of a Message-ID has its node, others have one of their own.
    private mutating func node(of entry: ThreadTable.Message, _ place: Int) -> Int {
        guard let id = entry.id, message[Int(id)] < 0 else { return addNode(place) }
        message[Int(id)] = place
        return Int(id)
    }

    private mutating func unlink(_ node: Int) {
        guard parent[node] >= 0 else { return }
        childCount[parent[node]] -= 1
        parent[node] = -1
    }

    private mutating func link(_ node: Int, below other: Int) {
        guard node != other, !isAbove(node, other) else { return }
        parent[node] = other
        childCount[other] += 1
    }

    private mutating func isAbove(_ node: Int, _ other: Int) -> Bool {
        guard childCount[node] > 0 else { return false }
        var walk = other
        while walk >= 0 {
            steps -= 1
            guard walk != node, steps > 0 else { return true }
            walk = parent[walk]
        }
        return false
    }
}

// Steps 2, 3 and 4.
extension ReferenceThreads {
    /// Dummies go, and their children take their place; at the top one stays where it holds several together.
    private mutating func prune() {
        children = Array(repeating: [], count: message.count)
        var above = Array(repeating: -2, count: message.count)
        for node in message.indices where message[node] >= 0 {
            let holder = holder(of: node, &above)
            if holder < 0 { roots.append(node) } else { children[holder].append(node) }
        }
        for node in message.indices where message[node] < 0 && !children[node].isEmpty {
            if children[node].count == 1 {
                roots.append(children[node][0])
                children[node] = []
            } else {
                roots.append(node)
            }
        }
    }

    /// The nearest node above that is a message, or else the dummy at the top; -1: none. `above`: those known; -2: not yet.
    private func holder(of node: Int, _ above: inout [Int]) -> Int {
        var path: [Int] = []
        var walk = node
        var found = -2
        while found == -2 {
            if above[walk] != -2 {
                found = above[walk]
            } else {
                path.append(walk)
                let next = parent[walk]
                if next < 0 {
                    found = -1
                } else if message[next] >= 0 || parent[next] < 0 {
                    found = next
                } else {
                    walk = next
                }
            }
        }
        for node in path { above[node] = found }
        return found
    }

    /// The message that a node is sorted by: of a dummy, its first child.
    private func lead(_ node: Int) -> Int { message[node] >= 0 ? message[node] : message[children[node][0]] }

    private mutating func sortChildren(of node: Int) {
        guard children[node].count > 1 else { return }
        // What is compared is held apart from what is changed, so that nothing is copied.
        let (table, message) = (table, message)
        children[node].sort { table.precedes(message[$0], message[$1]) }
    }

    private mutating func sortRoots() {
        for root in roots where message[root] < 0 { sortChildren(of: root) }
        let leads = roots.map { (lead: lead($0), root: $0) }
        roots = leads.sorted { table.precedes($0.lead, $1.lead) }.map(\.root)
    }

    private mutating func sortRootsByArrival() {
        var latest: [Int: (Int64, Int)] = [:]
        for root in roots {
            var newest = (Int64.min, 0)
            var pending = [root]
            while let node = pending.popLast() {
                if message[node] >= 0 { newest = max(newest, (table.messages[message[node]].arrival, message[node]), by: <) }
                pending += children[node]
            }
            latest[root] = newest
        }
        roots.sort { (latest[$0] ?? (.min, 0)) < (latest[$1] ?? (.min, 0)) }
    }
}

// Step 5.
extension ReferenceThreads {
    private mutating func mergeSubjects() {
        var heads: [Int32: Int] = [:]
        for root in roots {
            guard let subject = subject(root) else { continue }
            guard let known = heads[subject] else {
                heads[subject] = root
                continue
            }
            if message[known] >= 0, message[root] < 0 || (isReply(known) && !isReply(root)) { heads[subject] = root }
        }
        var gone: Set<Int> = []
        for root in roots where !gone.contains(root) {
            guard let subject = subject(root), let head = heads[subject], head != root else { continue }
            gone.insert(root)
            if message[head] < 0 {
                if message[root] < 0 {
                    children[head] += children[root]
                    children[root] = []
                } else {
                    children[head].append(root)
                }
            } else if isReply(root), !isReply(head) {
                children[head].append(root)
            } else {
                let dummy = addNode(-1)
                children[dummy] = [head, root]
                gone.insert(head)
                roots.append(dummy)
                heads[subject] = dummy
            }
        }
        roots.removeAll { gone.contains($0) }
    }

    /// Of the node, or of a dummy's first child.
    private func subject(_ node: Int) -> Int32? { table.messages[lead(node)].subject }

    private func isReply(_ node: Int) -> Bool { message[node] >= 0 && table.messages[message[node]].isReply }
}

private func max(_ a: (Int64, Int), _ b: (Int64, Int), by less: ((Int64, Int), (Int64, Int)) -> Bool) -> (Int64, Int) {
    less(a, b) ? b : a
}
