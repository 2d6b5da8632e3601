package import MailModel
package import NIOCore

/// thread-data: conversations as THREAD tells them. A node is a message or, with number 0, stands for one that is missing.
package struct ThreadData: Hashable, Sendable {
    package var numbers: [UInt32] = []
    /// Of each node.
    package var children: [[Int]] = []
    package var roots: [Int] = []

    package init() {}

    /// Adds a node; its place.
    package mutating func add(_ number: UInt32) -> Int {
        numbers.append(number)
        children.append([])
        return numbers.count - 1
    }
}

extension ByteBuffer {
    //     mailbox-data =/ "SORT" [1*(SP nz-number) SP search-sort-mod-seq]           ; RFC 5256 §5, RFC 7162 §7
    package mutating func writeSort(_ numbers: [UInt32], modSeq: ModSeq? = nil) {
        write("* SORT")
        for number in numbers {
            write(" ")
            writeDecimal(number)
        }
        if let modSeq, !numbers.isEmpty {
            write(" (MODSEQ ")
            writeDecimal(modSeq.rawValue)
            write(")")
        }
        write("\r\n")
    }

    //     thread-data    = "THREAD" [SP 1*thread-list]                               ; RFC 5256 §5
    //     thread-list    = "(" (thread-members / thread-nested) ")"
    //     thread-members = nz-number *(SP nz-number) [SP thread-nested]
    //     thread-nested  = 2*thread-list
    package mutating func writeThread(_ forest: ThreadData) {
        write("* THREAD")
        if !forest.roots.isEmpty { write(" ") }
        // Threads may be deeper than a stack. Nil: a parenthesis that closes.
        var pending: [Int?] = forest.roots.reversed()
        while let next = pending.popLast() {
            guard let node = next else {
                write(")")
                continue
            }
            write("(")
            let fork = writeMembers(from: node, forest)
            pending.append(nil)
            if !forest.children[fork].isEmpty, forest.numbers[fork] > 0 { write(" ") }
            for child in forest.children[fork].reversed() { pending.append(child) }
        }
        write("\r\n")
    }

    /// The node and those below it up to one that has not exactly one child: that one.
    private mutating func writeMembers(from root: Int, _ forest: ThreadData) -> Int {
        var node = root
        guard forest.numbers[node] > 0 else { return node }
        writeDecimal(forest.numbers[node])
        while forest.children[node].count == 1 {
            node = forest.children[node][0]
            write(" ")
            writeDecimal(forest.numbers[node])
        }
        return node
    }
}
