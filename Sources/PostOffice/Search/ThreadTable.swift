import MailModel
import MessageFormat
import Storage

/// What is compared of messages to make threads of them (RFC 5256 §3), as numbers: Message-IDs and base subjects count from 0 as they
/// come.
struct ThreadTable: Sendable {
    let algorithm: ThreadAlgorithm
    private(set) var messages: [Message] = []
    /// The ids of the messages they come after, one list behind the other.
    private(set) var references: [Int32] = []
    /// By 64 bits of a keyed hash: the texts themselves would take several times the room, and two of a million are alike once in
    /// thirty million mailboxes.
    private var ids: [UInt64: Int32] = [:]
    private var subjects: [UInt64: Int32] = [:]

    struct Message: Sendable {
        let sent: Int64
        let arrival: Int64
        /// Nil for the empty one.
        let subject: Int32?
        let isReply: Bool
        let id: Int32?
        let references: Range<Int>
    }

    private let most: (ids: Int, references: Int)

    /// `most`: so many ids and references are known and no more; of messages that come then only the nearest reference counts. Messages
    /// made to have a thousand each must not fill the memory.
    init(algorithm: ThreadAlgorithm, most: (ids: Int, references: Int) = (2_000_000, 8_000_000)) {
        self.algorithm = algorithm
        self.most = most
    }

    /// How many Message-IDs there are, of messages and of those that they refer to.
    var idCount: Int { ids.count }

    mutating func append(_ row: MessageRow, _ outline: MessageOutline) {
        var subject: Int32?
        var isReply = false
        if algorithm != .refs {
            let base = SubjectStem(outline.envelope.subject)
            isReply = base.isReplyOrForward
            if !base.text.isEmpty { subject = ThreadTable.intern(Casemap.folded(base.text), &subjects) }
        }
        var id: Int32?
        let start = references.count
        if algorithm != .orderedSubject {
            let links = ThreadLinks(outline)
            id = links.id.map { ThreadTable.intern($0, &ids) }
            let isFull = ids.count >= most.ids || references.count >= most.references
            for reference in isFull ? links.references.suffix(1) : links.references[...] { references.append(ThreadTable.intern(reference, &ids)) }
        }
        messages.append(
            Message(
                sent: row.sent(outline.sentDate).rawValue, arrival: row.internalDate.rawValue, subject: subject,
                isReply: isReply, id: id, references: start..<references.count))
    }

    private static func intern(_ text: some Hashable, _ table: inout [UInt64: Int32]) -> Int32 {
        var hasher = Hasher()
        hasher.combine(text)
        let hash = UInt64(bitPattern: Int64(hasher.finalize()))
        if let known = table[hash] { return known }
        let new = Int32(truncatingIfNeeded: table.count)
        table[hash] = new
        return new
    }

    func forest() -> ThreadForest {
        switch algorithm {
        case .orderedSubject: orderedSubject()
        case .references, .refs: ReferenceThreads(self).forest()
        }
    }

    /// By sent date, then as they came.
    func precedes(_ a: Int, _ b: Int) -> Bool { (messages[a].sent, a) < (messages[b].sent, b) }

    // RFC 5256 §3 ORDEREDSUBJECT: one thread a subject, the messages after the first one its children; threads by their first message.
    private func orderedSubject() -> ThreadForest {
        var groups: [Int32: [Int]] = [:]
        for (place, message) in messages.enumerated() { groups[message.subject ?? -1, default: []].append(place) }
        var forest = ThreadForest()
        let threads = groups.values.map { $0.sorted(by: precedes) }.sorted { precedes($0[0], $1[0]) }
        for thread in threads {
            let root = forest.add(thread[0])
            forest.addRoot(root)
            for place in thread.dropFirst() { forest.link(forest.add(place), below: root) }
        }
        return forest
    }
}
