import Logging
import MailModel
import PostOffice
import Rehearsal
import Storage
import Synchronization
import Testing

@testable import POP3

@Suite("Damage: rows and bodies that cannot be read")
struct DamageTests {
    private final class ErrorLog: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

        private struct Handler: LogHandler {
            let log: ErrorLog
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.trace

            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }

            func log(event: LogEvent) {
                if event.level >= .error { log.lines.withLock { $0.append("\(event.message)") } }
            }
        }
    }

    private static let message = "Subject: one\r\n\r\nCome to tea.\r\n"

    private func house(_ count: Int, _ log: ErrorLog) async throws -> House {
        let house = try await House { $0.log = log.logger }
        for _ in 0..<count { try await house.deliver(Self.message) }
        return house
    }

    private func login(_ house: House) async -> (Rehearsal<POP3Worker>, String) {
        let talk = await house.connect()
        return (talk, await talk.send("USER alice\r\nPASS kite above the sea\r\n"))
    }

    @Test(
        "a maildrop whose rows cannot all be read is not lent with the rest: -ERR [SYS/…] (RFC 3206 §4), in the log with mailbox and UIDs",
        arguments: [
            (StorageFault.corrupt("a row is missing"), "-ERR [SYS/PERM]"), (StorageFault.unavailable("Input/output error"), "-ERR [SYS/TEMP]"),
        ])
    func rows(fault: StorageFault, code: String) async throws {
        let log = ErrorLog()
        let house = try await house(30, log)
        let inbox = try #require(try await house.store.mailbox(named: .inbox, of: house.alice.account))
        try (try #require(house.memory)).forget(rowsOf: inbox.id, blocksOf: 10) { rows in
            if rows.first?.uid.rawValue == 11 { throw fault }
            return rows
        }
        let (_, answer) = await login(house)
        #expect(answer.contains(code), "\(answer)")
        #expect(log.all.count == 1 && log.all.first?.contains("rows 11 to 20") == true, "\(log.all)")
    }

    @Test("once it is lent every row is at hand, and the session looks at nothing else")
    func lent() async throws {
        let house = try await house(30, ErrorLog())
        let inbox = try #require(try await house.store.mailbox(named: .inbox, of: house.alice.account))
        try (try #require(house.memory)).forget(rowsOf: inbox.id, blocksOf: 10) { $0 }
        let (talk, answer) = await login(house)
        #expect(answer.contains("+OK 30 messages"))
        #expect(await talk.send("LIST 15\r\n").hasPrefix("+OK 15 "))
        #expect(await talk.send("LIST\r\n").split(separator: "\r\n").count == 32)
        #expect(await talk.send("RETR 15\r\n").contains("Come to tea"))
        #expect(await talk.send("DELE 15\r\nQUIT\r\n").hasPrefix("+OK"))
        #expect(try await house.uids().count == 29)
    }

    @Test("of several messages only the one that cannot be read is refused", arguments: ["RETR", "TOP"])
    func body(verb: String) async throws {
        let log = ErrorLog()
        let house = try await house(5, log)
        let (talk, _) = await login(house)
        let snapshot = try await house.mailroom.open(.inbox, of: house.alice).handle.snapshot
        (try #require(house.memory)).fail(try #require(try snapshot.row(at: 2)).body, with: .corrupt("a flipped bit"))
        let answer = await talk.send((1...5).map { "\(verb) \($0)\(verb == "TOP" ? " 1" : "")\r\n" }.joined())
        #expect(answer.components(separatedBy: "Come to tea").count == 5, "\(answer)")
        #expect(answer.components(separatedBy: "-ERR [SYS/PERM]").count == 2, "\(answer)")
        #expect(log.all.count == 1 && log.all.first?.contains("a flipped bit") == true)
        #expect(await talk.send("NOOP\r\n").hasPrefix("+OK"))
    }
}
