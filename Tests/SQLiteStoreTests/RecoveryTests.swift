import Crypto
import Glibc
import Logging
import MailModel
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

@Suite("store recover")
struct RecoveryTests {
    /// Everything that clients see of an account, but for ModSeqs.
    struct Sight: Hashable {
        var mailboxes: [String: [String]] = [:]
        var subscriptions: Set<MailboxName> = []

        init(_ store: SQLiteStore, _ account: AccountID) async throws {
            for mailbox in try await store.mailboxes(of: account) {
                let snapshot = try await store.open(mailbox.id).snapshot
                var lines = ["\(mailbox.id.rawValue) \(mailbox.uidValidity.rawValue) \(mailbox.specialUse?.rawValue ?? "")"]
                let particulars = try await store.particulars(of: try snapshot.uids, in: mailbox.id)
                for (row, more) in zip(try snapshot.rows(try snapshot.uids).map(\.row), particulars) {
                    let flags = try snapshot.flags(of: row)
                    let text = try await store.read(nil, of: row.body, for: account)
                    let outline = try #require(try await store.outlines(of: [row.body], for: account).first)
                    lines.append(
                        "\(row.uid.rawValue) \(flags.system.rawValue) \(flags.keywords.map(\.spelling)) \(row.internalDate.rawValue) \(more.saveDate.rawValue) "
                            + "\(more.thread.rawValue) \(row.size) \(outline.size) \(text.readableBytes) \(text.hashValue)")
                }
                mailboxes[mailbox.name.value] = lines
            }
            subscriptions = try await store.subscriptions(of: account)
        }
    }

    /// alice and bob with mail of all kinds: small, large, shared, copied to the other, flagged, removed.
    private func house(_ fixture: Fixture) async throws -> (store: SQLiteStore, alice: AccountID, bob: AccountID, inbox: MailboxID, bobs: MailboxID) {
        let (store, alice, inbox) = try await fixture.openWithAlice()
        let bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: "$argon2id$bob").id
        let bobs = try #require(try await store.mailbox(named: .inbox, of: bob)).id
        let work = try await store.create(mailbox: try #require(MailboxName("Work")), of: alice, specialUse: nil).id
        for number in 1...6 {
            _ = try await Fixture.place(Fixture.message(number, size: number == 3 ? 600_000 : 2_000), in: store, inbox)
        }
        let shared = try await Fixture.stage(Fixture.message(7), in: store)
        _ = try await store.place(shared, [inbox, bobs].map { Placement(mailbox: $0, internalDate: Fixture.now) })
        _ = try await store.copy(NumberSet(2...3), from: inbox, to: bobs)
        _ = try await store.copy(NumberSet(1...2), from: inbox, to: work)
        _ = try await store.change(
            flags: .add(Flags(system: .seen, keywords: [try #require(Keyword("$Forwarded"))])), of: NumberSet(1...4), in: inbox, unchangedSince: nil)
        let many = try (0..<80).map { try #require(Keyword("label-\($0)")) }
        _ = try await store.change(flags: .add(Flags(keywords: many)), of: NumberSet(2...3), in: inbox, unchangedSince: nil)
        _ = try await store.remove(NumberSet(5...5), from: inbox)
        return (store, alice, bob, inbox, bobs)
    }

    private func loseIndex(_ fixture: Fixture) { for suffix in ["", "-wal", "-shm"] { unlink(fixture.folder + "/index.db" + suffix) } }

    private func recover(_ fixture: Fixture, apply: Bool = true) throws -> RecoveryReport {
        try SQLiteStore.recover(
            fixture.folder, masterKey: try #require(MasterKey(Fixture.key)), apply: apply, now: Fixture.now, log: Logger(label: "test"), progress: { _ in })
    }

    /// Every file, with its octets.
    private func picture(_ fixture: Fixture) throws -> [String: [UInt8]] {
        try Dictionary(uniqueKeysWithValues: fixture.everyFile().map { ($0, try fixture.octets(of: $0)) })
    }

    @Test("from catalogue and bodies everything comes back as it was: names, rights, passwords, UIDs, flags, dates; UIDs go on above all that were given")
    func fromCatalogue() async throws {
        let fixture = try Fixture()
        let (store, alice, bob, inbox, _) = try await house(fixture)
        try await store.change(rights: .replace([.lookup, .read]), of: Grantee(.account(bob)), on: inbox)
        try await store.set(annotations: ["/private/comment": Array("mine".utf8)], of: inbox, for: alice)
        try await store.set(limits: Quota(message: 70), of: bob)
        let before = try await [Sight(store, alice), Sight(store, bob)]
        let accounts = try await store.accounts()
        let status = try await store.status(of: inbox)
        let usage = try store.usage(of: alice)
        await store.close()
        loseIndex(fixture)

        let picture = try picture(fixture)
        let dry = try recover(fixture, apply: false)
        #expect(try self.picture(fixture) == picture, "a dry run changes no octet")
        let report = try recover(fixture)
        #expect(report.index == .fromCatalogue && report.isApplied)
        #expect(report.accounts.map(\.restored) == [8, 3] && report.accounts.map(\.recovered) == [0, 0], "\(report)")
        #expect(report.accounts.allSatisfy { $0.isMade && $0.lost == 0 })
        #expect(report.accounts == dry.accounts && report.removed == dry.removed && dry.index == report.index && !dry.isApplied)
        #expect(report.damaged == 0 && report.withoutKey == 0 && report.problems == [])

        let again = try recover(fixture)
        #expect(!again.changes && again.index == .kept && again.accounts.map(\.inPlace) == [8, 3], "\(again)")

        let new = try fixture.open()
        #expect(try await [Sight(new, alice), Sight(new, bob)] == before)
        #expect(try await new.accounts() == accounts)
        #expect(try await new.domains().map(\.value) == ["example.test"])
        #expect(try new.accessList(of: inbox)[Grantee(.account(bob))] == [.lookup, .read])
        #expect(try await new.annotations(of: inbox, for: alice).map(\.value) == [Array("mine".utf8)])
        #expect(try new.ownLimits(of: bob) == Quota(message: 70) && (try new.usage(of: alice)) == usage)
        let after = try await new.status(of: inbox)
        #expect(after.uidNext.rawValue >= status.uidNext.rawValue + 1_000 && after.highestModSeq.rawValue > status.highestModSeq.rawValue + 1_000)
        #expect(after.messages == status.messages && after.unseen == status.unseen && after.size == status.size)
        #expect(try await new.expunged(since: status.highestModSeq, in: inbox).contains(status.uidNext), "clients are told of UIDs that are gone")
        #expect(try await new.check().faults == [])
        let placed = try await Fixture.place(Fixture.message(50), in: new, inbox)
        #expect(placed.uid >= after.uidNext)
        _ = try await new.create(mailbox: try #require(MailboxName("New")), of: alice, specialUse: nil)
        #expect(try await new.check().faults == [])
        await new.close()
    }

    @Test("mail that came after the catalogue goes into Recovered of each who held it; what was removed before does not come back")
    func newer() async throws {
        let fixture = try Fixture()
        let (store, alice, bob, inbox, bobs) = try await house(fixture)
        try await store.catalogues.write(anyway: true)
        let kept = try fixture.files(in: "catalogue").map { ($0, try fixture.octets(of: "catalogue/" + ($0.split(separator: "/").last ?? ""))) }
        let before = try await [Sight(store, alice), Sight(store, bob)]
        let late = try await Fixture.stage(Fixture.message(20), in: store)
        let date = Timestamp(rawValue: Fixture.now.rawValue - 1_000)
        _ = try await store.place(late, [inbox, bobs].map { Placement(mailbox: $0, internalDate: date) })
        _ = try await Fixture.place(Fixture.message(21, size: 500_000), in: store, bobs)
        await store.close()
        for name in fixture.files(in: "catalogue") { unlink(name) }
        for (path, octets) in kept { try Disk.replace(path, by: ByteBuffer(bytes: octets)) }
        loseIndex(fixture)
        let report = try recover(fixture)
        #expect(report.accounts.map(\.recovered) == [1, 2] && report.accounts.map(\.restored) == [8, 3], "\(report)")
        let new = try fixture.open()
        var sights = try await [Sight(new, alice), Sight(new, bob)]
        let recovered = sights.map { $0.mailboxes["Recovered"] ?? [] }
        let name = try #require(MailboxName("Recovered"))
        for index in sights.indices {
            sights[index].mailboxes["Recovered"] = nil
            #expect(sights[index].subscriptions.remove(name) != nil)
        }
        #expect(sights == before)
        #expect(recovered.map(\.count) == [2, 3])
        #expect(recovered[0][1].contains(" \(date.rawValue) "), "with the time of its arrival")
        #expect(try await new.check().faults == [])
        await new.close()
        #expect(try !recover(fixture).changes)
    }

    @Test("with nothing but bodies and keys every body whose record is whole is in Recovered; accounts have their names, and nobody's password")
    func fromKeys() async throws {
        let fixture = try Fixture()
        let (store, alice, bob, inbox, _) = try await house(fixture)
        let expected = try await Set(
            [alice, bob].asyncMap { account in
                try await Sight(store, account).mailboxes.values.flatMap { $0.dropFirst().map { $0.split(separator: " ").suffix(2).joined() } }
            }.map { Set($0) })
        _ = inbox
        // The space of what was removed is given back first: what lies there still would come back.
        await store.close()
        let again = try fixture.open()
        while try await again.check().bodies > 6 { try await again.settle() }
        _ = try await again.compact(all: true)
        await again.close()
        loseIndex(fixture)
        for name in fixture.files(in: "catalogue") { unlink(name) }
        let report = try recover(fixture)
        #expect(report.index == .fromKeys && report.accounts.map(\.name) == ["alice@example.test", "bob@example.test"])
        #expect(report.accounts.map(\.recovered) == [6, 3], "\(report)")
        let new = try fixture.open()
        #expect(try await new.accounts().allSatisfy { !$0.enabled && $0.passwordHash.isEmpty })
        let found = try await Set(
            [alice, bob].asyncMap { account in
                try await Set((Sight(new, account).mailboxes["Recovered"] ?? []).dropFirst().map { $0.split(separator: " ").suffix(2).joined() })
            })
        #expect(found == expected)
        #expect(try await new.check().faults == [])
        await new.close()
        #expect(try !recover(fixture).changes)
    }

    @Test("rows that the index lost come back to it as they were, and what was removed on purpose does not")
    func missingRows() async throws {
        let fixture = try Fixture()
        let (store, alice, bob, inbox, _) = try await house(fixture)
        try await store.catalogues.write(anyway: true)
        _ = try await store.remove(NumberSet(6...6), from: inbox)
        await store.close()
        let settled = try fixture.open()
        while try await settled.check().bodies > 5 { try await settled.settle() }
        let before = try await [Sight(settled, alice), Sight(settled, bob)]
        await settled.close()
        // A row, a row with its body, and all of a body's rows with their holders.
        try fixture.tamper(
            """
            DELETE FROM message WHERE mailbox=\(inbox.rawValue) AND uid=1;
            DELETE FROM body WHERE id=(SELECT body FROM message WHERE mailbox=\(inbox.rawValue) AND uid=4);
            DELETE FROM holder WHERE body=(SELECT body FROM message WHERE mailbox=\(inbox.rawValue) AND uid=4);
            DELETE FROM message WHERE mailbox=\(inbox.rawValue) AND uid=4;
            UPDATE meta SET value=2 WHERE key='none';
            """)
        let picture = try picture(fixture)
        let dry = try recover(fixture, apply: false)
        #expect(try self.picture(fixture) == picture)
        let report = try recover(fixture)
        #expect(report.index == .kept && report.accounts.map(\.restored) == [2, 0] && report.accounts.map(\.recovered) == [0, 0], "\(report)")
        #expect(dry.accounts == report.accounts)
        let new = try fixture.open()
        #expect(try await [Sight(new, alice), Sight(new, bob)] == before)
        #expect(try await new.check().faults == [])
        await new.close()
        #expect(try !recover(fixture).changes)
    }

    @Test("an index that is damaged is set aside and made anew; its octets stay")
    func damagedIndex() async throws {
        let fixture = try Fixture()
        let (store, alice, bob, _, _) = try await house(fixture)
        let before = try await [Sight(store, alice), Sight(store, bob)]
        await store.close()
        var octets = try fixture.octets(of: "index.db")
        for index in stride(from: 4_096, to: octets.count, by: 512) { octets[index] ^= 0x5A }
        try Disk.replace(fixture.folder + "/index.db", by: ByteBuffer(bytes: octets))
        let report = try recover(fixture)
        #expect(report.index == .fromCatalogue && report.reason?.contains("index.db") == true)
        #expect(try fixture.octets(of: "aside/index.db") == octets)
        let new = try fixture.open()
        #expect(try await [Sight(new, alice), Sight(new, bob)] == before)
        await new.close()
    }

    @Test("nothing of a removed account comes back, whatever is left of index, catalogue and records")
    func removedAccount() async throws {
        let fixture = try Fixture()
        let (store, alice, bob, _, _) = try await house(fixture)
        try await store.catalogues.write(anyway: true)
        let sight = try await Sight(store, bob)
        try await store.remove(account: alice)
        await store.close()
        loseIndex(fixture)
        // Both files are as old as they can be: from before.
        let files = try CatalogueKeeper.files(in: fixture.folder)
        if files.count > 1 { unlink(files[0].path) }
        let report = try recover(fixture)
        #expect(report.accounts.map(\.name) == ["bob@example.test"])
        let new = try fixture.open()
        #expect(try await new.accounts().map(\.id) == [bob])
        #expect(try await Sight(new, bob) == sight)
        let bodies = try await new.check().bodies
        #expect(bodies == 3)
        await new.close()
        for name in fixture.files(in: "catalogue") { unlink(name) }
        loseIndex(fixture)
        #expect(try recover(fixture).accounts.map(\.name) == ["bob@example.test"])
    }

    @Test("what a start set aside is copied in, once; a record with a flipped octet is told and left")
    func aside() async throws {
        let fixture = try Fixture()
        let (store, alice, _, inbox, _) = try await house(fixture)
        try await store.catalogues.write(anyway: true)
        await store.close()
        // As when the end of the WAL was lost: the index knows nothing of what came last.
        let older = try fixture.cut()
        let again = try fixture.open()
        for number in 30...32 { _ = try await Fixture.place(Fixture.message(number), in: again, inbox) }
        await again.close()
        let newest = try #require(try BodyFolder(in: fixture.folder).segmentIDs().max())
        var octets = try fixture.octets(of: "segments/\(newest).mbs")
        octets[octets.count - 300] ^= 1
        try Disk.makeFolder(older.folder + "/aside")
        try Disk.replace(older.folder + "/aside/x.mbs", by: ByteBuffer(bytes: octets))
        // A body that comes meanwhile gets none of the ids that lie there.
        let started = try older.open()
        _ = try await Fixture.place(Fixture.message(40), in: started, inbox)
        await started.close()
        let report = try recover(older)
        #expect(report.accounts.map(\.recovered) == [2, 0] && report.damaged == 1, "\(report)")
        #expect(try !recover(older).changes)
        let new = try older.open()
        #expect(try await Sight(new, alice).mailboxes["Recovered"]?.count == 3)
        #expect(try await new.check().faults == [])
        await new.close()
    }

    @Test("another master key changes nothing, and says so")
    func wrongKey() async throws {
        let fixture = try Fixture()
        let (store, _, _, _, _) = try await house(fixture)
        await store.close()
        let picture = try picture(fixture)
        let other = try #require(MasterKey([UInt8](repeating: 9, count: 32)))
        #expect(throws: StorageFault.self) {
            _ = try SQLiteStore.recover(fixture.folder, masterKey: other, apply: true, now: Fixture.now, log: Logger(label: "test"), progress: { _ in })
        }
        #expect(try self.picture(fixture) == picture)
    }
}
