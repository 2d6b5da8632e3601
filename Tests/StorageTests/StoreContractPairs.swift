import MailModel
import Storage
import Testing

@Suite("The storage contract: small things that are kept by name")
struct StoreContractPairs {
    private static let space = Keyspace.aliases
    private static let other = Keyspace.mailingLists

    private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test("values come back, by key and all of a keyspace, after a restart too", arguments: StoreFactory.all)
    func values(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let (space, other) = (StoreContractPairs.space, StoreContractPairs.other)
            try await house.store.change([
                KeyValueChange(space, "a@example.org", octets("one")), KeyValueChange(space, "bü", []), KeyValueChange(other, "a@example.org", octets("two")),
            ])
            try await house.store.change([KeyValueChange(space, "a@example.org", octets("three")), KeyValueChange(space, "gone", octets("x"))])
            try await house.store.change([KeyValueChange(space, "gone", nil), KeyValueChange(space, "never", nil)])
            try await house.store.change([])
            for isRestarted in [false, true] {
                let store = isRestarted ? try await house.restarted().store : house.store
                #expect(try store.values(in: space) == ["a@example.org": octets("three"), "bü": []])
                #expect(try store.values(in: other) == ["a@example.org": octets("two")])
                #expect(try store.values(in: .transportPolicies).isEmpty)
                #expect(try store.value(of: "bü", in: space) == [] && store.value(of: "gone", in: space) == nil)
                #expect(try store.value(of: "bü", in: other) == nil)
            }
        }
    }

    @Test("what is expected must be there, or none of the changes is made", arguments: StoreFactory.all)
    func expectations(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let space = StoreContractPairs.space
            try await house.store.change([KeyValueChange(space, "a", octets("1"), expecting: .absence)])
            await #expect(throws: StorageFault.nameTaken) {
                try await house.store.change([KeyValueChange(space, "b", octets("2")), KeyValueChange(space, "a", octets("2"), expecting: .absence)])
            }
            for wrong in ["a", "c"] {
                await #expect(throws: StorageFault.conflict) {
                    try await house.store.change([
                        KeyValueChange(space, "b", octets("2")), KeyValueChange(space, wrong, octets("2"), expecting: .value(octets("0"))),
                    ])
                }
            }
            #expect(try house.store.values(in: space) == ["a": octets("1")])
            try await house.store.change([KeyValueChange(space, "a", nil, expecting: .value(octets("1")))])
            #expect(try house.store.values(in: space).isEmpty)
        }
    }

    @Test("a key or a value that is too long, and a key that comes twice, are refused", arguments: StoreFactory.all)
    func limits(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let space = StoreContractPairs.space
            let long = String(repeating: "k", count: KeyValueLimits.key)
            let large = Array(repeating: UInt8(1), count: KeyValueLimits.value)
            try await house.store.change([KeyValueChange(space, long, large)])
            for changes in [
                [KeyValueChange(space, long + "k", [])], [KeyValueChange(space, "", [])], [KeyValueChange(space, "v", large + [1])],
                [KeyValueChange(space, "twice", []), KeyValueChange(space, "twice", nil)],
            ] {
                await #expect(throws: StorageFault.notAllowed("a key or a value that cannot be kept")) { try await house.store.change(changes) }
            }
            #expect(try house.store.values(in: space) == [long: large])
        }
    }

    @Test("of many that want to be the first, one is", arguments: StoreFactory.all)
    func race(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let store = house.store
            let winners = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        do {
                            try await store.change([KeyValueChange(.aliases, "a", [UInt8(number)], expecting: .absence)])
                            return true
                        } catch { return false }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(winners == 1)
        }
    }
}
