import MailModel
import MemoryStore
import NIOCore
import PostOffice
import Storage
import Testing

@Suite("Mailroom")
struct MailroomTests {
    private let store = MemoryStore()
    private let mailroom: Mailroom
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
    }

    private func name(_ text: String) throws -> MailboxName { try #require(MailboxName(text)) }

    @Test("what is not yours is not there, by any method: S9")
    func notYours() async throws {
        let secret = try name("secret")
        _ = try await mailroom.create(secret, of: alice)
        await #expect(throws: MailroomRefusal.noSuchMailbox) { try await mailroom.mailbox(secret, of: bob) }
        await #expect(throws: MailroomRefusal.noSuchMailbox) { try await mailroom.status(of: secret, of: bob) }
        await #expect(throws: MailroomRefusal.noSuchMailbox) { try await mailroom.open(secret, of: bob) }
        await #expect(throws: MailroomRefusal.noSuchMailbox) { try await mailroom.delete(secret, of: bob) }
        await #expect(throws: MailroomRefusal.noSuchMailbox) { try await mailroom.rename(secret, to: name("mine"), of: bob) }
        let inbox = try await mailroom.open(.inbox, of: bob)
        await #expect(throws: MailroomRefusal.noSuchMailbox) {
            try await mailroom.copy(NumberSet(1...1), from: inbox, to: secret, of: bob)
        }
        let record = try await mailroom.mailbox(secret, of: alice)
        await #expect(throws: MailroomRefusal.noSuchMailbox) { try await mailroom.status(of: record, of: bob) }
        let deposit = Incoming(expected: 0)
        await #expect(throws: MailroomRefusal.noSuchMailbox) {
            try await mailroom.place(deposit, in: secret, flags: Flags(), internalDate: nil, turn: Turn(), of: bob)
        }
        #expect(try await mailroom.mailboxes(of: bob).contains { $0.name == secret } == false)
    }

    @Test("no new mailbox goes up a folder, and one that is there is served: S48")
    func fit() async throws {
        let refused = MailroomRefusal.notAllowed("No new mailbox can have that name")
        for text in ["..", "../etc", "a/../b", "a/.", "a\u{202E}b"] {
            await #expect(throws: refused) { try await mailroom.create(name(text), of: alice) }
            await #expect(throws: refused) { try await mailroom.rename(.inbox, to: name(text), of: alice) }
            // Whether there is such an account, nobody hears.
            for owner in ["bob", "nobody"] {
                await #expect(throws: refused) { try await mailroom.create(name("Other Users/\(owner)@example.test/" + text), of: alice) }
            }
        }
        let old = try await store.create(mailbox: name("../old"), of: alice.account, specialUse: nil)
        _ = try await store.create(mailbox: name("../old/below"), of: alice.account, specialUse: nil)
        #expect(try await mailroom.open(name("../old"), of: alice).id == old.id)
        try await mailroom.rename(name("../old"), to: name("new"), of: alice)
        _ = try await mailroom.mailbox(name("new/below"), of: alice)
        _ = try await store.create(mailbox: name("a/.."), of: alice.account, specialUse: nil)
        try await mailroom.delete(name("a/.."), of: alice)
    }

    @Test("superiors that are missing are made: RFC 9051 §6.3.4, §6.3.6")
    func superiors() async throws {
        _ = try await mailroom.create(name("a/b/c"), of: alice)
        _ = try await mailroom.mailbox(name("a/b"), of: alice)
        try await mailroom.rename(name("a/b"), to: name("x/y/z"), of: alice)
        _ = try await mailroom.mailbox(name("x/y"), of: alice)
        _ = try await mailroom.mailbox(name("x/y/z/c"), of: alice)
        await #expect(throws: MailroomRefusal.noSuchMailbox) { try await mailroom.mailbox(name("a/b/c"), of: alice) }
    }

    @Test("mailboxes and subscriptions are bounded")
    func bounds() async throws {
        for number in 0..<20 { try await mailroom.subscribe(name("s\(number)"), of: alice) }
        try await mailroom.unsubscribe(name("s0"), of: alice)
        let known = try await mailroom.subscriptions(of: alice)
        #expect(try !known.contains(name("s0")) && known.contains(name("s19")))
    }

    @Test("deposits whose turns follow each other are placed in that order, however long each takes to come")
    func turns() async throws {
        var turn: Turn?
        var deposits: [(Incoming, Turn)] = []
        for _ in 0..<50 {
            let next = Turn(after: turn)
            deposits.append((Incoming(expected: 1), next))
            turn = next
        }
        let placed = try await withThrowingTaskGroup(of: (Int, UID).self) { group in
            for (index, (deposit, turn)) in deposits.enumerated() {
                group.addTask { [mailroom, alice] in
                    for _ in 0..<((index * 7) % 13) { await Task.yield() }
                    await mailroom.receive(ByteBuffer(string: "x"), into: deposit)
                    let placed = try await mailroom.place(
                        deposit, in: .inbox, flags: Flags(), internalDate: nil, turn: turn, of: alice)
                    return (index, placed.uid)
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1.rawValue }
        }
        #expect((0..<50).map { placed[$0] } == (1...50).map { UInt32($0) })
    }

    @Test("a deposit that failed lets the next one go")
    func failedTurn() async throws {
        let first = Turn()
        let second = Turn(after: first)
        let broken = Incoming(expected: 1)
        await mailroom.receive(ByteBuffer(bytes: [0]), into: broken)
        await #expect(throws: MailroomRefusal.holdsNUL) {
            try await mailroom.place(broken, in: .inbox, flags: Flags(), internalDate: nil, turn: first, of: alice)
        }
        let whole = Incoming(expected: 1)
        await mailroom.receive(ByteBuffer(string: "x"), into: whole)
        let placed = try await mailroom.place(whole, in: .inbox, flags: Flags(), internalDate: nil, turn: second, of: alice)
        #expect(placed.uid == .first)
    }
}
