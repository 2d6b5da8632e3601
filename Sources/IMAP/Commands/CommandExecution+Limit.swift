import MailModel
import Storage

// How many messages one command processes (RFC 9738).
extension CommandExecution {
    /// Of those messages as many as one command may process, the highest; the answer will say where it stopped.
    mutating func limited(_ places: [Range<Int>], of view: MailboxView) throws -> [Range<Int>] {
        var room = worker.settings.messagesAtOnce
        guard places.reduce(0, { $0 + $1.count }) > room else { return places }
        var kept: [Range<Int>] = []
        for range in places.reversed() where room > 0 {
            kept.append(max(range.lowerBound, range.upperBound - room)..<range.upperBound)
            room -= min(room, range.count)
        }
        kept.reverse()
        lowestProcessed = try kept.first.flatMap { try view.rows.row(at: $0.lowerBound)?.uid }
        return kept
    }

    /// A command that does all or nothing refuses too many (RFC 9738 §3.1).
    func checkLimit(_ uids: NumberSet) throws {
        guard uids.count > worker.settings.messagesAtOnce else { return }
        throw Ending(.no("Too many messages at once", .messageLimit(worker.settings.messagesAtOnce, nil)))
    }

    /// The key narrowed to the messages that are searched, where the mailbox, or what the key names of it, has too many.
    mutating func limited(_ key: SearchKey, of view: MailboxView) async throws -> SearchKey {
        guard view.rows.count > worker.settings.messagesAtOnce else { return key }
        return try await withRows(of: view) { try narrowed(key, of: view) }
    }

    private mutating func narrowed(_ key: SearchKey, of view: MailboxView) throws -> SearchKey {
        var numbers = NumberSet(1...UInt32(clamping: view.rows.count))
        for set in key.namedSets {
            let named = try view.places(of: set.set, set.numbering)
            numbers = numbers.intersection(NumberSet(named.map { UInt32(clamping: $0.lowerBound + 1)...UInt32(clamping: $0.upperBound) }))
        }
        _ = try limited(numbers.ranges.map { Int($0.lowerBound) - 1..<Int($0.upperBound) }, of: view)
        guard let lowest = lowestProcessed else { return key }
        return .and([key, .uid(.ranges([SequenceSet.Span(first: lowest.rawValue, second: .max)]))])
    }

    /// The answer with word of where the command stopped; beside another code in an untagged one (RFC 9738 §3.1).
    mutating func limited(_ answer: StatusResponse) -> StatusResponse {
        guard let lowest = lowestProcessed, answer.condition == .ok else { return answer }
        let code = ResponseCode.messageLimit(worker.settings.messagesAtOnce, lowest)
        guard answer.code == nil else {
            output.writeUntagged(.no("Not all messages were processed", code))
            return answer
        }
        return .ok("Not all messages were processed", code)
    }
}

extension SearchKey {
    /// Sets that all messages which are found must be in.
    fileprivate var namedSets: [(set: SequenceSet, numbering: Numbering)] {
        switch self {
        case .sequence(let set): [(set, .sequence)]
        case .uid(let set): [(set, .uid)]
        case .and(let keys): keys.flatMap(\.namedSets)
        default: []
        }
    }
}
