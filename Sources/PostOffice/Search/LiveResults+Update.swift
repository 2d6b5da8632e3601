import MailModel
import Storage

extension LiveResults {
    /// Of a search that was made just now.
    package init(found: [FoundMessage]) {
        var members = NumberSet()
        for message in found { members.insert(message.row.uid) }
        self.init(members: members)
    }

    /// Of messages that were sorted just now, in the order of `places`. Nil when they would weigh more than that.
    package init?(_ sorting: MessageSorting, in places: [Int], criteria: [SortCriterion], mostWeight: Int) {
        var weight = 0
        var order: [SortedMember] = []
        for place in places {
            let member = SortedMember(sorting.messages[place].row.uid, key: sorting.key(at: place))
            weight += member.weight
            guard weight <= mostWeight else { return nil }
            order.append(member)
        }
        self.init(criteria: criteria, members: NumberSet(sorting.messages.lazy.map(\.row.uid)), order: order)
    }
}

extension Mailroom {
    /// Brings results up to date with messages that came or changed since; the query means now what it meant when the results were made. `messages` are in the
    /// mailbox, at most some thousand.
    package func update(
        _ results: inout LiveResults, of query: SearchQuery, with messages: [FoundMessage], in mailbox: OpenMailbox
    ) async throws -> ResultChange {
        let found = try await search(query, among: messages, in: mailbox)
        let members = results.members
        let new = found.filter { !members.contains($0.row.uid) }
        let still = NumberSet(found.lazy.map(\.row.uid))
        let gone = NumberSet(messages.lazy.map(\.row.uid)).intersection(members).subtracting(still)
        return results.change(gone: gone, new: try await self.members(new, results.criteria, in: mailbox))
    }

    private func members(_ new: [FoundMessage], _ criteria: [SortCriterion]?, in mailbox: OpenMailbox) async throws -> [SortedMember] {
        guard let criteria, !new.isEmpty else { return new.map { SortedMember($0.row.uid) } }
        var sorting = MessageSorting(criteria, capacity: new.count)
        for batch in new.batches(of: sorting.batch) { try await sorting.addReadable(batch, self, mailbox) }
        return sorting.messages.enumerated().map { SortedMember($1.row.uid, key: sorting.key(at: $0)) }
    }
}
