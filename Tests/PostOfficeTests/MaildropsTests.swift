import MailModel
import MemoryStore
import NIOCore
import PostOffice
import Storage
import Testing

@Suite("Maildrops")
struct MaildropsTests {
    private let store = MemoryStore()
    private let mailroom: Mailroom
    private let maildrops: Maildrops
    private let alice: Principal
    private let bob: Principal

    init() async throws {
        let domain = try #require(Domain("example.test"))
        try await store.add(domain: domain)
        let first = try await store.add(account: AccountName("alice@example.test"), passwordHash: "-")
        let second = try await store.add(account: AccountName("bob@example.test"), passwordHash: "-")
        alice = Principal(account: first.id, name: first.name)
        bob = Principal(account: second.id, name: second.name)
        mailroom = Mailroom(store: store, clock: { Timestamp(rawValue: 1_000) })
        maildrops = Maildrops(mailroom: mailroom)
    }

    private func deliver(_ text: String) async throws {
        let bytes = ByteBuffer(string: text)
        let deposit = Incoming(expected: bytes.readableBytes)
        await mailroom.receive(bytes, into: deposit)
        _ = try await mailroom.place(deposit, in: .inbox, flags: Flags(), internalDate: nil, turn: Turn(), of: alice)
    }

    @Test("one at a time has an account's maildrop; giving it back twice is giving it back once: RFC 1939 §4")
    func exclusive() async throws {
        let first = try #require(try await maildrops.open(of: alice))
        #expect(try await maildrops.open(of: alice) == nil)
        let other = try #require(try await maildrops.open(of: bob))
        first.giveBack()
        let second = try #require(try await maildrops.open(of: alice))
        first.giveBack()
        #expect(try await maildrops.open(of: alice) == nil)
        withExtendedLifetime((second, other)) {}
    }

    @Test("who lets go of it gives it back, and who could not open it never had it")
    func returns() async throws {
        _ = try await maildrops.open(of: alice)
        store.fail([.look], with: .unavailable("gone"))
        await #expect(throws: StorageFault.self) { _ = try await maildrops.open(of: alice) }
        store.fail([.look], with: nil)
        #expect(try await maildrops.open(of: alice) != nil)
    }

    @Test("it is INBOX as it was, with the sum of its sizes; what is removed is what was named")
    func contents() async throws {
        try await deliver("a\r\n")
        try await deliver("bcd\r\n")
        let maildrop = try #require(try await maildrops.open(of: alice))
        try await deliver("later\r\n")
        #expect(maildrop.rows.count == 2 && maildrop.octets == 8)
        #expect(maildrop.current.count == 3)
        let rows = try [0, 1].compactMap { try maildrop.rows.row(at: $0) }
        #expect(try await mailroom.read(rows, in: maildrop).map { String(buffer: $0) } == ["a\r\n", "bcd\r\n"])
        #expect(String(buffer: try await mailroom.read(1..<3, of: rows[1], in: maildrop)) == "cd")
        try await mailroom.remove(NumberSet([rows[0].uid]), from: maildrop)
        #expect(try Array(maildrop.current.uids.numbers) == [2, 3])
    }
}
