import Glibc
import MailModel
import Storage
import Testing

@testable import SQLiteStore

extension SQLiteStore {
    /// One random change, the same for the same dice.
    func changeSomething(in boxes: [MailboxID], _ step: Int, _ random: inout Dice) async throws {
        let turn = Int(random.next() % 2)
        let (box, target) = (boxes[turn], boxes[random.next() % 4 == 0 ? turn : 1 - turn])
        let top = max(2, try await status(of: box).uidNext.rawValue)
        let uids = NumberSet(
            (0..<(1 + random.next() % 4)).map { _ in
                let low = UInt32(random.next() % UInt64(top)) + 1
                return low...(low + UInt32(random.next() % 3 == 0 ? random.next() % 4 : random.next() % 60))
            })
        // Sometimes so many that a mailbox has further ones, and that places are given anew.
        let count = random.next() % 3 == 0 ? (random.next() % 6 == 0 ? 25 : 1) : 0
        let keywords = Set(try (0..<count).map { _ in try #require(Keyword("k\(random.next() % (count > 1 ? 300 : 5))")) })
        let flags = Flags(system: SystemFlags(rawValue: random.next() % 32), keywords: keywords.sorted { $0.spelling < $1.spelling })
        switch random.next() % 10 {
        case 0: _ = try await Fixture.place(Fixture.message(step), in: self, box, flags: flags)
        case 1...2: _ = try await change(flags: .add(flags), of: uids, in: box, unchangedSince: nil)
        case 3...4: _ = try await change(flags: .remove(flags), of: uids, in: box, unchangedSince: nil)
        case 5: _ = try await change(flags: .replace(flags), of: uids, in: box, unchangedSince: nil)
        case 6: _ = try await expunge(random.next() % 2 == 0 ? nil : uids, in: box)
        case 7...8 where top < 2_000: _ = try await copy(uids, from: box, to: target)
        default: _ = try await move(uids, from: box, to: target)
        }
    }
}

/// What a store answers of some mailboxes.
struct View: Equatable {
    var tables: [[MessageRow]] = []
    var statuses: [MailboxStatus] = []
    var keywords: [KeywordTable] = []
    var further: [[UID: FurtherKeywords]] = []

    init(_ store: SQLiteStore, _ mailboxes: [MailboxID]) async throws {
        for mailbox in mailboxes {
            let snapshot = try await store.open(mailbox).snapshot
            tables.append(
                try await store.withRows {
                    var rows: [MessageRow] = []
                    try snapshot.forEach { _, row in
                        rows.append(row)
                        return true
                    }
                    return rows
                })
            keywords.append(snapshot.keywords)
            let rows = tables.last ?? []
            further.append(try await store.withRows { try snapshot.further(of: rows) })
            statuses.append(try await store.status(of: mailbox))
        }
    }
}

/// Numbers that are the same for the same seed.
struct Dice {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }
}

extension Fixture {
    /// A copy of the folder as a power cut would leave it now. Nothing may be under way.
    func cut() throws -> Fixture {
        let copy = try Fixture()
        for sub in ["", "/segments", "/large"] {
            mkdir(copy.folder + sub, 0o700)
            for name in Disk.names(in: folder + sub) where !name.hasSuffix("-shm") {
                let path = folder + sub + "/" + name
                let fd = try Disk.open(path, O_RDONLY)
                defer { close(fd) }
                let size = Disk.size(of: fd)
                guard let bytes = try? Disk.read(Int(size), from: fd, at: 0, path: path) else { continue }
                let target = try Disk.open(copy.folder + sub + "/" + name, O_RDWR | O_CREAT)
                defer { close(target) }
                try bytes.withUnsafeReadableBytes { try Disk.writeAll($0, to: target, at: 0, path: name) }
            }
        }
        return copy
    }

    /// Folds about so many rows in a store that is not open.
    func fold(rows: Int) throws {
        guard rows > 0 else { return }
        let connection = try connect()
        defer { connection.close() }
        let ledger = Ledger(try LedgerRecord.load(connection))
        let transaction = Transaction(connection, catalog: Catalog(Catalog.State()), ledger: ledger, epoch: 1, now: Fixture.now)
        _ = try ledger.step(transaction, Leases(), try BodyFolder(in: folder), rows: rows)
        try transaction.commit()
    }

    /// How many rows of messages there are, how many with `\Deleted`, how many bodies, and how many records.
    func rowsOnDisk() throws -> [Int64] {
        let connection = try connect()
        defer { connection.close() }
        return try ["message", "message WHERE flags & 8", "body", "ledger"].map { try connection.number("SELECT count(*) FROM \($0)") ?? -1 }
    }
}
