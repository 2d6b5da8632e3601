import MailModel
import PostOffice
import Storage
import Testing

@Suite("Messages in order: RFC 5256 §3, RFC 5957 §3")
struct MessageSortingTests {
    private func house() async throws -> SearchHouse {
        let house = try await SearchHouse()
        try await house.deliver(
            "From: Zoe <a@x.test>\r\nTo: m@x.test\r\nSubject: Re: apple\r\nDate: Fri, 2 Jan 1970 00:00:00 +0000\r\n\r\nlong, longer\r\n", at: 30)
        try await house.deliver("From: Ann <z@x.test>\r\nTo: k@x.test\r\nCc: q@x.test\r\nSubject: banana\r\n\r\n", at: 10)
        try await house.deliver("From: bob@x.test\r\nSubject: apple\r\nDate: Thu, 1 Jan 1970 12:00:00 +0000\r\n\r\nx\r\n", at: 20)
        return house
    }

    private func sorted(_ house: SearchHouse, _ criteria: [SortCriterion]) async throws -> (order: [Int], unreadable: Int) {
        let inbox = try await house.inbox()
        let found = try await house.search(.all).found
        var sorting = MessageSorting(criteria, capacity: found.count)
        var unreadable = 0
        for batch in found.batches(of: sorting.batch) { unreadable += try await sorting.add(batch, house.mailroom, inbox).count }
        return (sorting.order().map { sorting.messages[$0].place }, unreadable)
    }

    @Test(
        "by each key, and equal ones stay as they came",
        arguments: [
            ([.init(.arrival)], [1, 2, 0]), ([.init(.arrival, isReversed: true)], [0, 2, 1]), ([.init(.size)], [1, 2, 0]),
            // Without a Date the arrival counts.
            ([.init(.date)], [1, 2, 0]), ([.init(.subject)], [0, 2, 1]), ([.init(.subject, isReversed: true)], [1, 0, 2]),
            ([.init(.subject), .init(.arrival)], [2, 0, 1]), ([.init(.from)], [0, 2, 1]), ([.init(.displayFrom)], [1, 2, 0]),
            ([.init(.to)], [2, 1, 0]), ([.init(.cc), .init(.to)], [2, 0, 1]), ([.init(.displayTo)], [2, 1, 0]),
        ] as [([SortCriterion], [Int])])
    func keys(criteria: [SortCriterion], expected: [Int]) async throws {
        #expect(try await sorted(house(), criteria).order == expected)
    }

    @Test("one that cannot be read is left out, and the others are in order")
    func unreadable() async throws {
        let house = try await house()
        let body = try #require(try await house.search(.all).found.last).row.body
        house.store.fail(body, outline: true, with: .corrupt("a flipped bit"))
        #expect(try await sorted(house, [.init(.subject)]) == ([0, 1], 1))
        #expect(try await sorted(house, [.init(.arrival)]) == ([1, 2, 0], 0), "its outline was not asked for")
    }

    @Test("results that were sorted are kept up to date, and the changes say where: RFC 5267 §4.3")
    func live() async throws {
        let house = try await house()
        let inbox = try await house.inbox()
        let query = SearchQuery.not(.flags(.deleted))
        let criteria = [SortCriterion(.subject)]
        let found = try await house.search(query).found
        var sorting = MessageSorting(criteria, capacity: found.count)
        _ = try await sorting.add(found[...], house.mailroom, inbox)
        #expect(LiveResults(sorting, in: sorting.order(), criteria: criteria, mostWeight: 60) == nil, "more than it may weigh")
        var results = try #require(LiveResults(sorting, in: sorting.order(), criteria: criteria, mostWeight: 10_000))
        #expect(results.order.map(\.uid) == [1, 3, 2])
        _ = try await house.mailroom.change(.add(Flags(system: .deleted)), of: NumberSet(3...3), in: inbox)
        try await house.deliver("Subject: avocado\r\n\r\n")
        let changed = try await house.search(.uids(NumberSet(3...4))).found
        let change = try await house.mailroom.update(&results, of: query, with: changed, in: inbox)
        #expect(results.order.map(\.uid) == [1, 4, 2] && results.members == NumberSet([1...2, 4...4]))
        #expect(change.removed.map(\.uids) == [[3]] && change.added.map(\.uids) == [[4]])
        #expect(change.removed.map(\.position) == [2] && change.added.map(\.position) == [2])
        let none = try await house.mailroom.update(&results, of: query, with: changed, in: inbox)
        #expect(none.isEmpty)
    }
}
