import Glibc
import Logging
import MailModel
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

@Suite("Access lists on the disk")
struct AccessListTests {
    private func named(_ text: String, negative: Bool = false) throws -> Grantee {
        Grantee(.named(try #require(GranteeName(text))), isNegative: negative)
    }

    @Test("who is there and who is not costs the same: rows that change, and octets")
    func sameWork() async throws {
        let fixture = try Fixture()
        let (store, alice, _) = try await fixture.openWithAlice()
        _ = try await store.add(account: AccountName("zoe@example.test"), passwordHash: "$argon2id$zoe")
        var costs: [[Int64]] = []
        for name in ["zoe", "zac"] {
            let mailbox = try await store.create(mailbox: try #require(MailboxName(name)), of: alice, specialUse: nil).id
            for isNegative in [false, true] {
                let grantee = try named("\(name)@example.test", negative: isNegative)
                for change in [RightsChange.replace([.lookup]), .add([.read]), .remove([.read]), .remove([.read]), .replace([])] {
                    costs.append(
                        try await store.change { transaction in
                            let before = try transaction.connection.number("SELECT total_changes()") ?? 0
                            try transaction.change(rights: change, of: grantee, on: mailbox)
                            let after = try transaction.connection.number("SELECT total_changes()") ?? 0
                            let octets = try transaction.connection.number("SELECT length(sealed) FROM access_list WHERE mailbox=?", .int(mailbox.rawValue))
                            return [after - before, octets ?? 0]
                        })
                }
            }
        }
        #expect(costs.count == 20 && Array(costs[..<10]) == Array(costs[10...]), "\(costs)")
        await store.close()
    }

    @Test("whom somebody trusts stands readable in no file")
    func sealed() async throws {
        let fixture = try Fixture()
        let (store, _, inbox) = try await fixture.openWithAlice()
        try await store.change(rights: .replace([.lookup]), of: try named("heronfriend@example.test"), on: inbox)
        try await store.catalogues.write(anyway: true)
        await store.close()
        for name in fixture.everyFile() {
            let text = String(decoding: try fixture.octets(of: name), as: Unicode.ASCII.self)
            #expect(!text.contains("heronfriend"), "\(name)")
        }
    }

    @Test("lists of before names were in them hold until they change")
    func ofBefore() async throws {
        let fixture = try Fixture()
        var (store, _, inbox) = try await fixture.openWithAlice()
        let bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: "$argon2id$bob").id
        await store.close()
        try fixture.tamper("INSERT INTO access VALUES (\(inbox.rawValue), \(bob.rawValue), 0, 3), (\(inbox.rawValue), 0, 1, 2)")
        store = try fixture.open()
        var entries: [Grantee: Rights] = [Grantee(.account(bob)): Rights(rawValue: 3), Grantee(.anyone, isNegative: true): Rights(rawValue: 2)]
        #expect(try store.accessList(of: inbox).entries == entries)
        #expect(try await store.mailboxes(sharedWith: bob).map(\.id) == [inbox])
        let carol = try named("carol@example.test")
        try await store.change(rights: .replace([.lookup]), of: carol, on: inbox)
        await store.close()
        store = try fixture.open()
        entries[carol] = [.lookup]
        #expect(try store.accessList(of: inbox).entries == entries)
        #expect(try await store.check().faults == [])
        await store.close()
        let connection = try fixture.connect(.reader)
        defer { connection.close() }
        #expect(try connection.number("SELECT count(*) FROM access") == 0)
    }

    @Test("of a list that does not open nothing is given, it is told, and the rest goes on")
    func damaged() async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await fixture.openWithAlice()
        let work = try await store.create(mailbox: try #require(MailboxName("Work")), of: alice, specialUse: nil).id
        for mailbox in [inbox, work] { try await store.change(rights: .replace([.lookup]), of: Grantee(.anyone), on: mailbox) }
        await store.close()
        // Each is the other's.
        try fixture.tamper("UPDATE access_list SET sealed=(SELECT sealed FROM access_list WHERE mailbox=\(work.rawValue)) WHERE mailbox=\(inbox.rawValue)")
        store = try fixture.open()
        #expect(try store.accessList(of: inbox).isEmpty && !store.accessList(of: work).isEmpty)
        let faults = try await store.check().faults
        #expect(!faults.isEmpty && faults.allSatisfy { $0.contains("access list of mailbox \(inbox.rawValue)") }, "\(faults)")
        await store.close()
    }

    @Test("a check tells of an account that a list takes for a name, and of one that is not there")
    func check() async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await fixture.openWithAlice()
        let entry = try #require(store.catalog.account(alice))
        await store.close()
        var list = AccessList()
        list.change(.replace([.lookup]), of: try named("alice@example.test"))
        list.change(.replace([.lookup]), of: Grantee(.account(AccountID(rawValue: 77))))
        let octets = try SealedAccessList.seal(list, of: inbox, entry) { _ in nil }.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        try fixture.tamper("INSERT INTO access_list VALUES (\(inbox.rawValue), x'\(octets)')")
        store = try fixture.open()
        let faults = try await store.check().faults
        #expect(faults.count == 2 && faults.contains { $0.contains("account 77") } && faults.contains { $0.contains("account \(alice.rawValue)") }, "\(faults)")
        await store.close()
    }

    @Test("store recover brings names back from the catalogue; an account that came since gets nothing by its name, but what is taken away")
    func recovered() async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await fixture.openWithAlice()
        let bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: "$argon2id$bob").id
        let (carol, dora) = (try named("carol@example.test"), try named("dora@example.test"))
        let (noCarol, noDora) = (try named("carol@example.test", negative: true), try named("dora@example.test", negative: true))
        try await store.change(rights: .replace([.lookup]), of: Grantee(.account(bob)), on: inbox)
        let given: [(Grantee, Rights)] = [(carol, [.lookup]), (dora, [.lookup, .read]), (noCarol, [.insert]), (noDora, [.write])]
        for (grantee, rights) in given {
            try await store.change(rights: .replace(rights), of: grantee, on: inbox)
        }
        try await store.catalogues.write(anyway: true)
        let account = try await store.add(account: AccountName("dora@example.test"), passwordHash: "$argon2id$dora").id
        #expect(try store.accessList(of: inbox).rights(of: account) == [.lookup, .read])
        // The last catalogue says of alice what the one before said: nothing of hers has changed.
        await store.close()
        for suffix in ["", "-wal", "-shm"] { unlink(fixture.folder + "/index.db" + suffix) }
        let report = try SQLiteStore.recover(
            fixture.folder, masterKey: try #require(MasterKey(Fixture.key)), apply: true, now: Fixture.now, log: Logger(label: "test"), progress: { _ in })
        #expect(report.problems.count == 1 && report.problems.allSatisfy { $0.contains("by its name") }, "\(report.problems)")
        store = try fixture.open()
        let list = try store.accessList(of: inbox)
        #expect(list[Grantee(.account(bob))] == [.lookup] && list[carol] == [.lookup] && list[noCarol] == [.insert])
        #expect(list[Grantee(.account(account))] == [] && list[Grantee(.account(account), isNegative: true)] == [.write] && list.entries.count == 4)
        #expect(try await store.check().faults == [])
        #expect(try await store.mailboxes(of: alice).count > 1)
        await store.close()
    }
}
