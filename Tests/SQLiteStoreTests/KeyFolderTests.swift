import Crypto
import Glibc
import MailModel
import NIOCore
import Storage
import Testing

@testable import SQLiteStore

@Suite("Account keys lie twice, and go for ever with their account")
struct KeyFolderTests {
    private func sealedKey(_ fixture: Fixture, _ account: AccountID) throws -> [UInt8] {
        let connection = try fixture.connect(.reader)
        defer { connection.close() }
        return try #require(try KeyFolder.sealedKey(of: account, connection))
    }

    @Test("a file an account, there when the account is answered, for its owner alone, with the octets of the index; one that is missing is written at start")
    func written() async throws {
        let fixture = try Fixture()
        var (store, alice, _) = try await fixture.openWithAlice()
        let keys = KeyFolder(in: fixture.folder)
        #expect(keys.accounts() == [alice])
        let file = try #require(try keys.read(alice))
        #expect(file.sealedKey == (try sealedKey(fixture, alice)))
        let key = try file.open(try #require(MasterKey(Fixture.key)))
        #expect(try file.name(key).description == "alice@example.test")
        var facts = stat()
        #expect(stat(keys.file(alice), &facts) == 0 && facts.st_mode & 0o777 == 0o600)
        #expect(stat(keys.path, &facts) == 0 && facts.st_mode & 0o777 == 0o700)
        await store.close()
        unlink(keys.file(alice))
        store = try fixture.open()
        #expect(try keys.read(alice)?.sealedKey == file.sealedKey)
        await store.close()
    }

    @Test("after an account is removed no file holds its sealed key, however often its row was changed before; the others' mail is as it was")
    func removed() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        var sealed: [[UInt8]] = []
        var accounts: [AccountID] = []
        for number in 0..<40 {
            accounts.append(try await store.add(account: AccountName("u\(number)@example.test"), passwordHash: "$argon2id$test").id)
        }
        for round in 0..<3 {
            for account in accounts {
                try await store.set(passwordHash: String(repeating: "x", count: 20 + round * 300), of: account)
                store.note(login: Fixture.now, of: account)
            }
        }
        let shared = try await Fixture.stage(Fixture.message(1), in: store)
        let boxes = try await [accounts[3], accounts[4]].asyncMap { try #require(try await store.mailbox(named: .inbox, of: $0)).id }
        _ = try await store.place(shared, ([inbox] + boxes).map { Placement(mailbox: $0, internalDate: Fixture.now) })
        for account in accounts { sealed.append(try sealedKey(fixture, account)) }
        for index in stride(from: 0, to: 40, by: 3) { try await store.remove(account: accounts[index]) }
        for name in fixture.everyFile() {
            let octets = try fixture.octets(of: name)
            for index in 0..<40 {
                // The nonce is behind the key's number.
                let needle = Array(sealed[index].dropFirst(4))
                let isThere = octets.contains(needle)
                if index % 3 == 0 { #expect(!isThere, "\(name) holds the key of account \(index)") }
            }
        }
        #expect(KeyFolder(in: fixture.folder).accounts().count == 1 + 40 - 14)
        #expect(try await store.read(nil, of: shared.id, for: alice) == Fixture.message(1))
        #expect(try await store.read(nil, of: shared.id, for: accounts[4]) == Fixture.message(1))
        #expect(try await store.accounts().count == 27)
        await store.close()
        let again = try fixture.open()
        #expect(try await again.accounts().count == 27)
        #expect(try await again.read(nil, of: shared.id, for: accounts[4]) == Fixture.message(1))
        // An id is never given twice, for a file may lie in a backup.
        #expect(try await again.add(account: AccountName("new@example.test"), passwordHash: "x").id.rawValue > 40)
        await again.close()
    }

    @Test("a key whose account the index lost stays, and its id is not given to another")
    func orphan() async throws {
        let fixture = try Fixture()
        let (store, _, _) = try await fixture.openWithAlice()
        let keys = KeyFolder(in: fixture.folder)
        let key = SymmetricKey(size: .bits256)
        let lost = try KeyFile(account: AccountID(rawValue: 2), sealedKey: [1, 2, 3], name: AccountName("lost@example.test"), key: key)
        try keys.write(lost)
        let bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: "x")
        #expect(bob.id.rawValue == 3)
        #expect(try keys.read(AccountID(rawValue: 2)) == lost)
        await store.close()
    }

    @Test("old copies of the index, kept by a migration or set aside, lose the key of an account that is removed, and nothing else")
    func removedElsewhere() async throws {
        let fixture = try Fixture()
        let (store, alice, _) = try await fixture.openWithAlice()
        let bob = try await store.add(account: AccountName("bob@example.test"), passwordHash: "-").id
        let (key, others) = (try sealedKey(fixture, alice), try sealedKey(fixture, bob))
        try Disk.makeFolder(fixture.folder + "/aside")
        // At the end of one piece and the beginning of the next, too.
        let octets = [UInt8](repeating: 7, count: (1 << 20) - 30) + key + others + key
        for name in ["index.db.schema-4", "aside/1-index.db-wal", "aside/index.db"] {
            try Disk.replace(fixture.folder + "/" + name, by: ByteBuffer(bytes: octets))
        }
        try await store.remove(account: alice)
        let left = [UInt8](repeating: 7, count: (1 << 20) - 30) + [UInt8](repeating: 0, count: key.count) + others + [UInt8](repeating: 0, count: key.count)
        for name in ["index.db.schema-4", "aside/1-index.db-wal", "aside/index.db"] { #expect(try fixture.octets(of: name) == left) }
        await store.close()
    }
}

extension Array {
    func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
