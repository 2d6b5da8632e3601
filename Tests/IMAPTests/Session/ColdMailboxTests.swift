import Gatehouse
import Glibc
import IMAP
import Logging
import MailModel
import MessageFormat
import NIOCore
import PostOffice
import Rehearsal
import SQLiteStore
import Storage
import Testing

@Suite("A large mailbox that was just opened, over the disk")
struct ColdMailboxTests {
    private let folder: String
    private let log = ErrorLog()

    init() throws {
        var template = Array("/tmp/martlet-cold-XXXXXX".utf8CString)
        folder = String(cString: try #require(mkdtemp(&template)))
    }

    private func open() throws -> SQLiteStore {
        try SQLiteStore.open(
            folder, masterKey: try #require(MasterKey(Array(repeating: 7, count: 32))), options: .init(freeFloor: 0, largeMailbox: 1),
            clock: { House.now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Alice's `Work` has 1,600 messages in four blocks; the store was closed since.
    private func filled() async throws -> (store: SQLiteStore, work: MailboxID) {
        let store = try open()
        let domain = try #require(Domain("example.test"))
        try await store.add(domain: domain)
        let phc = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$JdPXV81HcZqrNn1PvpUSLCr2vKGNa2v8OucwUSdmOVY"
        let alice = try await store.add(account: AccountName("alice@example.test"), passwordHash: phc)
        let work = try await store.create(mailbox: try #require(MailboxName("Work")), of: alice.id, specialUse: nil)
        let bytes = ByteBuffer(string: Sample.plain)
        var scanner = MessageScanner()
        scanner.consume(bytes)
        let sink = try await store.receive(expected: nil)
        try await sink.write(bytes)
        let body = try await sink.finish(scanner.finish())
        _ = try await store.place(body, (0..<1_600).map { _ in Placement(mailbox: work.id, internalDate: House.now) })
        _ = try await store.open(work.id)
        await store.close()
        return (try open(), work.id)
    }

    private func talk(_ store: SQLiteStore) async throws -> Rehearsal<IMAPWorker> {
        let domain = try #require(Domain("example.test"))
        let gatekeeper = Gatekeeper(
            accounts: store, settings: .init(defaultDomain: domain),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, clock: { House.now })
        let worker = IMAPWorker(
            mailroom: Mailroom(store: store, clock: { House.now }), gatekeeper: gatekeeper,
            settings: IMAPSettings(version: "1.0", messageLimit: 1 << 20, offersTLS: true, clock: { House.now }, log: log.logger))
        let talk = await Rehearsal(worker, facts: House.secure)
        _ = await talk.send("l LOGIN alice \"kite above the sea\"\r\ne ENABLE IMAP4rev2 QRESYNC\r\n")
        return talk
    }

    private func remove() {
        for sub in ["", "/segments", "/large"] {
            guard let listing = opendir(folder + sub) else { continue }
            while let entry = readdir(listing) {
                unlink(
                    "\(folder)\(sub)/"
                        + withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } })
            }
            closedir(listing)
        }
        for sub in ["/segments", "/large", ""] { rmdir(folder + sub) }
    }

    @Test("FETCH of one message has one block read, and of all every one")
    func blocks() async throws {
        defer { remove() }
        let (store, work) = try await filled()
        let talk = try await talk(store)
        #expect(await talk.send("s SELECT Work\r\n").contains("* 1600 EXISTS"))
        let rows = try await store.open(work).snapshot
        #expect(rows.blocks.map(\.isAtHand) == [false, false, false, true])
        #expect(await talk.send("a FETCH 600 (UID FLAGS)\r\n").contains("* 600 FETCH (UID 600 FLAGS ())"))
        #expect(rows.blocks.map(\.isAtHand) == [false, true, false, true])
        #expect(await talk.send("b UID FETCH 1:* (UID)\r\n").split(separator: "\r\n").count == 1_601)
        await talk.hangUp()
        await store.close()
    }

    @Test("UIDBATCHES has the blocks read in which its batches end, and no others: RFC 10022 §3.1.7")
    func batches() async throws {
        defer { remove() }
        let (store, work) = try await filled()
        let talk = try await talk(store)
        #expect(await talk.send("s SELECT Work\r\n").contains("* 1600 EXISTS"))
        let rows = try await store.open(work).snapshot
        #expect(rows.blocks.map(\.isAtHand) == [false, false, false, true])
        #expect(await talk.send("a UIDBATCHES 500 1:1\r\n").hasPrefix("* UIDBATCHES (TAG \"a\") 1600:1101\r\na OK"))
        #expect(rows.blocks.map(\.isAtHand) == [false, false, true, true])
        #expect(await talk.send("b UIDBATCHES 1600\r\n").hasPrefix("* UIDBATCHES (TAG \"b\") 1600:1\r\nb OK"))
        #expect(rows.blocks.map(\.isAtHand) == [false, false, true, true])
        #expect(await talk.send("c UIDBATCHES 500\r\n").hasPrefix("* UIDBATCHES (TAG \"c\") 1600:1101,1100:601,600:101,100:1\r\nc OK"))
        await talk.hangUp()
        await store.close()
    }

    @Test("one that is deleted while its rows are not at hand ends the sessions on it: RFC 2180 §3.3")
    func deleted() async throws {
        defer { remove() }
        let (store, _) = try await filled()
        let (one, two) = (try await talk(store), try await talk(store))
        #expect(await one.send("s SELECT Work\r\n").contains("* 1600 EXISTS"))
        #expect(await two.send("d DELETE Work\r\n").contains("d OK"))
        let answer = await one.send("a FETCH 1:* (FLAGS)\r\n")
        #expect(!answer.contains("a OK") && !answer.contains(" FETCH ("), "\(answer)")
        #expect(await one.send("n NOOP\r\n").contains("* BYE The mailbox was deleted") || answer.contains("* BYE The mailbox was deleted"))
        #expect(log.all == [], "that is no damage")
        await one.hangUp()
        await two.hangUp()
        await store.close()
    }
}
