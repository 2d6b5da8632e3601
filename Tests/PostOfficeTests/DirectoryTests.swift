import Gatehouse
import Logging
import MailModel
import MemoryStore
import PostOffice
import Storage
import Synchronization
import Testing

/// A house with a domain, and a directory over it.
struct DirectoryPremises {
    let store = MemoryStore()
    let keeper: Gatekeeper
    let directory: Directory
    static let password = Password("correct horse battery")

    init(scram: Bool = false) async throws {
        let domain = try #require(Domain("example.org"))
        keeper = Gatekeeper(
            accounts: store, settings: .init(defaultDomain: domain), log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            clock: { Timestamp(rawValue: 0) }, pause: { _ in },
            scram: scram ? SCRAMKeyring(store: store, secret: Array("0123456789abcdef".utf8), offer: .auto) : nil)
        directory = Directory(
            store: store, gatekeeper: keeper, defaultDomain: domain, serverNames: ["mail-01.example.net", "mailhost"],
            rewriting: SenderRewriting(secret: Array("0123456789abcdef".utf8), clock: { Timestamp(rawValue: 0) }))
        try await directory.add(domain: "example.org")
    }

    func resolve(_ address: String) async throws -> Resolution {
        try await directory.resolve(try #require(Address(address)))
    }

    func inbox(_ account: AccountRecord) async throws -> Resolution {
        .destinations([.mailbox(try #require(try await store.mailbox(named: .inbox, of: account.id)).id, of: account.id)])
    }

    /// Without the cost of a hash.
    func enrol(_ name: String) async throws -> AccountRecord {
        try await store.add(account: AccountName(name), passwordHash: "*")
    }
}

@Suite("Directory: whose an address is")
struct DirectoryResolveTests {
    @Test("an account's address resolves to its INBOX, without regard to case (S67, decision table)")
    func accounts() async throws {
        let premises = try await DirectoryPremises()
        let alice = try await premises.enrol("Alice@example.org")
        for address in ["alice@example.org", "ALICE@EXAMPLE.ORG", "Alice@Example.Org."] {
            #expect(try await premises.resolve(address) == premises.inbox(alice))
        }
    }

    @Test(
        "an unknown user of ours, a malformed one, and another's domain are told apart",
        arguments: [
            ("bob@example.org", .unknownUser), ("bob+tag@example.org", .unknownUser), (".alice@example.org", .unknownUser),
            ("alice@sub.example.org", .notLocal), ("alice@example.com", .notLocal), ("alice@[127.0.0.1]", .notLocal),
            ("postmaster@example.com", .notLocal), ("al ice@example.org", .unknownUser), ("älice@example.org", .unknownUser),
        ] as [(String, Resolution)])
    func others(address: String, expected: Resolution) async throws {
        let premises = try await DirectoryPremises()
        _ = try await premises.enrol("alice@example.org")
        #expect(try await premises.resolve(address) == expected)
    }

    @Test("postmaster, of every domain and bare, is the first account made: RFC 5321 §4.5.1")
    func postmaster() async throws {
        let premises = try await DirectoryPremises()
        #expect(try await premises.directory.resolvePostmaster() == .unknownUser)
        #expect(try await premises.resolve("postmaster@example.org") == .unknownUser)
        try await premises.directory.add(domain: "second.example")
        let zed = try await premises.enrol("zed@second.example")
        _ = try await premises.enrol("alice@example.org")
        for address in ["postmaster@example.org", "PostMaster@second.example"] {
            #expect(try await premises.resolve(address) == premises.inbox(zed))
        }
        #expect(try await premises.directory.resolvePostmaster() == premises.inbox(zed))
        let own = try await premises.enrol("postmaster@example.org")
        #expect(try await premises.resolve("postmaster@example.org") == premises.inbox(own))
        #expect(try await premises.resolve("postmaster@second.example") == premises.inbox(zed))
    }

    @Test("a domain is the same in A-labels and in U-labels: RFC 5890 §2.3.2.4")
    func labels() async throws {
        let premises = try await DirectoryPremises()
        for (domain, name, other) in [
            ("bücher.example", "kim@bücher.example", "xn--bcher-kva.example"), ("xn--mnchen-3ya.example", "kim@xn--mnchen-3ya.example", "münchen.example"),
        ] {
            try await premises.directory.add(domain: domain)
            let kim = try await premises.enrol(name)
            for address in ["kim@\(domain)", "KIM@\(other)", "kim@\(other.uppercased())"] {
                #expect(try await premises.resolve(address) == premises.inbox(kim), "\(address)")
            }
            #expect(try await premises.resolve("nobody@\(other)") == .unknownUser)
        }
        #expect(try await premises.resolve("kim@xn--bcher-kvb.example") == .notLocal)
    }

    @Test("a disabled account still gets mail")
    func disabled() async throws {
        let premises = try await DirectoryPremises()
        let alice = try await premises.enrol("alice@example.org")
        try await premises.directory.set(enabled: false, of: "alice")
        #expect(try await premises.resolve("alice@example.org") == premises.inbox(alice))
    }

    @Test("MAIL FROM belongs to the user: its own address, and postmaster's for whom that is")
    func owns() async throws {
        let premises = try await DirectoryPremises()
        let alice = try await premises.enrol("alice@example.org")
        let bob = try await premises.enrol("bob@example.org")
        func owns(_ who: AccountRecord, _ address: String) async throws -> Bool {
            try await premises.directory.sendRight(Principal(account: who.id, name: who.name), try #require(Address(address))) == .own
        }
        #expect(try await owns(alice, "ALICE@example.org"))
        #expect(try await owns(alice, "postmaster@example.org"))
        #expect(try await !owns(bob, "postmaster@example.org"))
        #expect(try await !owns(alice, "bob@example.org"))
        #expect(try await !owns(alice, "alice@example.com"))
        #expect(try await !owns(alice, "nobody@example.org"))
    }
}

@Suite("Directory: accounts and domains")
struct DirectoryChangeTests {
    @Test("an added account logs in; a bare NAME belongs to the default domain")
    func add() async throws {
        let premises = try await DirectoryPremises()
        let (record, advice) = try await premises.directory.add(account: "alice", password: DirectoryPremises.password)
        #expect(record.name.description == "alice@example.org" && advice == nil)
        let verdict = await premises.keeper.verify(user: "alice", password: DirectoryPremises.password, over: .imap, from: "::1")
        #expect(verdict == .admitted(Principal(account: record.id, name: record.name)))
        #expect(try await premises.directory.list().map(\.id) == [record.id])
        #expect(try await premises.directory.account("ALICE")?.id == record.id)
        let short = try await premises.directory.add(account: "bob@example.org", password: Password("b0b's pass"))
        #expect(short.advice == .short)
    }

    @Test("names, domains and passwords that break a rule are refused, and nothing is made (S63-S68, S96)")
    func refused() async throws {
        let premises = try await DirectoryPremises()
        _ = try await premises.enrol("alice@example.org")
        let refusals: [(String, Password, any Error & Equatable & Sendable)] = [
            ("", DirectoryPremises.password, DirectoryFault.user(.length(0))),
            (".user", DirectoryPremises.password, DirectoryFault.user(.edge)),
            ("user..name", DirectoryPremises.password, DirectoryFault.user(.consecutiveDots)),
            ("user@#$%", DirectoryPremises.password, DirectoryFault.domain),
            ("user@[127.0.0.1]", DirectoryPremises.password, DirectoryFault.domain),
            ("bob", Password(""), DirectoryFault.password(.empty)),
            ("bob", Password("short"), DirectoryFault.password(.tooShort)),
            ("bob", Password("password"), DirectoryFault.password(.guessable)),
            ("bob@other.example", DirectoryPremises.password, StorageFault.noSuchDomain),
            ("ALICE", DirectoryPremises.password, StorageFault.nameTaken),
        ]
        for (name, password, fault) in refusals {
            await #expect("\(name)") { _ = try await premises.directory.add(account: name, password: password) } throws: { error in
                "\(error)" == "\(fault)" && type(of: error) == type(of: fault as any Error)
            }
        }
        #expect(try await premises.directory.list().count == 1)
        #expect(premises.keeper.hashCount == 0)
        await #expect(throws: StorageFault.noSuchAccount) { try await premises.directory.set(enabled: false, of: "bob") }
        await #expect(throws: StorageFault.noSuchAccount) { try await premises.directory.remove(account: "bob") }
        await #expect(throws: StorageFault.noSuchAccount) { try await premises.directory.set(password: DirectoryPremises.password, of: "bob") }
        await #expect(throws: DirectoryFault.domain) { try await premises.directory.add(domain: "not a domain") }
        await #expect(throws: DirectoryFault.domain) { try await premises.directory.add(domain: "[192.0.2.1]") }
    }

    @Test(
        "a password that is an address or a name of this server is refused, wherever one is set, however it is written (S96)",
        arguments: [
            "robert.miller@example.org", "ROBERT.Miller@Example.ORG", "robert.miller", "Robert.Miller", "margaret.hall", "margaret.hall@example.org",
            "margaret.hall@second.example", "example.org", "second.example", "SECOND.example", "mail-01.example.net", "MAIL-01.example.net", "mailhost",
            "ｅｘａｍｐｌｅ．ｏｒｇ", "robert.miller\u{200B}", "rob\u{AD}ert.miller@example.org", "bücher.example", "bu\u{308}cher.example", "BÜCHER。example",
        ])
    func named(password: String) async throws {
        let premises = try await DirectoryPremises()
        for domain in ["second.example", "bücher.example"] { try await premises.directory.add(domain: domain) }
        _ = try await premises.enrol("margaret.hall@second.example")
        _ = try await premises.enrol("margaret.hall@example.org")
        await #expect(throws: DirectoryFault.password(.guessable)) {
            _ = try await premises.directory.add(account: "robert.miller", password: Password(password))
        }
        _ = try await premises.enrol("robert.miller@example.org")
        await #expect(throws: DirectoryFault.password(.guessable)) {
            _ = try await premises.directory.set(password: Password(password), of: "robert.miller")
        }
    }

    @Test("keys for SCRAM come with each password, and go with the account: RFC 5802 §3")
    func scramKeys() async throws {
        let premises = try await DirectoryPremises(scram: true)
        let (alice, _) = try await premises.directory.add(account: "alice", password: DirectoryPremises.password)
        let first = try premises.store.values(in: .scramKeys)
        #expect(Array(first.keys) == ["\(alice.id.rawValue)"] && !premises.keeper.offersSCRAM)
        await premises.keeper.reviewKeys()
        #expect(premises.keeper.offersSCRAM)
        try await premises.directory.set(password: Password("another password"), of: "alice")
        let second = try premises.store.values(in: .scramKeys)
        #expect(second.count == 1 && second != first && premises.keeper.offersSCRAM)
        // One whose password nobody has heard since.
        try await premises.store.set(passwordHash: "*", of: alice.id)
        await premises.keeper.reviewKeys(of: alice.id)
        #expect(!premises.keeper.offersSCRAM)
        try await premises.directory.set(enabled: false, of: "alice")
        #expect(premises.keeper.offersSCRAM)
        try await premises.directory.remove(account: "alice")
        #expect(try premises.store.values(in: .scramKeys).isEmpty && premises.keeper.offersSCRAM)
    }

    @Test("a new password, disabling and removing end the account's sessions at once", arguments: ["password", "disable", "remove"])
    func revoke(how: String) async throws {
        let premises = try await DirectoryPremises()
        let (alice, _) = try await premises.directory.add(account: "alice", password: DirectoryPremises.password)
        let isEnded = Mutex(false)
        let session = premises.keeper.admit(Principal(account: alice.id, name: alice.name)) { isEnded.withLock { $0 = true } }
        switch how {
        case "password": try await premises.directory.set(password: Password("another password"), of: "alice")
        case "disable": try await premises.directory.set(enabled: false, of: "alice")
        default: try await premises.directory.remove(account: "alice@example.org")
        }
        #expect(isEnded.withLock { $0 })
        #expect(await premises.keeper.verify(user: "alice", password: DirectoryPremises.password, over: .imap, from: "::1") == .refused)
        withExtendedLifetime(session) {}
    }

    @Test("enabling what is enabled ends nobody's session; a disabled account may be enabled again")
    func enable() async throws {
        let premises = try await DirectoryPremises()
        let alice = try await premises.enrol("alice@example.org")
        let isEnded = Mutex(false)
        let session = premises.keeper.admit(Principal(account: alice.id, name: alice.name)) { isEnded.withLock { $0 = true } }
        try await premises.directory.set(enabled: true, of: "alice")
        #expect(!isEnded.withLock { $0 })
        try await premises.directory.set(enabled: false, of: "alice")
        try await premises.directory.set(enabled: true, of: "alice")
        #expect(try await premises.directory.account("alice")?.enabled == true)
        withExtendedLifetime(session) {}
    }

    @Test("a domain goes only when it is empty")
    func domains() async throws {
        let premises = try await DirectoryPremises()
        _ = try await premises.enrol("alice@example.org")
        try await premises.directory.add(domain: "BÜCHER.example")
        #expect(try await premises.directory.domains().map(\.value) == ["bücher.example", "example.org"])
        await #expect(throws: StorageFault.nameTaken) { try await premises.directory.add(domain: "bücher.example") }
        await #expect(throws: (any Error).self) { try await premises.directory.remove(domain: "example.org") }
        try await premises.directory.remove(domain: "bücher.example")
        #expect(try await premises.directory.domains().map(\.value) == ["example.org"])
    }
}
