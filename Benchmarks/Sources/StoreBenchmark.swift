import Glibc
import Logging
import MailModel
import MessageFormat
import NIOCore
import SQLiteStore
import Storage

/// Durable deliveries a second into the embedded store, on the disk that holds `folder`.
struct StoreBenchmark {
    let folder: String

    func run(_ measure: Measure) async throws {
        for writers in [1, 16, 256] {
            let path = "\(folder)/store-\(writers)"
            mkdir(path, 0o700)
            guard let key = MasterKey((0..<32).map { _ in UInt8.random(in: 0...255) }), let domain = Domain("bench.test") else { return }
            let store = try SQLiteStore.open(path, masterKey: key, clock: { Timestamp(rawValue: Int64(time(nil))) }, log: Logger(label: "bench"))
            try await store.add(domain: domain)
            let account = try await store.add(account: AccountName("a@bench.test"), passwordHash: "-")
            guard let inbox = try await store.mailbox(named: .inbox, of: account.id) else { return }
            let message = StoreBenchmark.message(octets: 4_096)
            let each = max(20, 3_000 / writers)
            try await measure.rate("store: 4 KB, \(writers) writers, two syncs a batch", "messages") {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<writers {
                        group.addTask {
                            for _ in 0..<each { try await StoreBenchmark.deliver(message, to: inbox.id, store) }
                        }
                    }
                    try await group.waitForAll()
                }
                return each * writers
            }
            if writers == 256 { try await read(store, account.id, inbox.id, measure) }
            await store.close()
        }
    }

    private func read(_ store: SQLiteStore, _ account: AccountID, _ inbox: MailboxID, _ measure: Measure) async throws {
        let snapshot = try await store.open(inbox).snapshot
        var bodies: [BodyID] = []
        try snapshot.forEach { _, row in
            bodies.append(row.body)
            return bodies.count < 5_000
        }
        let some = bodies
        try await measure.rate("store: outlines, 100 a call", "outlines") {
            for start in stride(from: 0, to: some.count, by: 100) {
                _ = try await store.outlines(of: Array(some[start..<min(start + 100, some.count)]), for: account)
            }
            return some.count
        }
        try await measure.rate("store: bodies of 4 KB, one a call", "bodies") {
            for body in some { _ = try await store.read(nil, of: body, for: account) }
            return some.count
        }
    }

    private static func deliver(_ message: ByteBuffer, to mailbox: MailboxID, _ store: SQLiteStore) async throws {
        let sink = try await store.receive(expected: message.readableBytes)
        var scanner = MessageScanner()
        scanner.consume(message)
        try await sink.write(message)
        let staged = try await sink.finish(scanner.finish())
        _ = try await store.place(staged, [Placement(mailbox: mailbox, internalDate: Timestamp(rawValue: 1_790_000_000))])
    }

    static func message(octets: Int) -> ByteBuffer {
        var text = "Received: from a.test by b.test; Sun, 22 Nov 2026 00:00:00 +0000\r\nFrom: Alice <alice@bench.test>\r\nTo: Bob <bob@bench.test>\r\n"
        text += "Subject: A message like many\r\nDate: Sun, 22 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1@bench.test>\r\nMIME-Version: 1.0\r\n"
        text += "Content-Type: text/plain; charset=utf-8\r\n\r\n"
        while text.utf8.count < octets { text += "The quick brown fox jumps over the lazy dog, again and again and again.\r\n" }
        return ByteBuffer(string: text)
    }
}
