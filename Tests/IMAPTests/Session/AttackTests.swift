import IMAP
import MailModel
import Rehearsal
import Storage
import Testing

@Suite("What costs a client little costs the server little", .timeLimit(.minutes(10)))
struct AttackTests {
    private func ranges(_ count: Int, _ range: String) -> String { Array(repeating: range, count: count).joined(separator: ",") }

    @Test(
        "the widest sets, again and again, cost what the mailbox costs: RFC 9051 §9 sequence-set",
        arguments: [
            "UID FETCH # FLAGS", "UID STORE # +FLAGS (\\Seen)", "UID COPY # Trash", "UID SEARCH UID # UID # NOT UID # OR UID # UID #",
            "UID EXPUNGE #", "UID FETCH # (FLAGS) (CHANGEDSINCE 1 VANISHED)", "SELECT INBOX (QRESYNC (1 1 # (# #)))", "UID MOVE # Trash",
        ])
    func widest(command: String) async throws {
        let many = try await cost(of: command, ranges(800, "1:4294967295"))
        #expect(many.answer.contains("a OK"), "\(many.answer.suffix(200))")
        #expect(many.answer.utf8.count < 4_096)
        // No more than one range that says the same; and that some passes over 20 messages.
        #expect(many == (try await cost(of: command, "1:4294967295")))
        #expect(many.rows < 10 * 20)
    }

    /// What a command says and how many rows it looks at, with that set for `#`, in a mailbox of 20 messages.
    private func cost(of command: String, _ set: String) async throws -> (answer: String, rows: Int) {
        let house = try await House()
        for _ in 0..<20 { try await house.deliver("Subject: x\r\n\r\n") }
        let talk = await house.selected()
        _ = await talk.send("e ENABLE QRESYNC\r\n")
        let reads = try #require(house.memory).reads
        let before = reads.count
        let answer = await talk.send("a \(command.replacing("#", with: set))\r\n")
        return (answer, reads.count - before)
    }

    private static let scattered = (0..<5_000).map { "\(4_294_967_295 - 3 * $0)" }.joined(separator: ",") + ",7"

    @Test(
        "a set of many pieces is answered in one pass, as its one piece that names a message is",
        arguments: ["UID FETCH # FLAGS", "UID SEARCH UID #", "UID STORE # +FLAGS (\\Seen)", "UID COPY # Trash", "UID MOVE # Trash"])
    func scattered(command: String) async throws {
        let many = try await cost(of: command, Self.scattered)
        #expect(many.answer.contains("a OK"))
        #expect(many == (try await cost(of: command, "7")))
        #expect(many.rows < 3 * 20)
    }

    @Test("a set of many pieces that names no message is refused")
    func scatteredNumbers() async throws {
        let answer = try await cost(of: "FETCH # FLAGS", Self.scattered)
        #expect(answer == ("a BAD There is no message of that number\r\n", 0))
    }

    @Test("a command of nothing but literals is bounded, and the next one is served: RFC 7888 §4")
    func literals() async throws {
        let house = try await House()
        let talk = await house.selected()
        let many = await talk.send("a SEARCH" + String(repeating: " TEXT {0+}\r\n", count: 5_000) + "\r\n")
        #expect(many.hasSuffix("\r\n") && many.contains("a "))
        let more = await talk.send("b SEARCH" + String(repeating: " TEXT {0+}\r\n", count: 50_000) + "\r\n")
        #expect(more.contains("b BAD") || more.contains("b NO"))
        #expect(await talk.send("c NOOP\r\n").contains("c OK") || talk.isClosed)
    }

    @Test("nonsense in a row ends the connection, and holds nobody up: S3")
    func nonsense() async throws {
        let house = try await House()
        let talk = await house.loggedIn()
        let beside = await house.loggedIn()
        let answer = await talk.send(String(repeating: "x\u{1}y FROB (((((\r\n", count: 5_000))
        #expect(answer.contains("* BYE Too many errors"))
        #expect(talk.isClosed)
        #expect(await beside.send("a NOOP\r\n") == "a OK NOOP done\r\n")
    }

    @Test("NOTIFY with as many groups and names as a command holds is read or refused: RFC 5465 §3.1")
    func manyGroups() async throws {
        let house = try await House()
        let talk = await house.loggedIn()
        let group = "(subtree (a b c d e f) (MessageNew MessageExpunge FlagChange MailboxName))"
        let some = await talk.send("a NOTIFY SET STATUS \(Array(repeating: group, count: 100).joined(separator: " "))\r\n")
        #expect(some == "a OK NOTIFY done\r\n")
        let over = await talk.send("b NOTIFY SET \(Array(repeating: group, count: 101).joined(separator: " "))\r\n")
        #expect(over == "b BAD List too long\r\n")
        let names = (0...1_000).map { "m\($0)" }.joined(separator: " ")
        #expect(await talk.send("c NOTIFY SET (mailboxes (\(names)) (MailboxName))\r\n") == "c BAD List too long\r\n")
    }

    @Test("NOTIFY on nearly 10,000 mailboxes: all told once, then only what changes; too much at a time ends it: RFC 5465 §5.8")
    func manyMailboxes() async throws {
        let house = try await House()
        let account = house.alice.account
        for number in 0..<9_900 {
            guard let name = MailboxName("lists/\(number)") else { continue }
            _ = try await house.store.create(mailbox: name, of: account, specialUse: nil)
        }
        let above = try #require(MailboxName("lists/above/x"))
        _ = try await house.mailroom.create(above, of: house.alice)
        let talk = await house.loggedIn()
        let told = await talk.send("a NOTIFY SET STATUS (subtree lists (MessageNew MessageExpunge FlagChange MailboxName))\r\n")
        #expect(told.split(separator: "\r\n").count { $0.hasPrefix("* STATUS lists/") } == 9_902)
        #expect(told.hasSuffix("a OK NOTIFY done\r\n"))
        try await house.deliver("Subject: x\r\n\r\n", to: "lists/77")
        let one = await talk.poked()
        #expect(one.split(separator: "\r\n").count == 1 && one.hasPrefix("* STATUS lists/77 (MESSAGES 1 UIDNEXT 2 "))
        // All names change at once.
        let lists = try #require(MailboxName("lists"))
        let other = try #require(MailboxName("other"))
        let root = try #require(try await house.store.mailbox(named: lists, of: account))
        try await house.store.rename(mailbox: root.id, to: other)
        #expect(await talk.poked() == "* OK [NOTIFICATIONOVERFLOW] Too much happens here for you to be told of it\r\n")
        // As after NOTIFY NONE.
        try await house.deliver("Subject: x\r\n\r\n", to: "other/77")
        #expect(await talk.send("b NOOP\r\n") == "b OK NOOP done\r\n")
    }

    @Test("a flood of changes is one word for each mailbox, whenever the client can take it: RFC 5465 §5")
    func flood() async throws {
        let house = try await House()
        let talk = await house.loggedIn()
        _ = await talk.send("a NOTIFY SET (personal (MessageNew MessageExpunge FlagChange))\r\n")
        for _ in 0..<300 { try await house.deliver("Subject: x\r\n\r\n") }
        for _ in 0..<10 { try await house.deliver("Subject: x\r\n\r\n", to: "Trash") }
        let told = await talk.poked()
        #expect(told.split(separator: "\r\n").count == 2)
        #expect(told.contains("* STATUS INBOX (MESSAGES 300 UIDNEXT 301 "))
        #expect(told.contains("* STATUS Trash (MESSAGES 10 UIDNEXT 11 "))
    }

    @Test("whatever comes between them, a connection that watches is told and stays right", arguments: 1...3)
    func nonsenseBetween(seed: Int) async throws {
        let house = try await House()
        let talk = await house.selected()
        _ = await talk.send("n NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange)) (personal (MailboxName))\r\n")
        var dice = Dice(state: UInt64(seed))
        for _ in 0..<80 {
            switch Int.random(in: 0..<6, using: &dice) {
            case 0: try await house.deliver("Subject: x\r\n\r\n")
            case 1: _ = await talk.send("a UID STORE 1:* +FLAGS (\\Deleted)\r\n")
            case 2: _ = await talk.send("b EXPUNGE\r\n")
            case 3: _ = await talk.send("c APPEND INBOX {3+}\r\nab")
            case 4: _ = await talk.send("c\r\n\r\n")
            default: _ = await talk.poke()
            }
            #expect(!talk.isStalled)
        }
        guard !talk.isClosed else { return }
        _ = await talk.send("c\r\n\r\nd NOOP\r\n")
        let count = try await house.mailroom.open(.inbox, of: house.alice).handle.snapshot.count
        let found = await talk.send("e SEARCH RETURN (COUNT) ALL\r\n")
        #expect(found.contains("COUNT \(count)"))
    }

    private struct Dice: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }
}
