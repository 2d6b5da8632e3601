import Gatehouse
import MailModel
import MemoryStore
import Storage
import Testing

@testable import PostOffice

@Suite("Lists and members are kept, and their addresses known")
struct ListRegisterTests {
    @Test("what is kept is read again as it was")
    func records() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example", "Emil@D2.example"]) {
            $0.name = "Bücher \"und\" mehr"
            $0.owners = ["alice@example.test", "otto@d4.example"]
            $0.others = .refused
            $0.joining = .closed
            $0.posters = .owners
        }
        try await lists.house.directory.set(mayPost: false, ofMember: "dora@d1.example", of: "dev")
        _ = try await lists.house.lists.register.change(member: try #require(Address("emil@d2.example")), of: lists.list.address) {
            $0.failed(postOf: Timestamp(rawValue: 5), at: Timestamp(rawValue: 6), reason: "no \"way\"", by: QueueID(rawValue: 7))
        }
        let again = ListRegister(store: lists.house.store, tokens: ListTokens(secret: [1]), clock: { Timestamp(rawValue: 0) })
        #expect(try await again.list(lists.list.address) == lists.house.directory.list("dev"))
        #expect(try await again.members(of: lists.list.address) == lists.members())
        try await lists.house.directory.remove(list: "dev")
        #expect(try lists.house.store.values(in: .mailingLists).isEmpty && lists.house.store.values(in: .listMembers).isEmpty)
    }

    @Test("a list with something that cannot be read is nobody's to use, and no unknown address either")
    func damage() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"])
        var draft = ListChange()
        draft.owners = ["alice@example.test"]
        _ = try await lists.house.directory.add(list: "ops", draft, at: lists.house.clock.now)
        try await lists.house.store.change([KeyValueChange(.listMembers, "dev@example.test dora@d1.example", Array("version 9\n".utf8))])
        let again = ListRegister(store: lists.house.store, tokens: ListTokens(secret: [1]), clock: { Timestamp(rawValue: 0) })
        await #expect(throws: StorageFault.self) { _ = try await again.door(lists.list.address) }
        await #expect(throws: StorageFault.self) { _ = try await again.door(lists.list.address(.owner)) }
        #expect(try await again.door(try #require(Address("ops@example.test")))?.purpose == .post)
        #expect(try await again.door(try #require(Address("nobody@example.test"))) == nil)
    }

    @Test("names that a list may not have, and that nobody else may have then")
    func names() async throws {
        let lists = try await ListHouse()
        let directory = lists.house.directory
        var draft = ListChange()
        draft.owners = ["alice@example.test"]
        for name in ["alice", "dev", "dev-owner", "x-request", "postmaster", "a b", "a+b", String(repeating: "x", count: 30), "x@other.example", "ü"] {
            await #expect(throws: (any Error).self, "\(name)") { _ = try await directory.add(list: name, draft, at: lists.house.clock.now) }
        }
        for owners in [[], ["dev2@example.test"], ["dev2-owner@example.test"], ["nobody"], ["alice@example.test", "ALICE@example.test"]] {
            draft.owners = owners
            await #expect(throws: ListFault.self, "\(owners)") { _ = try await directory.add(list: "dev2", draft, at: lists.house.clock.now) }
        }
        for name in ["dev", "Dev-Owner", "dev-request", "dev-bounces"] {
            await #expect(throws: StorageFault.nameTaken, "\(name)") {
                _ = try await directory.add(account: name, password: Password("correct horse battery staple"))
            }
        }
        await #expect(throws: (any Error).self) { try await directory.remove(domain: "example.test") }
        await #expect(throws: ListFault.self) { _ = try await directory.add(members: ["\"a b\"@d1.example"], mayPost: true, to: "dev") }
        await #expect(throws: ListFault.self) { _ = try await directory.add(members: ["ü@d1.example"], mayPost: true, to: "dev") }
        #expect(try await directory.add(members: ["a@d1.example", "A@D1.example", "b@d1.example"], mayPost: true, to: "dev").count == 2)
        #expect(try await directory.add(members: ["a@d1.example"], mayPost: true, to: "dev").isEmpty)
    }

    @Test("a token is for its list, its purpose and its octets; in any case of letters, and written in one way only")
    func tokens() async throws {
        let lists = try await ListHouse()
        let tokens = ListTokens(secret: Array("secret".utf8))
        let token = tokens.leave(7, of: lists.list)
        #expect(tokens.open(token.uppercased(), .leave, of: lists.list) == [0, 0, 0, 7])
        #expect(tokens.open(token, .accept, of: lists.list) == nil)
        #expect(ListTokens(secret: Array("other".utf8)).open(token, .leave, of: lists.list) == nil)
        let other = MailingList(address: lists.list.address, owners: lists.list.owners, created: Timestamp(rawValue: 1))
        #expect(tokens.open(token, .leave, of: other) == nil)
        for place in token.indices {
            var changed = token
            changed.replaceSubrange(place...place, with: token[place] == "a" ? "b" : "a")
            #expect(tokens.open(changed, .leave, of: lists.list) == nil)
        }
        for text in ["", "a", token + "a", String(token.dropLast()), "ä", String(repeating: "a", count: 1_000)] {
            #expect(tokens.open(text, .leave, of: lists.list) == nil)
        }
        for count in 0..<20 {
            let octets = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37) }
            #expect(Base32.decode(Base32.encode(octets)) == octets)
        }
        #expect(Base32.encode(Array("foobar".utf8)) == "mzxw6ytboi")
    }
}
