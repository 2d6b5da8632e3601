import MailModel
import Rehearsal
import Storage
import Testing

@testable import IMAP

@Suite("Rights on another's mailbox")
struct RightsTableTests {
    private static let work = "\"Other Users/alice@example.test/Home/Work\""

    @Test("every command answers as RFC 4314 §4 says, to every set of rights", arguments: RightsTable.rows)
    func table(_ row: RightsTable.Row) async throws {
        for rights in RightsTable.rights { try await check(row, rights, over: .memory) }
    }

    @Test("and so it does over the store that keeps rights", arguments: RightsTable.rows)
    func tableOnDisk(_ row: RightsTable.Row) async throws {
        for rights in RightsTable.fewRights { try await check(row, rights, over: .sqlite) }
    }

    private func check(_ row: RightsTable.Row, _ rights: Rights, over premises: Premises) async throws {
        let given = try await premises.with(clock: { House.now }) { try await answer(to: row, house(rights, over: $0)) }
        #expect(given == row.outcome(rights), "\(row.line) with \"\(rights)\" over \(premises)")
    }

    @Test("without \"l\" a mailbox answers, word for word, as one that is not there", arguments: RightsTable.rows.filter { !$0.isSelected })
    func absence(_ row: RightsTable.Row) async throws {
        for rights in RightsTable.rights where !rights.contains(.lookup) { try await compare(row, rights, over: .memory) }
    }

    @Test("and so it does over the store that keeps mailboxes", arguments: RightsTable.rows.filter { !$0.isSelected })
    func absenceOnDisk(_ row: RightsTable.Row) async throws {
        for rights in [[], Rights.all.subtracting(.lookup)] { try await compare(row, rights, over: .sqlite) }
    }

    private func compare(_ row: RightsTable.Row, _ rights: Rights, over premises: Premises) async throws {
        try await premises.with(clock: { House.now }) { store in
            let house = try await house(rights, over: store)
            let hidden = try await words(row, house, mailbox: Self.work)
            let missing = try await words(row, house, mailbox: Self.work.replacing("Work", with: "Nil"))
            let nobodys = try await words(row, house, mailbox: Self.work.replacing("alice", with: "nobody"))
            #expect(hidden == missing.replacing("Nil", with: "Work"), "\(row.line) with \"\(rights)\"")
            #expect(hidden == nobodys.replacing("nobody", with: "alice"), "\(row.line) with \"\(rights)\"")
        }
    }

    @Test("every command that touches a mailbox is in the table")
    func complete() {
        let apart: Set<Verb> = [
            "CAPABILITY", "NOOP", "LOGOUT", "ID", "STARTTLS", "AUTHENTICATE", "LOGIN", "ENABLE", "NAMESPACE", "IDLE", "COMPRESS", "UNAUTHENTICATE",
            // Of accounts, not of mailboxes.
            "GETQUOTA", "SETQUOTA",
            // Tells of the principal's own mailboxes only.
            "NOTIFY",
        ]
        let tried = Set(
            RightsTable.rows.map { row in
                Verb.allCases.filter { row.line == $0.rawValue || row.line.hasPrefix($0.rawValue + " ") }.map(\.rawValue).max { $0.count < $1.count }
            })
        for verb in Verb.allCases where !apart.contains(verb) { #expect(tried.contains(verb.rawValue), "\(verb.rawValue)") }
    }

    @Test("the owner needs no rights and pays for none")
    func owner() async throws {
        let house = try await house([])
        for row in RightsTable.rows where !row.line.hasPrefix("MOVE") && !row.line.hasPrefix("UID MOVE") {
            let house = try await self.house([])
            let talk = await house.loggedIn()
            if row.isSelected { _ = await talk.send("s SELECT Home/Work\r\n") } else { _ = await talk.send("s SELECT INBOX\r\n") }
            let line = RightsTableTests.line(row, mailbox: "Home/Work")
            #expect(await talk.send("t \(line)").contains("t OK"), "\(line)")
        }
        _ = house
    }

    /// Alice has `Home` and `Home/Work` with a message; bob has those rights on both, and a message in INBOX.
    private func house(_ rights: Rights, over store: (any House.Ports)? = nil) async throws -> House {
        let house = try await House(over: store)
        try await house.deliver(Sample.plain)
        for name in ["Home", "Home/Work"] {
            let record = try await house.mailroom.create(try #require(MailboxName(name)), of: house.alice)
            try await house.store.change(rights: .replace(rights), of: Grantee(.account(house.bob.account)), on: record.id)
        }
        try await house.deliver(Sample.plain, to: "Home/Work", flags: Flags(system: .deleted))
        let inbox = try await house.mailroom.open(.inbox, of: house.alice)
        let bobs = try #require(try await house.store.mailbox(named: .inbox, of: house.bob.account))
        _ = try await house.store.copy(NumberSet([1...1]), from: inbox.id, to: bobs.id)
        return house
    }

    private static func line(_ row: RightsTable.Row, mailbox: String) -> String {
        var line = row.line.replacing("WORK", with: mailbox)
        line = line.replacing("NEW2", with: mailbox.replacing(/(Work|Nil)/, with: "New2"))
        line = line.replacing("NEW", with: mailbox.replacing(/(Work|Nil)/) { "\($0.output.0)/New" })
        return row.line.hasPrefix("APPEND") || row.line.contains("REPLACE") ? line + " {3+}\r\na\r\n\r\n" : line + "\r\n"
    }

    private func words(_ row: RightsTable.Row, _ house: House, mailbox: String) async throws -> String {
        let talk = await house.connect()
        _ = await talk.send("l LOGIN bob \"heron in the reeds\"\r\n")
        // What the command does not name must not differ from one run to the next: INBOX is only looked at by those that need it selected.
        if row.line.contains("COPY") || row.line.contains("MOVE") || row.line.contains("REPLACE") { _ = await talk.send("s SELECT INBOX\r\n") }
        if row.line.hasPrefix("SUBSCRIBE") || row.line.hasPrefix("UNSUBSCRIBE") { _ = await talk.send("u UNSUBSCRIBE \(mailbox)\r\n") }
        return await talk.send("t \(Self.line(row, mailbox: mailbox))")
    }

    private func answer(to row: RightsTable.Row, _ house: House) async throws -> RightsTable.Outcome? {
        let talk = await house.connect()
        _ = await talk.send("l LOGIN bob \"heron in the reeds\"\r\n")
        if row.isSelected {
            guard await talk.send("s SELECT \(Self.work)\r\n").contains("s OK") else { return .unreachable }
        } else {
            _ = await talk.send("s SELECT INBOX\r\n")
        }
        let said = await talk.send("t \(Self.line(row, mailbox: Self.work))")
        let last = said.split(separator: "\r\n").last { $0.hasPrefix("t ") }
        return switch last?.dropFirst(2).prefix(16) {
        case .some(let text) where text.hasPrefix("OK"): .ok
        case .some(let text) where text.hasPrefix("NO [NONEXISTENT]"): .absent
        case .some(let text) where text.hasPrefix("NO [TRYCREATE]"): .absentTarget
        case .some(let text) where text.hasPrefix("NO [NOPERM]"): .refused
        default: nil
        }
    }
}
