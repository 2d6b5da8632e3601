import MailModel
import PostOffice
import Storage
import Testing

@Suite("Directory: aliases, forwarding and details")
struct AliasTests {
    private func principal(_ record: AccountRecord) -> Principal { Principal(account: record.id, name: record.name) }

    private func forward(_ target: String, by forwarder: String) throws -> Destination {
        .forward(to: try #require(Address(target)), by: try #require(Address(forwarder)))
    }

    private func inbox(_ premises: DirectoryPremises, _ record: AccountRecord) async throws -> Destination {
        let found = try await premises.store.mailbox(named: .inbox, of: record.id)
        return .mailbox(try #require(found).id, of: record.id)
    }

    @Test("an alias stands for several, here and elsewhere, each once, by way of others too, in any case")
    func several() async throws {
        let premises = try await DirectoryPremises()
        let (alice, bob) = (try await premises.enrol("alice@example.org"), try await premises.enrol("bob@example.org"))
        let directory = premises.directory
        try await directory.add(alias: "Sales@example.org", targets: ["alice@example.org", "x@remote.example"])
        try await directory.add(alias: "sales@example.org", targets: ["ALICE@example.org", "bob@example.org"])
        try await directory.add(alias: "all@example.org", targets: ["sales@example.org", "bob@example.org", "y@remote.example"])
        let all: [Destination] = try await [
            inbox(premises, alice), forward("x@remote.example", by: "sales@example.org"), inbox(premises, bob),
            forward("y@remote.example", by: "ALL@example.org"),
        ]
        #expect(try await premises.resolve("ALL@example.org") == .destinations(all))
        #expect(
            try directory.aliases().map { [$0.name.written] + $0.targets.map(\.written) } == [
                ["all@example.org", "sales@example.org", "bob@example.org", "y@remote.example"],
                ["Sales@example.org", "alice@example.org", "x@remote.example", "bob@example.org"],
            ])
        #expect(try await directory.remove(alias: "all@example.org", targets: ["BOB@example.org"])?.targets.count == 2)
        #expect(try await directory.remove(alias: "sales@example.org") == nil)
        #expect(try await premises.resolve("sales@example.org") == .unknownUser)
        #expect(try await premises.resolve("all@example.org") == .destinations([forward("y@remote.example", by: "all@example.org")]))
        for (alias, targets) in [("sales@example.org", []), ("all@example.org", ["bob@example.org"]), ("nonsense", [])] {
            await #expect(throws: DirectoryFault.noSuchAlias) { try await directory.remove(alias: alias, targets: targets) }
        }
    }

    @Test("aliases that cannot be are refused: of accounts, of others' domains, to nobody")
    func refused() async throws {
        let premises = try await DirectoryPremises()
        _ = try await premises.enrol("alice@example.org")
        let directory = premises.directory
        try await directory.add(domain: "other.example", standingFor: "example.org")
        let bob = try #require(Address("bob@example.org"))
        await #expect(throws: StorageFault.nameTaken) { try await directory.add(alias: "Alice@example.org", targets: ["x@remote.example"]) }
        await #expect(throws: StorageFault.noSuchDomain) { try await directory.add(alias: "a@remote.example", targets: ["alice@example.org"]) }
        await #expect(throws: StorageFault.notAllowed("other.example stands for example.org: make the alias there")) {
            try await directory.add(alias: "a@other.example", targets: ["alice@example.org"])
        }
        await #expect(throws: DirectoryFault.nobody(bob)) {
            try await directory.add(alias: "a@example.org", targets: ["alice@example.org", "bob@example.org"])
        }
        for text in ["", "@", "a", "a@[127.0.0.1]", "SRS0=x@example.org"] {
            await #expect(throws: DirectoryFault.address(text)) { try await directory.add(alias: text, targets: ["alice@example.org"]) }
        }
        for text in ["", "@example.org", "a@[127.0.0.1]"] {
            await #expect(throws: DirectoryFault.address(text)) { try await directory.add(alias: "a@example.org", targets: [text]) }
        }
        try await directory.add(alias: "a@example.org", targets: ["alice@example.org"])
        await #expect(throws: StorageFault.nameTaken) { try await directory.add(account: "A", password: DirectoryPremises.password) }
        await #expect(throws: StorageFault.notAllowed("other.example stands for the domain")) { try await directory.remove(domain: "example.org") }
        try await directory.remove(domain: "other.example")
        await #expect(throws: StorageFault.notAllowed("the domain has aliases: a@example.org")) { try await directory.remove(domain: "example.org") }
    }

    @Test("loops are refused when they are made: by aliases, forwarding, domains and catch-alls")
    func loops() async throws {
        let premises = try await DirectoryPremises()
        _ = try await premises.enrol("alice@example.org")
        _ = try await premises.enrol("bob@example.org")
        let directory = premises.directory
        try await directory.add(domain: "other.example", standingFor: "example.org")
        try await directory.add(alias: "b@example.org", targets: ["alice@example.org"])
        try await directory.add(alias: "a@example.org", targets: ["b@example.org"])
        await #expect(throws: DirectoryFault.loop(["b@example.org", "a@example.org", "b@example.org"])) {
            try await directory.add(alias: "b@example.org", targets: ["a@example.org"])
        }
        await #expect(throws: DirectoryFault.loop(["b@example.org", "B@other.example"])) {
            try await directory.add(alias: "b@example.org", targets: ["B@other.example"])
        }
        for keepsCopy in [false, true] {
            await #expect(throws: DirectoryFault.loop(["alice@example.org", "a@example.org", "b@example.org", "alice@example.org"])) {
                try await directory.set(forwarding: ["a@example.org"], keepsCopy: keepsCopy, of: "alice")
            }
            await #expect(throws: DirectoryFault.loop(["alice@example.org", "alice+x@example.org"])) {
                try await directory.set(forwarding: ["alice+x@example.org"], keepsCopy: keepsCopy, of: "alice")
            }
        }
        try await directory.set(forwarding: ["bob@example.org"], keepsCopy: true, of: "alice")
        await #expect(throws: DirectoryFault.loop(["bob@example.org", "b@example.org", "alice@example.org", "bob@example.org"])) {
            try await directory.set(forwarding: ["b@example.org"], keepsCopy: true, of: "bob")
        }
        // All that is nobody's goes to alice; her forwarding may not name somebody whom only that makes her.
        try await directory.add(alias: "@example.org", targets: ["alice@example.org"])
        await #expect(throws: DirectoryFault.loop(["alice@example.org", "whoever@example.org", "alice@example.org"])) {
            try await directory.set(forwarding: ["whoever@example.org"], keepsCopy: true, of: "alice")
        }
        await #expect(throws: DirectoryFault.loop(["@example.org", "new@example.org"])) {
            try await directory.add(alias: "@example.org", targets: ["new@example.org"])
        }
    }

    @Test("a loop that is there all the same ends, and nobody's mail is lost in it")
    func loopInStore() async throws {
        let premises = try await DirectoryPremises()
        let alice = try await premises.enrol("alice@example.org")
        try await premises.store.change([
            KeyValueChange(.aliases, "a@example.org", Array(#"{"name":"a@example.org","targets":["b@example.org"]}"#.utf8)),
            KeyValueChange(.aliases, "b@example.org", Array(#"{"name":"b@example.org","targets":["a@example.org","alice@example.org"]}"#.utf8)),
            KeyValueChange(.aliases, "c@example.org", Array(#"{"name":"c@example.org","targets":["c@example.org"]}"#.utf8)),
            KeyValueChange(.deliverySettings, "\(alice.id.rawValue)", Array(#"{"forwardsTo":["b@example.org"],"keepsCopy":false}"#.utf8)),
        ])
        #expect(try await premises.resolve("a@example.org") == premises.inbox(alice))
        #expect(try await premises.resolve("alice@example.org") == premises.inbox(alice))
        #expect(try await premises.resolve("c@example.org") == .unknownUser)
        #expect(try await premises.directory.sendRight(principal(alice), try #require(Address("c@example.org"))) != .own)
    }

    @Test("a domain that stands for another has its accounts, aliases, postmaster and details")
    func domains() async throws {
        let premises = try await DirectoryPremises()
        let alice = try await premises.enrol("alice@example.org")
        let directory = premises.directory
        try await directory.add(domain: "bücher.example", standingFor: "example.org")
        try await directory.add(alias: "info@example.org", targets: ["alice@example.org"])
        for address in ["alice@bücher.example", "Info@xn--bcher-kva.example", "alice+x@BÜCHER.example", "postmaster@bücher.example"] {
            #expect(try await premises.resolve(address) == premises.inbox(alice), "\(address)")
            #expect(try await directory.sendRight(principal(alice), try #require(Address(address))) == .own, "\(address)")
        }
        #expect(try await premises.resolve("bob@bücher.example") == .unknownUser)
        #expect(try await premises.resolve("alice@sub.bücher.example") == .notLocal)
        #expect(try await directory.domainsServed().map(\.value).sorted() == ["example.org", "xn--bcher-kva.example"])
        await #expect(throws: StorageFault.nameTaken) { try await directory.add(domain: "xn--bcher-kva.example") }
        await #expect(throws: StorageFault.nameTaken) { try await directory.add(domain: "example.org", standingFor: "example.org") }
        await #expect(throws: StorageFault.noSuchDomain) { try await directory.add(domain: "third.example", standingFor: "bücher.example") }
        try await directory.remove(domain: "BÜCHER.example")
        #expect(try await premises.resolve("alice@bücher.example") == .notLocal)
    }

    @Test("a catch-all has what is nobody's; postmaster and abuse always reach somebody")
    func catchAll() async throws {
        let premises = try await DirectoryPremises()
        let (alice, bob) = (try await premises.enrol("alice@example.org"), try await premises.enrol("bob@example.org"))
        let directory = premises.directory
        for role in ["postmaster", "Abuse"] { #expect(try await premises.resolve("\(role)@example.org") == premises.inbox(alice)) }
        try await directory.add(alias: "@example.org", targets: ["bob@example.org"])
        for local in ["whoever", "a b", "who+ever", "postmaster", "abuse"] {
            #expect(try await premises.resolve("\(local)@example.org") == premises.inbox(bob))
        }
        #expect(try await premises.resolve("alice@example.org") == premises.inbox(alice))
        #expect(try await premises.resolve("alice+x@example.org") == premises.inbox(alice))
        #expect(try await directory.sendRight(principal(bob), try #require(Address("whoever@example.org"))) == .own)
        #expect(try await directory.sendRight(principal(bob), try #require(Address("alice@example.org"))) != .own)
        #expect(try await directory.resolvePostmaster() == premises.inbox(bob))
        try await directory.add(alias: "abuse@example.org", targets: ["alice@example.org"])
        #expect(try await premises.resolve("abuse@example.org") == premises.inbox(alice))
        // Who was to read it is gone: it is not nobody's for that.
        try await directory.remove(alias: "@example.org")
        try await directory.add(alias: "postmaster@example.org", targets: ["bob@example.org"])
        try await directory.remove(account: "bob")
        #expect(try await premises.resolve("postmaster@example.org") == premises.inbox(alice))
        #expect(try await directory.resolvePostmaster() == premises.inbox(alice))
    }

    @Test("forwarding with and without a copy; what cannot be sent on stays; who gets it does not own the address")
    func forwarding() async throws {
        let premises = try await DirectoryPremises()
        let (alice, bob) = (try await premises.enrol("alice@example.org"), try await premises.enrol("bob@example.org"))
        let directory = premises.directory
        try await directory.set(forwarding: ["bob@example.org", "x@remote.example", "X@remote.example"], keepsCopy: true, of: "alice")
        let onward: [Destination] = try await [inbox(premises, bob), forward("x@remote.example", by: "alice@example.org")]
        #expect(try await premises.resolve("alice+t@example.org") == .destinations([inbox(premises, alice)] + onward))
        try await directory.set(forwarding: ["bob@example.org", "x@remote.example"], keepsCopy: false, of: "alice")
        #expect(try await premises.resolve("alice@example.org") == .destinations(onward))
        #expect(try await directory.sendRight(principal(alice), try #require(Address("alice@example.org"))) == .own)
        #expect(try await directory.sendRight(principal(bob), try #require(Address("alice@example.org"))) != .own)
        try await directory.set(forwarding: ["bob@example.org"], keepsCopy: false, of: "alice")
        try await directory.remove(account: "bob")
        #expect(try await premises.resolve("alice@example.org") == premises.inbox(alice))
        try await directory.set(forwarding: [], keepsCopy: true, of: "alice")
        #expect(try premises.store.values(in: .deliverySettings).isEmpty)
        await #expect(throws: StorageFault.noSuchAccount) { try await directory.set(forwarding: [], keepsCopy: true, of: "bob") }
    }

    @Test("NAME+DETAIL is NAME's, and is filed in the mailbox DETAIL where the user wants that and there is one: RFC 5233")
    func details() async throws {
        let premises = try await DirectoryPremises()
        let (alice, store) = (try await premises.enrol("alice@example.org"), premises.store)
        let names = [try #require(MailboxName("Lists/Work")), try #require(MailboxName("lists/other"))]
        let work = try await store.create(mailbox: names[0], of: alice.id, specialUse: nil).id
        let other = try await store.create(mailbox: names[1], of: alice.id, specialUse: nil).id
        #expect(try await premises.resolve("alice+Lists/Work@example.org") == premises.inbox(alice))
        try await premises.directory.set(filesByDetail: true, of: "alice")
        try await premises.directory.add(alias: "info@example.org", targets: ["alice@example.org"])
        for (address, mailbox) in [
            ("alice+Lists/Work@example.org", work), ("ALICE+LISTS/work@example.org", work), ("info+lists/other@example.org", other),
            ("alice+inbox@example.org", nil), ("alice+none@example.org", nil), ("alice+@example.org", nil), ("alice@example.org", nil),
            // What a client puts there itself is not for strangers to add to.
            ("alice+Sent@example.org", nil), ("alice+drafts@example.org", nil), ("alice+Trash@example.org", nil), ("alice+a//b@example.org", nil),
        ] as [(String, MailboxID?)] {
            if let mailbox {
                #expect(try await premises.resolve(address) == .destinations([.mailbox(mailbox, of: alice.id)]), "\(address)")
            } else {
                #expect(try await premises.resolve(address) == premises.inbox(alice), "\(address)")
            }
        }
        // An account or an alias of exactly that name comes first.
        try await premises.directory.add(alias: "alice+vip@example.org", targets: ["x@remote.example"])
        #expect(try await premises.resolve("Alice+VIP@example.org") == .destinations([forward("x@remote.example", by: "Alice+VIP@example.org")]))
    }

    @Test("a sender that was rewritten leads back, and only then; our own senders stay")
    func senders() async throws {
        let premises = try await DirectoryPremises()
        _ = try await premises.enrol("alice@example.org")
        let (directory, ann) = (premises.directory, try #require(Address("ann@remote.example")))
        let alice = try #require(Address("alice@example.org"))
        try await directory.add(domain: "other.example", standingFor: "example.org")
        #expect(try await directory.sender(.null, forwardedBy: alice) == .null)
        for own in ["alice@example.org", "nobody@other.example"] {
            let own = ReversePath.mailbox(try #require(Address(own)))
            #expect(try await directory.sender(own, forwardedBy: alice) == own)
        }
        let rewritten = try #require(try await directory.sender(.mailbox(ann), forwardedBy: alice).address)
        #expect(rewritten.domain == alice.domain && rewritten != alice)
        #expect(try await directory.resolve(rewritten) == .destinations([.forward(to: ann, by: rewritten)]))
        try await directory.add(alias: "@example.org", targets: ["alice@example.org"])
        #expect(try await directory.resolve(rewritten) == .destinations([.forward(to: ann, by: rewritten)]))
        #expect(try await premises.resolve("SRS0=x=y=remote.example=ann@example.org") == premises.resolve("alice@example.org"))
        let long = try #require(Address("bounces+12345-abcd-alice=example.org@em1234.mailings.example"))
        #expect(try await directory.sender(.mailbox(long), forwardedBy: alice) == .mailbox(alice))
        // Who keeps nothing here would send on what comes back, and nobody would hear of it.
        try await directory.set(forwarding: ["x@remote.example"], keepsCopy: false, of: "alice")
        let postmaster = ReversePath.mailbox(try #require(Address("postmaster@example.org")))
        #expect(try await directory.sender(.mailbox(long), forwardedBy: alice) == postmaster)
        try await directory.add(alias: "info@example.org", targets: ["x@remote.example"])
        let info = try #require(Address("info@example.org"))
        #expect(try await directory.sender(.mailbox(long), forwardedBy: info) == postmaster)
        #expect(try await directory.takesReportsAlone(rewritten))
        #expect(try await !directory.takesReportsAlone(alice))
    }

    @Test("an address that leads to too many leaves nobody out without a word")
    func tooMany() async throws {
        let premises = try await DirectoryPremises()
        for (name, range) in [("a", 0..<1_000), ("b", 1_000..<2_000)] {
            try await premises.directory.add(alias: "\(name)@example.org", targets: range.map { "r\($0)@remote.example" })
        }
        try await premises.directory.add(alias: "all@example.org", targets: ["a@example.org", "b@example.org"])
        guard case .destinations(let all) = try await premises.resolve("all@example.org") else { return #expect(Bool(false)) }
        #expect(all.count == Alias.mostDestinations)
        try await premises.directory.add(alias: "all@example.org", targets: ["one@more.example"])
        await #expect(throws: StorageFault.self) { _ = try await premises.resolve("all@example.org") }
        await #expect(throws: StorageFault.self) {
            try await premises.directory.add(alias: "c@example.org", targets: (0..<1_001).map { "r\($0)@remote.example" })
        }
    }

    @Test("where aliases cannot be read nobody hears that there is none")
    func damaged() async throws {
        let premises = try await DirectoryPremises()
        _ = try await premises.enrol("alice@example.org")
        premises.store.fail([.pairs], with: .corrupt("x"))
        for address in ["alice@example.org", "bob@example.org", "x@remote.example"] {
            await #expect(throws: StorageFault.corrupt("x")) { _ = try await premises.resolve(address) }
        }
    }
}
