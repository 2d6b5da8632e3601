import Crypto
import Glibc
import MailModel
import Storage
import Testing

@testable import SQLiteStore

@Suite("Small things that are kept by name, in SQLite")
struct PairTests {
    private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func filled(_ fixture: Fixture) async throws -> SQLiteStore {
        let store = try fixture.open()
        try await store.change([
            KeyValueChange(.aliases, "secret-name@example.test", octets("secret-value")), KeyValueChange(.aliases, "b@example.test", octets("two")),
            KeyValueChange(.mailingLists, "l@example.test", octets("three")),
        ])
        return store
    }

    @Test("neither key nor value can be read on the disk, nor in the catalogue")
    func sealed() async throws {
        let fixture = try Fixture()
        let store = try await filled(fixture)
        try await store.catalogues.write(anyway: true)
        #expect(try await store.check().faults == [])
        await store.close()
        for name in ["index.db"] + CatalogueKeeper.names.map({ "catalogue/" + $0 }) where access(fixture.folder + "/" + name, F_OK) == 0 {
            let found = try fixture.octets(of: name)
            #expect(!found.contains(octets("secret")) && !found.isEmpty, "\(name)")
        }
    }

    @Test("an index that is lost gets them back from the catalogue")
    func recovered() async throws {
        let fixture = try Fixture()
        var store = try await filled(fixture)
        try await store.change([KeyValueChange(.aliases, "b@example.test", nil)])
        await store.close()
        for suffix in ["", "-wal", "-shm"] { unlink(fixture.folder + "/index.db" + suffix) }
        _ = try SQLiteStore.recover(
            fixture.folder, masterKey: try #require(MasterKey(Fixture.key)), apply: true, now: Fixture.now, log: .init(label: "test"), progress: { _ in })
        store = try fixture.open()
        #expect(try store.values(in: .aliases) == ["secret-name@example.test": octets("secret-value")])
        #expect(try store.values(in: .mailingLists) == ["l@example.test": octets("three")])
        try await store.change([KeyValueChange(.aliases, "b@example.test", octets("new"))])
        #expect(try await store.check().faults == [])
        await store.close()
        store = try fixture.open()
        #expect(try store.value(of: "b@example.test", in: .aliases) == octets("new"))
        await store.close()
    }

    @Test("of a keyspace with a row that does not open nobody hears that there is none; the others are as they were")
    func damaged() async throws {
        let fixture = try Fixture()
        var store = try await filled(fixture)
        await store.close()
        let connection = try fixture.connect()
        // As if two rows had been swapped.
        try connection.execute("UPDATE pair SET sealed=(SELECT sealed FROM pair AS other WHERE other.id=2) WHERE id=1")
        connection.close()
        store = try fixture.open()
        #expect(try store.value(of: "b@example.test", in: .aliases) == octets("two"))
        #expect(throws: IndexDamage.missingPairs) { _ = try store.value(of: "secret-name@example.test", in: .aliases) }
        #expect(throws: IndexDamage.missingPairs) { _ = try store.values(in: .aliases) }
        #expect(try store.values(in: .mailingLists) == ["l@example.test": octets("three")])
        await #expect(throws: IndexDamage.missingPairs) { try await store.change([KeyValueChange(.aliases, "c", [], expecting: .absence)]) }
        #expect(try await store.check().faults.contains { $0.contains("value 1") })
        await store.close()
    }

    @Test("a value that is replaced has another row, sealed with its own id")
    func replaced() async throws {
        let fixture = try Fixture()
        let store = try await filled(fixture)
        for number in 0..<20 { try await store.change([KeyValueChange(.aliases, "b@example.test", [UInt8(number)])]) }
        #expect(try await store.readers.run { try $0.connection.number("SELECT count(*) FROM pair") } == 3)
        #expect(try await store.readers.run { try $0.connection.number("SELECT max(id) FROM pair") } == 23)
        #expect(try await store.check().faults == [])
        await store.close()
    }
}
