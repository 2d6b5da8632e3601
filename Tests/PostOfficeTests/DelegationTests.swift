import Gatehouse
import MailModel
import MessageFormat
import PostOffice
import Storage
import Testing

@Suite("Directory: who may send in whose name")
struct DelegationTests {
    private func right(_ premises: DirectoryPremises, _ who: AccountRecord, _ address: String) async throws -> SendRight {
        try await premises.directory.sendRight(Principal(account: who.id, name: who.name), try #require(Address(address)))
    }

    @Test("a delegate's right holds for the owner's address, its details and its aliases, and for nobody else's")
    func rights() async throws {
        let premises = try await DirectoryPremises()
        let boss = try await premises.enrol("boss@example.org")
        let assistant = try await premises.enrol("assistant@example.org")
        let other = try await premises.enrol("other@example.org")
        _ = try await premises.directory.add(alias: "office@example.org", targets: ["boss@example.org", "other@example.org"])
        let addresses = ["boss@example.org", "BOSS@example.org", "boss+news@example.org", "office@example.org"]
        for (given, expected) in [(SendRight.onBehalf, SendRight.onBehalf), (.asOwner, .asOwner), (.none, .none)] {
            try await premises.directory.set(given, of: "assistant", inTheNameOf: "boss@example.org")
            for address in addresses { #expect(try await right(premises, assistant, address) == expected, "\(address) \(given)") }
            #expect(try await right(premises, assistant, "other@example.org") == .none)
            #expect(try await right(premises, boss, "assistant@example.org") == .none)
            #expect(try await right(premises, assistant, "assistant@example.org") == .own)
            #expect(try await right(premises, other, "office@example.org") == .own)
        }
        #expect(try premises.store.values(in: .delegates).isEmpty)
    }

    @Test("a delegate's delegate has nothing by it")
    func chain() async throws {
        let premises = try await DirectoryPremises()
        _ = try await premises.enrol("boss@example.org")
        _ = try await premises.enrol("assistant@example.org")
        let temp = try await premises.enrol("temp@example.org")
        try await premises.directory.set(.asOwner, of: "assistant", inTheNameOf: "boss")
        try await premises.directory.set(.asOwner, of: "temp", inTheNameOf: "assistant")
        #expect(try await right(premises, temp, "boss@example.org") == .none)
        #expect(try await right(premises, temp, "assistant@example.org") == .asOwner)
    }

    @Test("they are told in order, the last right counts, and who is removed is gone from both sides")
    func listed() async throws {
        let premises = try await DirectoryPremises()
        _ = try await premises.enrol("boss@example.org")
        let assistant = try await premises.enrol("assistant@example.org")
        _ = try await premises.enrol("temp@example.org")
        try await premises.directory.set(.asOwner, of: "assistant", inTheNameOf: "boss")
        try await premises.directory.set(.onBehalf, of: "temp", inTheNameOf: "boss")
        try await premises.directory.set(.onBehalf, of: "assistant", inTheNameOf: "boss")
        func told() async throws -> [String] { try await premises.directory.delegates(of: "boss").map { "\($0.account) \($0.right)" } }
        #expect(try await told() == ["temp@example.org onBehalf", "assistant@example.org onBehalf"])
        try await premises.directory.remove(account: "temp")
        #expect(try await told() == ["assistant@example.org onBehalf"])
        try await premises.directory.remove(account: "boss")
        #expect(try premises.store.values(in: .delegates).isEmpty)
        #expect(try await right(premises, assistant, "boss@example.org") == .none)
        await #expect(throws: StorageFault.noSuchAccount) { try await premises.directory.set(.asOwner, of: "nobody", inTheNameOf: "assistant") }
        await #expect(throws: StorageFault.self) { try await premises.directory.set(.asOwner, of: "assistant", inTheNameOf: "assistant") }
    }

    @Test("what cannot be read is an error, never a yes or a no")
    func corrupt() async throws {
        let premises = try await DirectoryPremises()
        let boss = try await premises.enrol("boss@example.org")
        let assistant = try await premises.enrol("assistant@example.org")
        try await premises.store.change([KeyValueChange(.delegates, "\(boss.id.rawValue)", Array("{}".utf8))])
        await #expect(throws: StorageFault.self) { _ = try await right(premises, assistant, "boss@example.org") }
        #expect(try await right(premises, boss, "boss@example.org") == .own)
    }
}
