import Glibc
import MailModel
import MessageFormat
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

@Suite("What comes and has not ended is held within a budget")
struct BudgetTests {
    private let fixture: Fixture
    init() throws { fixture = try Fixture() }

    private func sink(_ id: Int64, _ store: SQLiteStore, _ budgets: BodyBudgets) async throws -> Sink {
        // The ticket is that of a body which the store began.
        let begun = try #require(try await store.receive(expected: nil) as? Sink)
        return Sink(id: BodyID(rawValue: 1_000 + id), ticket: begun.ticket, folder: store.folder, pool: store.files, budgets: budgets, floor: { true })
    }

    private func finish(_ sink: Sink, _ text: ByteBuffer) async throws -> StagedBody {
        var scanner = MessageScanner()
        scanner.consume(text)
        return try await sink.finish(scanner.finish())
    }

    private func isFile(_ body: StagedBody) throws -> Bool {
        if case .file = try #require(body.payload as? StagedRecord).content { true } else { false }
    }

    @Test("400 bodies that stop in the middle hold no more than the budget and a body's first octets, while small ones go on in memory; nothing stays")
    func stopped() async throws {
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let budgets = BodyBudgets(gathering: OctetBudget(2 << 20), staged: OctetBudget(64 << 20), spilled: OctetBudget(1 << 30))
        let text = Fixture.message(1, size: 200_000)
        var sinks: [Sink] = []
        for number in 0..<400 {
            let sink = try await sink(Int64(number), store, budgets)
            sinks.append(sink)
            var rest = text
            while let piece = rest.readSlice(length: min(16_384, max(1, rest.readableBytes))) {
                try await sink.write(piece)
                #expect(budgets.gathering.octets <= (2 << 20) + 512 << 10)
            }
            if number % 100 == 99 {
                let small = try await self.sink(Int64(10_000 + number), store, budgets)
                let mail = Fixture.message(number, size: 10_000)
                try await small.write(mail)
                let isInFile = try isFile(await finish(small, mail))
                #expect(!isInFile)
            }
        }
        #expect(budgets.spilled.octets > 300 * 190_000)
        // Who goes on is done, whatever the others hold; its octets are those that came.
        let last = sinks.removeLast()
        let body = try await finish(last, text)
        #expect(try isFile(body))
        let placed = try await store.place(body, [Placement(mailbox: inbox, internalDate: Fixture.now)])
        #expect(placed.count == 1)
        #expect(try await store.read(nil, of: body.id, for: alice) == text)
        for sink in sinks { sink.discard() }
        sinks = []
        #expect(budgets.gathering.octets == 0 && budgets.spilled.octets == 0)
        #expect(store.folder.fileIDs() == [body.id])
        await store.close()
    }

    @Test("parked between all its pieces, of any sizes, a body is what came", arguments: [1, 7_001, 16_384, 65_536, 65_537, 131_072])
    func parked(_ piece: Int) async throws {
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let budgets = BodyBudgets(gathering: OctetBudget(-1), staged: OctetBudget(64 << 20), spilled: OctetBudget(1 << 30))
        let text = Fixture.message(1, size: piece == 1 ? 21_000 : 300_000)
        let sink = try await sink(1, store, budgets)
        var rest = text
        while let next = rest.readSlice(length: min(piece, max(1, rest.readableBytes))) {
            try await sink.write(next)
            #expect(budgets.gathering.octets <= 32 << 10)
        }
        let body = try await finish(sink, text)
        _ = try await store.place(body, [Placement(mailbox: inbox, internalDate: Fixture.now)])
        #expect(try await store.read(nil, of: body.id, for: alice) == text)
        await store.close()
    }

    @Test("beyond what files may hold a body is refused, and its file is gone")
    func full() async throws {
        let (store, _, _) = try await fixture.openWithAlice()
        let budgets = BodyBudgets(gathering: OctetBudget(1 << 20), staged: OctetBudget(64 << 20), spilled: OctetBudget(500_000))
        let sink = try await sink(1, store, budgets)
        await #expect(throws: StorageFault.full) {
            for _ in 0..<20 { try await sink.write(ByteBuffer(repeating: 0x61, count: 65_536)) }
        }
        sink.discard()
        #expect(store.folder.fileIDs().isEmpty && budgets.spilled.octets == 0)
        await store.close()
    }
}
