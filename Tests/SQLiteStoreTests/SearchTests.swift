import Crypto
import Foundation
import Logging
import MailModel
import MessageFormat
import NIOCore
import Storage
import Synchronization
import Testing

@testable import SQLiteStore

/// A clock that a test moves.
private final class MovedClock: Sendable {
    private let moment = Mutex(Fixture.now)
    var now: Timestamp { moment.withLock { $0 } }
    func move(seconds: Int64) { moment.withLock { $0 = Timestamp(rawValue: $0.rawValue + seconds) } }
}

@Suite struct SearchTests {
    private static func ask(_ needle: String, _ zones: SearchZones = [.header, .body]) -> SearchQuestion { SearchQuestion(SearchNeedle(needle), in: zones) }

    private static func placeAll(_ mail: [SearchMail], in store: SQLiteStore, _ inbox: MailboxID) async throws -> [BodyID] {
        for message in mail { _ = try await Fixture.place(message.bytes, in: store, inbox) }
        return try await bodies(store, inbox)
    }

    private static func bodies(_ store: SQLiteStore, _ inbox: MailboxID) async throws -> [BodyID] {
        var bodies: [BodyID] = []
        try await store.open(inbox).snapshot.forEach { _, row in
            bodies.append(row.body)
            return true
        }
        return bodies
    }

    /// Asks many things and compares with a scan.
    private static func compare(
        _ store: SQLiteStore, _ account: AccountID, _ mail: [SearchMail], _ bodies: [BodyID], rounds: Int, _ random: inout SplitMixer
    ) async throws {
        let zones: [SearchZones] = [.header, .body, [.header, .body]]
        for round in 0..<rounds {
            var questions: Set<SearchQuestion> = []
            for _ in 0..<10 { questions.insert(ask(SearchMail.needle(mail, &random), zones[round % 3])) }
            if round == 0 { questions.formUnion([ask(""), ask("e"), ask("."), ask("語"), ask(String(repeating: "x", count: 5_000))]) }
            let findings = try await store.search(questions, among: account)
            for question in questions {
                for (message, body) in zip(mail, bodies) {
                    let holds = findings.holds(question, body)
                    guard let holds else { continue }
                    let really = question.needle.isEmpty || message.holds(question)
                    if holds != really {
                        Issue.record("body \(body.rawValue): \(String(decoding: question.needle.octets, as: UTF8.self)) in \(question.zones): \(holds)")
                        return
                    }
                }
            }
            #expect(bodies.allSatisfy(findings.known.contains))
        }
    }

    @Test("what the index says is what a scan says: 2,000 generated and the real messages, random needles, from memory, from disk, merged and after a restart")
    func equivalence() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        var random = SplitMixer(state: 20_261_122)
        let mail = ((0..<2_000).map { SearchMail.generated($0, &random) } + SearchMail.real).map { SearchMail($0) }
        var bodies: [BodyID] = []
        for start in stride(from: 0, to: mail.count, by: 250) {
            bodies = try await SearchTests.placeAll(Array(mail[start..<min(mail.count, start + 250)]), in: store, inbox)
            await store.settleSearch(writing: start % 500 == 250)
        }
        await store.settleSearch()
        #expect(store.searchStatus.bodies == mail.count)
        try await SearchTests.compare(store, alice, mail, bodies, rounds: 12, &random)
        await store.settleSearch(writing: true)
        await store.close()
        let again = try fixture.open()
        try await SearchTests.compare(again, alice, mail, bodies, rounds: 12, &random)
        await again.close()
    }

    @Test("of bodies that are too large to be held the index says what a scan of the whole says")
    func large() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        var random = SplitMixer(state: 7)
        let mail = ((0..<4).map { SearchMail.large($0, &random) } + (0..<20).map { SearchMail.generated($0, &random) }).map { SearchMail($0) }
        let bodies = try await SearchTests.placeAll(mail, in: store, inbox)
        await store.settleSearch()
        try await SearchTests.compare(store, alice, mail, bodies, rounds: 6, &random)
        await store.settleSearch(writing: true)
        try await SearchTests.compare(store, alice, mail, bodies, rounds: 3, &random)
        await store.close()
    }

    @Test("an exact word needs no look at a text; a phrase does; punctuation asks every text; a word within a code is found all the same")
    func kinds() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let junk = "pre" + String(repeating: "x", count: 120) + "needle"
        let many = (0..<30_000).map { "w\($0)" }.joined(separator: " ")
        let texts = ["Subject: Kite\r\n\r\nabove the sea\r\n", "Subject: b\r\n\r\nsea above\r\n", "\r\n\(junk)\r\n", "\r\n\(many)\r\n"]
        let bodies = try await SearchTests.placeAll(texts.map { SearchMail(ByteBuffer(string: $0)) }, in: store, inbox)
        await store.settleSearch()
        func answers(_ needle: String, _ zones: SearchZones = [.header, .body]) async throws -> [Bool?] {
            let question = SearchTests.ask(needle, zones)
            let findings = try await store.search([question], among: alice)
            return bodies.map { findings.holds(question, $0) }
        }
        for _ in 0..<2 {
            #expect(try await answers("BOVE") == [true, true, nil, nil])
            #expect(try await answers("kite", .body) == [false, false, nil, nil])
            #expect(try await answers("kite", .header) == [true, false, false, nil])
            #expect(try await answers("the sea") == [nil, false, nil, nil])
            #expect(try await answers("--") == [nil, nil, nil, nil])
            #expect(try await answers("needle") == [false, false, nil, nil])
            #expect(try await answers("w17") == [false, false, nil, true])
            #expect(try await answers("w29999") == [false, false, nil, nil])
            await store.settleSearch(writing: true)
        }
        await store.close()
    }

    @Test("without its file, and with a damaged one, the index is made again; of what it has not seen it says nothing")
    func rebuilt() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let bodies = try await SearchTests.placeAll((0..<300).map { SearchMail(Fixture.message($0)) }, in: store, inbox)
        await store.close()
        let path = fixture.folder + "/search.db"
        for damage in [nil, Data("this is no database at all, but it is long enough to be opened as one".utf8)] {
            for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
            if let damage { try damage.write(to: URL(filePath: path)) }
            let again = try fixture.open()
            let question = SearchTests.ask("zebracake")
            let early = try await again.search([question], among: alice)
            for body in bodies where early.known.contains(body) { #expect(early.holds(question, body) == true) }
            await again.settleSearch()
            #expect(again.searchStatus.waiting == 0)
            let findings = try await again.search([question], among: alice)
            #expect(bodies.allSatisfy { findings.holds(question, $0) == true })
            await again.close()
        }
    }

    @Test("a restart does not lose what memory alone had, when the process died")
    func died() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        _ = try await SearchTests.placeAll((0..<20).map { SearchMail(Fixture.message($0)) }, in: store, inbox)
        await store.settleSearch(writing: true)
        let bodies = try await SearchTests.placeAll((20..<40).map { SearchMail(Fixture.message($0)) }, in: store, inbox)
        await store.settleSearch()
        // The folder as a power cut would leave it.
        let copy = try Fixture()
        for name in ["index.db", "index.db-wal", "search.db", "search.db-wal", "segments", "large"] {
            try? FileManager.default.copyItem(atPath: fixture.folder + "/" + name, toPath: copy.folder + "/" + name)
        }
        await store.close()
        let again = try copy.open()
        await again.settleSearch()
        #expect(again.searchStatus.bodies == 40)
        let question = SearchTests.ask("quincetart")
        let findings = try await again.search([question], among: alice)
        #expect(bodies.allSatisfy { findings.holds(question, $0) == true })
        await again.close()
    }

    @Test("a stop does not wait for what is to be indexed: the next start does it, also where an account has just got hold of an old body")
    func stopsAtOnce() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: "$argon2id$test").id
        let other = try #require(try await store.mailbox(named: .inbox, of: bob)).id
        var bodies = try await SearchTests.placeAll([SearchMail(Fixture.message(1))], in: store, inbox)
        await store.settleSearch(writing: true)
        // The indexer's thread stands still while more comes.
        let free = DispatchSemaphore(value: 0)
        await withCheckedContinuation { continuation in
            store.desk.indexer.push([
                .settled(writing: false) {
                    continuation.resume()
                    free.wait()
                }
            ])
        }
        bodies = try await SearchTests.placeAll((2...300).map { SearchMail(Fixture.message($0)) }, in: store, inbox)
        _ = try await store.copy(NumberSet(1...1), from: inbox, to: other)
        store.desk.indexer.leaveTheRest()
        free.signal()
        await store.close()
        #expect(store.searchStatus.bodies == 1)
        let again = try fixture.open()
        await again.settleSearch()
        #expect(again.searchStatus.bodies == 301)
        let question = SearchTests.ask("quincetart")
        let (hers, his) = (try await again.search([question], among: alice), try await again.search([question], among: bob))
        #expect(bodies.allSatisfy { hers.holds(question, $0) == true })
        #expect(his.holds(question, bodies[0]) == true)
        await again.close()
    }

    @Test("a stop waits for the bodies that are being read, not for the rest of them")
    func stopsBetweenBodies() async throws {
        let fixture = try Fixture()
        let master = try #require(MasterKey(Fixture.key))
        // The indexer asks what time it is as an account's first words come in; from then on the store is being stopped.
        let stopped = Mutex<SQLiteStore?>(nil)
        let indexer = Mutex<UInt?>(nil)
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let store = try SQLiteStore.open(
            fixture.folder, masterKey: master, options: .init(freeFloor: 0),
            clock: {
                if indexer.withLock({ $0 }) == pthread_self(), let store = stopped.withLock({ $0 }) {
                    store.desk.indexer.leaveTheRest()
                    begin.yield()
                }
                return Fixture.now
            }, log: Logger(label: "test"))
        try await store.add(domain: try #require(Domain("example.test")))
        let alice = try await store.add(account: AccountName("alice@example.test"), passwordHash: "$argon2id$test").id
        let bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: "$argon2id$test").id
        let inbox = try #require(try await store.mailbox(named: .inbox, of: alice)).id
        let other = try #require(try await store.mailbox(named: .inbox, of: bob)).id
        // Two of them are read at a time.
        let bodies = try await SearchTests.placeAll((1...6).map { SearchMail(Fixture.message($0, size: BodyBatch.octets * 2 / 5)) }, in: store, inbox)
        await store.settleSearch(writing: true)
        #expect(store.searchStatus.bodies == 6)
        let free = DispatchSemaphore(value: 0)
        await withCheckedContinuation { continuation in
            store.desk.indexer.push([
                .settled(writing: false) {
                    indexer.withLock { $0 = pthread_self() }
                    continuation.resume()
                    free.wait()
                }
            ])
        }
        _ = try await store.copy(NumberSet(1...6), from: inbox, to: other)
        stopped.withLock { $0 = store }
        free.signal()
        for await _ in begun { break }
        await store.close()
        stopped.withLock { $0 = nil }
        #expect(store.searchStatus.bodies == 8)
        let again = try fixture.open()
        await again.settleSearch()
        #expect(again.searchStatus.bodies == 12)
        let findings = try await again.search([SearchTests.ask("quincetart")], among: bob)
        #expect(bodies.allSatisfy { findings.holds(SearchTests.ask("quincetart"), $0) == true })
        await again.close()
    }

    @Test("the words of a message that is gone leave the disk within a day; the others stay: S3")
    func purge() async throws {
        let fixture = try Fixture()
        let clock = MovedClock()
        let master = try #require(MasterKey(Fixture.key))
        let store = try SQLiteStore.open(
            fixture.folder, masterKey: master, options: .init(freeFloor: 0), clock: { clock.now }, log: Logger(label: "test"))
        try await store.add(domain: try #require(Domain("example.test")))
        let alice = try await store.add(account: AccountName("alice@example.test"), passwordHash: "$argon2id$test").id
        let inbox = try #require(try await store.mailbox(named: .inbox, of: alice)).id
        _ = try await Fixture.place(ByteBuffer(string: "Subject: one\r\n\r\nsecretword\r\n"), in: store, inbox, flags: Flags(system: .deleted))
        _ = try await Fixture.place(ByteBuffer(string: "Subject: two\r\n\r\nplainword\r\n"), in: store, inbox)
        await store.settleSearch(writing: true)
        let key = try #require(store.catalog.account(alice)).searchKey
        func wordsOnDisk() throws -> Set<String> {
            let file = try SearchFile.reader(fixture.folder + "/search.db")
            var words: Set<String> = []
            for segment in try file.segments() {
                for block in 0..<segment.blocks {
                    words.formUnion(String(decoding: try file.words(block, of: segment, key), as: UTF8.self).split(separator: "\n").map(String.init))
                }
            }
            return words
        }
        #expect(try wordsOnDisk().isSuperset(of: ["SECRETWORD", "PLAINWORD"]))
        _ = try await store.expunge(nil, in: inbox)
        try await store.settle()
        #expect(try await store.check().bodies == 1)
        clock.move(seconds: 24 * 3_600)
        await store.settleSearch(writing: true)
        let left = try wordsOnDisk()
        #expect(!left.contains("SECRETWORD"))
        #expect(left.contains("PLAINWORD"))
        await store.close()
    }

    @Test("nothing in the file is readable, nor the same for the same word: no word, no token")
    func sealed() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: "$argon2id$test").id
        let other = try #require(try await store.mailbox(named: .inbox, of: bob)).id
        for mailbox in [inbox, other] {
            for number in 0..<40 { _ = try await Fixture.place(Fixture.message(number), in: store, mailbox) }
        }
        await store.settleSearch(writing: true)
        #expect(store.searchStatus.segments == 2)
        await store.close()
        let octets = try Data(contentsOf: URL(filePath: fixture.folder + "/search.db"))
        for word in ["ZEBRACAKE", "zebracake", "Quincetart", "QUINCETART"] { #expect(octets.range(of: Data(word.utf8)) == nil) }
        let file = try SearchFile.reader(fixture.folder + "/search.db")
        let rows = try file.connection.prepare("SELECT words FROM block")
        var blobs: [[UInt8]] = []
        while try rows.step() { blobs.append(rows.blob(0)) }
        #expect(blobs.count == 2)
        // Not 8 octets in a row are in both.
        let windows = Set(blobs[0].indices.dropLast(8).map { Array(blobs[0][$0..<($0 + 8)]) })
        #expect(!blobs[1].indices.dropLast(8).dropFirst(4).contains { windows.contains(Array(blobs[1][$0..<($0 + 8)])) })
        _ = alice
    }

    @Test("words that are like those sought are scored: the same, begun so, of one stem, a letter apart: RFC 6203 §3")
    func fuzzy() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let texts = ["kite above", "kites above", "kitten", "kiten above", "nothing", "above the Käse"]
        let bodies = try await SearchTests.placeAll(texts.map { SearchMail(ByteBuffer(string: "Subject: x\r\n\r\n\($0)\r\n")) }, in: store, inbox)
        await store.settleSearch()
        for _ in 0..<2 {
            func scores(_ needle: String, _ zones: SearchZones = .body) async throws -> [UInt8?] {
                let question = FuzzyQuestion(FuzzyNeedle(needle), in: zones)
                let findings = try await store.search([], fuzzy: [question], among: alice)
                return bodies.map { findings.score(question, $0) }
            }
            #expect(try await scores("kite") == [100, 80, 0, 80, 0, 0])
            #expect(try await scores("kite above") == [100, 90, 0, 90, 0, 0])
            #expect(try await scores("kiting") == [70, 70, 0, 70, 0, 0])
            #expect(try await scores("kase") == [0, 0, 0, 0, 0, 50])
            #expect(try await scores("kite", .header) == [0, 0, 0, 0, 0, 0])
            await store.settleSearch(writing: true)
        }
        await store.close()
    }

    @Test("segments of like size are merged; an account that goes takes its words along; a copy needs none")
    func merges() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let archive = try await store.create(mailbox: try #require(MailboxName("Kept")), of: alice, specialUse: nil).id
        for number in 0..<20 {
            _ = try await Fixture.place(Fixture.message(number), in: store, inbox)
            await store.settleSearch(writing: true)
        }
        #expect(store.searchStatus.segments < Indexer.limits.alike)
        _ = try await store.copy(NumberSet(1...20), from: inbox, to: archive)
        await store.settleSearch(writing: true)
        #expect(store.searchStatus.bodies == 20)
        let question = SearchTests.ask("zebracake 1")
        let findings = try await store.search([question], among: alice)
        let bodies = try await SearchTests.bodies(store, archive)
        #expect(bodies.filter { findings.holds(question, $0) == nil }.count == 11)
        try await store.remove(account: alice)
        await store.settleSearch(writing: true)
        #expect(store.searchStatus == SearchStatus(waiting: 0, segments: 0, bodies: 0))
        await store.close()
    }
}

/// Numbers that are the same for the same seed.
struct SplitMixer: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
