import MailModel
import MemoryStore
import NIOCore
import PostOffice
import Storage
import Testing

/// Alice's mail, and a search that is driven to its end.
struct SearchHouse {
    let store = MemoryStore(clock: { Timestamp(rawValue: 1_000) })
    let mailroom: Mailroom
    let alice: Principal

    init() async throws {
        try await store.add(domain: try #require(Domain("example.test")))
        let account = try await store.add(account: AccountName("alice@example.test"), passwordHash: "-")
        alice = Principal(account: account.id, name: account.name)
        mailroom = Mailroom(store: store, clock: { Timestamp(rawValue: 1_000) })
    }

    func deliver(_ text: String, flags: Flags = Flags(), at seconds: Int64 = 0, to mailbox: MailboxName = .inbox) async throws {
        let bytes = ByteBuffer(string: text)
        let deposit = Deposit(expected: bytes.readableBytes)
        await mailroom.receive(bytes, into: deposit)
        _ = try await mailroom.place(deposit, in: mailbox, flags: flags, internalDate: Timestamp(rawValue: seconds), turn: Turn(), of: alice)
    }

    func inbox() async throws -> OpenMailbox { try await mailroom.open(.inbox, of: alice) }

    /// What is found in the inbox, and what could not be read.
    func search(_ query: SearchQuery) async throws -> (found: [FoundMessage], unreadable: [UnreadableMessage]) {
        let inbox = try await inbox()
        return try await search(query, of: inbox.handle.snapshot, in: inbox)
    }

    func search(
        _ query: SearchQuery, of rows: MailboxSnapshot, in mailbox: OpenMailbox
    ) async throws -> (found: [FoundMessage], unreadable: [UnreadableMessage]) {
        var knowledge = SearchKnowledge()
        var search = try await mailroom.search(query, of: rows, in: mailbox, &knowledge)
        var (found, unreadable): ([FoundMessage], [UnreadableMessage]) = ([], [])
        while let step = try await search.next() {
            found += step.found
            unreadable += step.unreadable
        }
        #expect(search.searched == rows.count)
        return (found, unreadable)
    }

    /// Places of what is found.
    func places(_ query: SearchQuery) async throws -> [Int] { try await search(query).found.map(\.place) }
}
