import Dispatch
import IMAP
import Logging
import MailModel
import Rehearsal
import Storage
import Synchronization
import Testing

/// Keeps what is logged as an error.
final class ErrorLog: Sendable {
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

/// Stands for the event loop that a connection's tasks prefer.
private final class Lane: TaskExecutor {
    private static let key = DispatchSpecificKey<Bool>()
    private let queue = DispatchQueue(label: "lane")

    init() { queue.setSpecific(key: Lane.key, value: true) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    static var isHere: Bool { DispatchQueue.getSpecific(key: key) == true }
}

@Suite("Damage: rows and bodies that cannot be read")
struct DamageTests {
    /// What became of blocks: how many were read, and how many of them where a connection's tasks run.
    private final class Reads: Sendable {
        private let state = Mutex<(all: [UInt32], onLoop: Int)>(([], 0))
        var all: [UInt32] { state.withLock { $0.all } }
        var onLoop: Int { state.withLock { $0.onLoop } }

        func note(_ rows: ContiguousArray<MessageRow>) {
            state.withLock {
                if let first = rows.first { $0.all.append(first.uid.rawValue) }
                if Lane.isHere { $0.onLoop += 1 }
            }
        }
    }

    /// Thirty messages in blocks of ten, as a large mailbox that was just opened; all seen but the first and the 25th, the last `\Deleted`.
    private func house(_ reads: Reads, bad: UInt32? = nil, log: ErrorLog = ErrorLog()) async throws -> House {
        let house = try await House(log: log.logger)
        for number in 1...30 {
            let flags: SystemFlags = number == 1 || number == 25 ? [] : number == 30 ? [.seen, .deleted] : .seen
            try await house.deliver(Sample.plain, flags: Flags(system: flags))
        }
        let inbox = try #require(try await house.store.mailbox(named: .inbox, of: house.alice.account))
        _ = try await house.mailroom.create(try #require(MailboxName("Other")), of: house.alice)
        try (try #require(house.memory)).forget(rowsOf: inbox.id, blocksOf: 10) { rows in
            reads.note(rows)
            if rows.first?.uid.rawValue == bad { throw StorageFault.corrupt("a row is missing") }
            return rows
        }
        return house
    }

    /// Every way in which a command looks at rows that are not at hand yet.
    private static let commands = [
        "FETCH 1:* (FLAGS)", "FETCH 15 (UID)", "UID FETCH 1:* (FLAGS)", "UID FETCH 15 (BODY.PEEK[])", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)",
        "STORE 1:* +FLAGS (\\Flagged)", "STORE 12 +FLAGS.SILENT (\\Flagged)", "UID STORE 15:17 FLAGS (\\Seen)", "COPY 1:* Other", "UID COPY 15 Other",
        "MOVE 15:16 Other", "UID MOVE 14:16 Other", "EXPUNGE", "UID EXPUNGE 1:*", "SEARCH ALL", "SEARCH FLAGGED", "SEARCH UID 15:16", "SEARCH TEXT tea",
        "UID SEARCH RETURN (COUNT) SEEN", "SEARCH SAVEDSINCE 1-Jan-2020", "SORT (ARRIVAL) UTF-8 ALL", "SORT (SUBJECT) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL",
        "ESEARCH IN (mailboxes INBOX) FLAGGED", "STATUS INBOX (DELETED-STORAGE)", "UID REPLACE 15 Other {3+}\r\nabc", "REPLACE 15 Other {3}\r\nabc",
        "UID FETCH 1:* (UID) (PARTIAL 1:30 CHANGEDSINCE 1)", "CLOSE",
    ]

    @Test("a block that cannot be read is NO [SERVERBUG] to whatever needs it, told to the log with mailbox and UIDs, and never OK", arguments: Self.commands)
    func unreadable(command: String) async throws {
        let log = ErrorLog()
        let house = try await house(Reads(), bad: 11, log: log)
        let talk = await house.loggedIn()
        #expect(await talk.send("e ENABLE IMAP4rev2 QRESYNC\r\ns SELECT INBOX\r\n").contains("s OK"), "it is opened without its rows")
        let answer = await talk.send("a \(command)\r\n")
        let last = answer.split(separator: "\r\n").last { $0.hasPrefix("a ") || $0.hasPrefix("* BYE") }
        #expect(last?.hasPrefix("a NO [SERVERBUG] ") == true, "\(answer)")
        #expect(log.all.count == 1, "\(log.all)")
        #expect(log.all.first?.contains("rows 11 to 20") == true && log.all.first?.contains("mailbox ") == true, "\(log.all)")
        // The rest of the mailbox is there.
        #expect(await talk.send("b UID FETCH 25 (FLAGS)\r\n").contains("b OK") || command == "CLOSE")
    }

    @Test("SELECT does not answer with less than there is", arguments: ["SELECT INBOX", "SELECT INBOX (QRESYNC (1 1))", "EXAMINE INBOX"])
    func selecting(command: String) async throws {
        let log = ErrorLog()
        let house = try await house(Reads(), bad: command.contains("QRESYNC") ? 11 : 1, log: log)
        let talk = await house.loggedIn()
        _ = await talk.send("e ENABLE QRESYNC\r\n")
        let inbox = try #require(try await house.store.mailbox(named: .inbox, of: house.alice.account))
        let answer = await talk.send("a \(command.replacing("(1 1)", with: "(\(inbox.uidValidity.rawValue) 1)"))\r\n")
        #expect(answer.contains("a NO [SERVERBUG] "), "\(answer)")
        #expect(log.all.count == 1 && log.all.first?.contains("rows ") == true)
    }

    @Test("no block is read where connections are served, and of a mailbox only the blocks that are asked for", arguments: Self.commands)
    func offLoop(command: String) async throws {
        let reads = Reads()
        let house = try await house(reads)
        await Task(executorPreference: Lane()) {
            let talk = await house.selected()
            #expect(reads.all == [1, 11, 21], "recent messages are told by their UIDs: RFC 3501 §2.3.2")
            _ = talk
        }.value
        let again = Reads()
        let second = try await self.house(again)
        try await Task(executorPreference: Lane()) {
            try #require(Lane.isHere)
            let talk = await second.loggedIn()
            _ = await talk.send("e ENABLE IMAP4rev2 QRESYNC\r\ns SELECT INBOX\r\n")
            #expect(again.all == [], "a large mailbox is opened by its blocks' ends")
            let answer = await talk.send("a \(command)\r\n")
            #expect(answer.contains("a OK"), "\(answer)")
        }.value
        #expect(reads.onLoop == 0 && again.onLoop == 0)
        #expect(again.all.count == Set(again.all).count, "each once")
        if command.contains("15"), !command.contains("1:*"), !command.hasPrefix("SEARCH") { #expect(again.all == [11]) }
    }
}

@Suite("Damage: one body among many")
struct DamagedBodyTests {
    /// Five messages, of which the third cannot be read.
    private func house(_ log: ErrorLog, outline: Bool) async throws -> (House, Rehearsal<IMAPWorker>) {
        let house = try await House(log: log.logger)
        for number in 1...5 { try await house.deliver(Sample.plain.replacing("Tea at four", with: "Tea at \(number)")) }
        let snapshot = try await house.mailroom.open(.inbox, of: house.alice).handle.snapshot
        (try #require(house.memory)).fail(try #require(try snapshot.row(at: 2)).body, outline: outline, with: .corrupt("a flipped bit"))
        return (house, await house.selected())
    }

    @Test(
        "the rest is searched, sorted, threaded and shown, and then the command says that it is not all: RFC 9051 §6.4.4, RFC 5530 §3",
        arguments: [
            ("SEARCH BODY \"come to\"", "* SEARCH 1 2 4 5", false), ("SEARCH TEXT \"come to\"", "* SEARCH 1 2 4 5", true),
            ("UID SEARCH RETURN (COUNT) NOT BODY nothing", "* ESEARCH (TAG \"a\") UID COUNT 4", false),
            ("SEARCH OR BODY \"come to\" SUBJECT four", "* SEARCH 1 2 4 5", true),
            ("ESEARCH IN (selected) BODY \"come to\"", "UID ALL 1:2,4:5", false), ("SORT (REVERSE SUBJECT) UTF-8 ALL", "* SORT 5 4 2 1", true),
            ("SORT (SUBJECT) UTF-8 BODY \"come to\"", "* SORT 1 2 4 5", false), ("THREAD ORDEREDSUBJECT UTF-8 ALL", "* THREAD (1)(2)(4)(5)", true),
            ("FETCH 1:* (BODY.PEEK[])", "* 5 FETCH (BODY[] {", false), ("FETCH 1:* (ENVELOPE)", "* 5 FETCH (ENVELOPE", true),
        ])
    func rest(command: String, shown: String, outline: Bool) async throws {
        let log = ErrorLog()
        let (_, talk) = try await house(log, outline: outline)
        let answer = await talk.send("a \(command)\r\n")
        #expect(answer.contains(shown), "\(answer)")
        #expect(answer.contains("\r\na NO [SERVERBUG] "), "\(answer)")
        #expect(!answer.contains("* 3 FETCH"))
        #expect(log.all.count == 1 && log.all.first?.contains("a flipped bit") == true, "\(log.all)")
    }

    @Test("what does not need the body is answered as ever", arguments: ["SEARCH SUBJECT \"tea at 3\"", "SEARCH SEEN", "SORT (ARRIVAL) UTF-8 ALL"])
    func unconcerned(command: String) async throws {
        let (_, talk) = try await house(ErrorLog(), outline: false)
        #expect(await talk.send("a \(command)\r\n").contains("a OK"))
    }

    @Test("such a search leaves \"$\" empty and is not kept up to date: RFC 9051 §6.4.4.1, RFC 5267 §4.3.1")
    func saved() async throws {
        let (_, talk) = try await house(ErrorLog(), outline: false)
        let answer = await talk.send("a SEARCH RETURN (SAVE COUNT UPDATE) BODY \"come to\"\r\n")
        #expect(answer.contains("COUNT 4") && answer.contains("a NO [SERVERBUG] "))
        #expect(await talk.send("b SEARCH RETURN (COUNT) $\r\n").contains("COUNT 0"))
        #expect(await talk.send("c CANCELUPDATE \"a\"\r\n").contains("c "))
    }

    @Test("damage without end is no list of messages any more")
    func endless() async throws {
        let log = ErrorLog()
        let house = try await House(log: log.logger)
        for _ in 0..<150 { try await house.deliver(Sample.plain) }
        (try #require(house.memory)).fail([.read], with: .unavailable("the disk is on fire"))
        let answer = await house.selected().send("a SEARCH BODY nothing\r\n")
        #expect(!answer.contains("* SEARCH") && answer.contains("a NO [UNAVAILABLE] "), "\(answer)")
        #expect(log.all.count == 101)
    }
}
