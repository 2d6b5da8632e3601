import Crypto
import Glibc
import Logging
import MailModel
import NIOCore
import Storage
import Synchronization
import Testing

@testable import SQLiteStore

@Suite("The sealed catalogue")
struct CatalogueTests {
    private func key(_ store: SQLiteStore, _ account: AccountID) throws -> SymmetricKey { try #require(store.catalog.account(account)).key }

    private func newest(_ fixture: Fixture) throws -> CatalogueFile { try #require(try CatalogueKeeper.files(in: fixture.folder).first) }

    private func open(_ file: CatalogueFile, _ kind: CatalogueSection.Kind, _ id: Int64, _ key: SymmetricKey) throws -> ByteBuffer {
        try file.open(try #require(file[kind, id]), under: key)
    }

    private func flip(_ path: String, at position: Int64) throws {
        let fd = try Disk.open(path, O_RDWR)
        defer { close(fd) }
        let octet = try Disk.read(1, from: fd, at: position, path: path).getInteger(at: 0, as: UInt8.self)
        try [~(try #require(octet))].withUnsafeBytes { try Disk.writeAll($0, to: fd, at: position, path: path) }
    }

    @Test("it says what the index says: accounts, domains, mailboxes, rights, limits, annotations, and every message, some ten octets each")
    func says() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: "$argon2id$bob").id
        let work = try await store.create(mailbox: try #require(MailboxName("Work/Ämter")), of: alice, specialUse: nil)
        try await store.change(rights: .replace([.lookup, .read]), of: Grantee(.account(bob)), on: work.id)
        try await store.change(rights: .replace([.write]), of: Grantee(.anyone, isNegative: true), on: work.id)
        try await store.set(limits: Quota(storage: 5 << 20, message: 7), of: bob)
        try await store.set(annotations: ["/private/comment": Array("mine".utf8)], of: work.id, for: alice)
        let body = try await Fixture.stage(Fixture.message(0), in: store)
        let flags = Flags(system: .seen, keywords: [try #require(Keyword("$Forwarded"))])
        _ = try await store.place(body, (0..<1_000).map { _ in Placement(mailbox: inbox, flags: flags, internalDate: Fixture.now) })
        _ = try await store.change(flags: .add(Flags(system: .flagged)), of: NumberSet(1...100), in: inbox, unchangedSince: nil)
        _ = try await store.move(NumberSet(50...60), from: inbox, to: work.id)
        _ = try await store.remove(NumberSet(1...9), from: inbox)
        try await store.catalogues.write(anyway: true)

        let file = try newest(fixture)
        let master = SymmetricKey(data: Fixture.key)
        let summary = try #require(CatalogueSummary(try open(file, .summary, 0, master)))
        #expect(summary.domains.map(\.value) == ["example.test"])
        #expect(summary.written == Fixture.now && summary.lastBody == body.id.rawValue && summary.lastAccount == bob.rawValue)
        let account = try #require(CatalogueAccount(bob, try open(file, .account, bob.rawValue, master)))
        #expect(account.record == (try await store.account(bob)))
        #expect(account.limits == Quota(storage: 5 << 20, message: 7))
        let belongings = try #require(CatalogueBelongings(try open(file, .belongings, alice.rawValue, try key(store, alice))))
        let mailboxes = try await store.mailboxes(of: alice)
        #expect(Set(belongings.mailboxes.map(\.name)) == Set(mailboxes.map(\.name)))
        #expect(Set(belongings.subscriptions) == (try await store.subscriptions(of: alice)))
        let found = try #require(belongings.mailboxes.first { $0.id == work.id })
        #expect(found.access == (try store.accessList(of: work.id)) && found.uidValidity == work.uidValidity)
        #expect(belongings.notes == [.init(mailbox: work.id.rawValue, annotation: Annotation(name: "/private/comment", value: Array("mine".utf8)))])
        for box in [inbox, work.id] {
            let section = try #require(file[.messages, box.rawValue])
            let messages = try #require(CatalogueMessages(try file.open(section, under: try key(store, alice))))
            let snapshot = try await store.open(box).snapshot
            let rows = try snapshot.rows(NumberSet(1...UInt32.max)).map(\.row)
            #expect(messages.rows.map(\.uid) == rows.map(\.uid) && messages.rows.map(\.flags) == rows.map(\.flags))
            #expect(messages.rows.map(\.modSeq) == rows.map(\.modSeq) && messages.rows.allSatisfy { $0.body == body.id })
            #expect(messages.uidNext == snapshot.uidNext.rawValue && messages.keywords == snapshot.keywords)
            if box == inbox { #expect(section.length < 980 * 12) }
        }
        // The key is in neither file, sealed or not.
        let wrapped = try #require(try KeyFolder(in: fixture.folder).read(alice)).sealedKey
        for name in CatalogueKeeper.names where access(fixture.folder + "/catalogue/" + name, F_OK) == 0 {
            let octets = try fixture.octets(of: "catalogue/" + name)
            #expect(!octets.contains(Array(wrapped.dropFirst(4))))
            #expect(!octets.contains(try key(store, alice).withUnsafeBytes { Array($0) }))
            #expect(!octets.contains(Array("Ämter".utf8)) && !octets.contains(Array("alice@".utf8)))
        }
        await store.close()
    }

    @Test("two files alternate; it is written when something changed and the last is nine minutes old, and at a stop")
    func alternates() async throws {
        let fixture = try Fixture()
        let clock = Mutex(Fixture.now.rawValue)
        let reading = ClockReading(clock: { clock.withLock { $0 } })
        let store = try SQLiteStore.open(
            fixture.folder, masterKey: try #require(MasterKey(Fixture.key)), options: .init(freeFloor: 0), clock: { reading.now },
            log: Logger(label: "test"))
        try await store.add(domain: try #require(Domain("example.test")))
        let alice = try await store.add(account: AccountName("alice@example.test"), passwordHash: "$argon2id$test").id
        let inbox = try #require(try await store.mailbox(named: .inbox, of: alice)).id
        #expect(try await store.catalogues.write())
        #expect(try await !store.catalogues.write())
        clock.withLock { $0 += 600 }
        #expect(try await !store.catalogues.write(), "nothing has changed")
        _ = try await Fixture.place(Fixture.message(1), in: store, inbox)
        #expect(try await store.catalogues.write())
        _ = try await Fixture.place(Fixture.message(2), in: store, inbox)
        clock.withLock { $0 += 539 }
        #expect(try await !store.catalogues.write(), "the last is young")
        #expect(fixture.files(in: "catalogue").map { $0.suffix(6) }.sorted() == ["a.mcat", "b.mcat"])
        var sequences = try CatalogueKeeper.files(in: fixture.folder).map(\.head.sequence)
        #expect(sequences == [2, 1])
        clock.withLock { $0 += 1 }
        #expect(try await store.catalogues.write())
        sequences = try CatalogueKeeper.files(in: fixture.folder).map(\.head.sequence)
        #expect(sequences == [3, 2])
        _ = try await Fixture.place(Fixture.message(3), in: store, inbox)
        await store.close()
        sequences = try CatalogueKeeper.files(in: fixture.folder).map(\.head.sequence)
        #expect(sequences == [4, 3])
    }

    @Test("a torn file is passed over; a flipped octet costs one section at most; sections of what did not change are copied octet for octet")
    func damage() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        for number in 1...5 { _ = try await Fixture.place(Fixture.message(number), in: store, inbox) }
        try await store.catalogues.write(anyway: true)
        let sent = try #require(try await store.mailboxes(of: alice).first { !$0.name.isInbox }).id
        _ = try await Fixture.place(Fixture.message(9), in: store, sent)
        try await store.catalogues.write(anyway: true)
        let files = try CatalogueKeeper.files(in: fixture.folder)
        #expect(files.count == 2)
        func octets(_ file: CatalogueFile, _ mailbox: MailboxID) throws -> ByteBuffer {
            try file.octets(of: try #require(file[.messages, mailbox.rawValue]))
        }
        #expect(try octets(files[0], inbox) == octets(files[1], inbox))
        #expect(try octets(files[0], sent) != octets(files[1], sent))

        let path = files[0].path
        let (master, key) = (SymmetricKey(data: Fixture.key), try key(store, alice))
        let queueKey = store.catalog.queueKey
        await store.close()
        let size = files[0].head.size
        for position in stride(from: Int64(0), to: size, by: 23) {
            try flip(path, at: position)
            let file = try #require(try CatalogueFile(path), "octet \(position)")
            #expect(file.sections == files[0].sections)
            let bad = file.sections.filter { section in
                let isMasters = section.kind == .summary || section.kind == .account
                return (try? file.open(section, under: section.kind == .queue ? queueKey : isMasters ? master : key)) == nil
            }
            #expect(bad.count <= 1)
            #expect(bad.allSatisfy { ($0.position..<$0.position + $0.length).contains(position) })
            try flip(path, at: position)
        }
        for cut in [1, 8, 44, size / 2, size - 1] {
            #expect(truncate(path, off_t(size - cut)) == 0)
            let left = try CatalogueKeeper.files(in: fixture.folder)
            #expect(left.map(\.path) == [files[1].path])
        }
        // The next replaces the torn one, and not the whole.
        let again = try fixture.open()
        try await again.catalogues.write(anyway: true)
        let mended = try CatalogueKeeper.files(in: fixture.folder)
        #expect(mended.map(\.path) == [path, files[1].path])
        // A damaged section is not copied on.
        let section = try #require(mended[0][.messages, inbox.rawValue])
        try flip(path, at: section.position + 20)
        try await again.catalogues.write(anyway: true)
        let newest = try newest(fixture)
        #expect(try CatalogueMessages(open(newest, .messages, inbox.rawValue, key))?.rows.count == 5)
        await again.close()
    }

    @Test("rows of random numbers are read back as they were written, and no cut or flipped octet is a trap", arguments: [1, 2, 3] as [UInt64])
    func coding(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        var uid: UInt32 = 0
        let rows = try (0..<60).map { _ in
            uid += UInt32(dice.next() % 20_000_000) + 1
            let date = Int64(bitPattern: dice.next() << (dice.next() % 33))
            let number = try #require(UID(rawValue: uid))
            return CatalogueRow(
                uid: number, flags: FlagBits(rawValue: dice.next() << (dice.next() % 33)),
                modSeq: try #require(ModSeq(rawValue: dice.next() << 20)), body: BodyID(rawValue: Int64(dice.next())),
                internalDate: Timestamp(rawValue: date), saveDate: Timestamp(rawValue: Int64(dice.next()) - 1_000), thread: Int64(dice.next()))
        }
        let messages = CatalogueMessages(uidNext: .max, modSeq: .zero, keywords: KeywordTable([try #require(Keyword("a"))]), rows: rows)
        let bytes = messages.encode()
        #expect(CatalogueMessages(bytes) == messages)
        for length in stride(from: 0, to: bytes.readableBytes, by: 31) {
            #expect(CatalogueMessages(bytes.getSlice(at: 0, length: length) ?? ByteBuffer()) == nil)
        }
        for _ in 0..<400 {
            var changed = bytes
            for _ in 0...(dice.next() % 3) {
                changed.setInteger(UInt8(truncatingIfNeeded: dice.next()), at: Int(dice.next() % UInt64(bytes.readableBytes)))
            }
            _ = CatalogueMessages(changed)
            _ = CatalogueBelongings(changed)
            _ = CatalogueSummary(changed)
            _ = CatalogueAccount(AccountID(rawValue: 1), changed)
        }
    }

    @Test("a body that is still under way is not counted as placed before")
    func underWay() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await fixture.openWithAlice()
        let slow = try await Fixture.stage(Fixture.message(1), in: store)
        _ = try await Fixture.place(Fixture.message(2), in: store, inbox)
        try await store.catalogues.write(anyway: true)
        let file = try newest(fixture)
        let summary = try #require(CatalogueSummary(try open(file, .summary, 0, SymmetricKey(data: Fixture.key))))
        #expect(summary.lastBody == slow.id.rawValue - 1)
        _ = try await store.place(slow, [Placement(mailbox: inbox, internalDate: Fixture.now)])
        await store.close()
    }
}

/// A clock that a test moves.
private struct ClockReading: Sendable {
    let clock: @Sendable () -> Int64
    var now: Timestamp { Timestamp(rawValue: clock()) }
}
