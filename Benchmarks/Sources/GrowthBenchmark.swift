import Glibc
import Logging
import MailModel
import MessageFormat
import NIOCore
import SQLiteStore
import Storage

/// What a mailbox of many messages costs: opening it, one message of it, a delivery into it; in memory and after a start.
///
/// The mailbox is made by placing a body a thousand times a call, so that a million rows take seconds; the message that is fetched has a body of its own.
struct GrowthBenchmark {
    let folder: String

    func run(_ measure: Measure, sizes: [Int] = [1_000, 1_000_000]) async throws {
        for size in sizes {
            let path = "\(folder)/growth-\(size)"
            mkdir(path, 0o700)
            guard let key = MasterKey((0..<32).map { UInt8($0) }), let domain = Domain("bench.test") else { return }
            func open() throws -> SQLiteStore {
                try SQLiteStore.open(path, masterKey: key, clock: { Timestamp(rawValue: Int64(time(nil))) }, log: Logger(label: "bench"))
            }
            var store = try open()
            try await store.add(domain: domain)
            let account = try await store.add(account: AccountName("a@bench.test"), passwordHash: "-").id
            guard let inbox = try await store.mailbox(named: .inbox, of: account)?.id else { return }
            try await fill(store, inbox, size)
            let name = "\(size) messages:"
            try await measure.rate("\(name) delivery, nobody looks", "messages") { try await deliver(store, inbox, 200) }
            for repetition in 0..<measure.repetitions {
                await store.close()
                store = try open()
                let once = Measure(repetitions: 1)
                try await once.rate("\(name) \(repetition == 0 ? "first open ever" : "first open after a start")", "opens") {
                    _ = try await store.open(inbox).snapshot
                    return 1
                }
            }
            let handle = try await store.open(inbox)
            try await measure.rate("\(name) open again", "opens") {
                for _ in 0..<1_000 { _ = try await store.open(inbox).snapshot }
                return 1_000
            }
            try await measure.rate("\(name) fetch one", "messages") { try await fetch(store, handle.snapshot, account, 200) }
            try await measure.rate("\(name) delivery, somebody looks", "messages") { try await deliver(store, inbox, 200) }
            try await measure.rate("\(name) store a flag of one", "commands") { try await flag(store, handle.snapshot, inbox, 100) }
            await store.close()
        }
    }

    private func fill(_ store: SQLiteStore, _ inbox: MailboxID, _ size: Int) async throws {
        let placements = (0..<1_000).map { _ in Placement(mailbox: inbox, internalDate: Timestamp(rawValue: 1_790_000_000)) }
        for _ in 0..<(size / 1_000) { _ = try await store.place(try await stage(store), placements) }
    }

    private func stage(_ store: SQLiteStore) async throws -> StagedBody {
        let message = StoreBenchmark.message(octets: 4_096)
        let sink = try await store.receive(expected: message.readableBytes)
        var scanner = MessageScanner()
        scanner.consume(message)
        try await sink.write(message)
        return try await sink.finish(scanner.finish())
    }

    private func deliver(_ store: SQLiteStore, _ inbox: MailboxID, _ count: Int) async throws -> Int {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    for _ in 0..<(count / 10) {
                        _ = try await store.place(try await stage(store), [Placement(mailbox: inbox, internalDate: Timestamp(rawValue: 1_790_000_000))])
                    }
                }
            }
            try await group.waitForAll()
        }
        return count
    }

    private func fetch(_ store: SQLiteStore, _ snapshot: MailboxSnapshot, _ account: AccountID, _ count: Int) async throws -> Int {
        for number in 0..<count {
            guard let row = try snapshot.row(at: number * 7_919 % snapshot.count) else { continue }
            _ = try await store.outlines(of: [row.body], for: account)
            _ = try await store.read(nil, of: row.body, for: account)
        }
        return count
    }

    private func flag(_ store: SQLiteStore, _ snapshot: MailboxSnapshot, _ inbox: MailboxID, _ count: Int) async throws -> Int {
        for number in 0..<count {
            guard let row = try snapshot.row(at: number * 7_919 % snapshot.count) else { continue }
            let flags = Flags(system: number % 2 == 0 ? .seen : .flagged)
            _ = try await store.change(flags: .add(flags), of: NumberSet([row.uid]), in: inbox, unchangedSince: nil)
            _ = try await store.change(flags: .remove(flags), of: NumberSet([row.uid]), in: inbox, unchangedSince: nil)
        }
        return 2 * count
    }
}
