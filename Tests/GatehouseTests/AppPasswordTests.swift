import Gatehouse
import MailModel
import Storage
import Synchronization
import Testing

@Suite("App passwords: one for each program, found without a hash")
struct AppPasswordTests {
    private func made(
        _ gate: Gate, _ label: String = "phone", protocols: Set<ProtocolName>? = nil, networks: String? = nil, expires: Timestamp? = nil
    ) async throws -> (app: AppPassword, written: String) {
        try await gate.keeper.addAppPassword(label, AppPassword.Scope(protocols: protocols, networks: networks), expires: expires, of: gate.alice.id)
    }

    private func admitted(_ gate: Gate, _ app: AppPassword) -> Verdict {
        .admitted(Principal(account: gate.alice.id, name: gate.alice.name, credential: .appPassword(app.id)))
    }

    @Test("it opens its account as typed, pasted with blanks, or in capitals, and costs no hash")
    func opens() async throws {
        let gate = try await Gate()
        let (app, written) = try await made(gate)
        #expect(written.count == 29 && app.id.count == 8)
        for text in [written, written.uppercased(), written.filter { $0 != "-" }, written.replacing("-", with: " ")] {
            #expect(await gate.verify("alice", text) == admitted(gate, app), "\(text)")
        }
        #expect(gate.keeper.hashCount == 0)
        // The account's own is good beside it.
        #expect(await gate.verify() == .admitted(gate.principal))
    }

    @Test("another's, a wrong one and none that is there cost a hash and are wrong passwords")
    func wrong() async throws {
        let gate = try await Gate()
        let bob = try await gate.store.add(account: AccountName("bob@example.org"), passwordHash: Gate.rightHash)
        let (_, written) = try await made(gate)
        let (_, another) = try await gate.keeper.addAppPassword("x", AppPassword.Scope(), expires: nil, of: bob.id)
        let wrong = String(written.dropLast()) + (written.last == "a" ? "b" : "a")
        for (number, attempt) in [("alice", another), ("bob", written), ("alice", wrong), ("nobody", written)].enumerated() {
            #expect(await gate.verify(attempt.0, attempt.1) == .refused, "\(attempt)")
            #expect(gate.keeper.hashCount == number + 1)
        }
    }

    @Test("out of its protocols, its networks or its time it is refused as a wrong password is, and the log says why")
    func scope() async throws {
        let gate = try await Gate()
        let (mail, mailText) = try await made(gate, protocols: [.imap])
        let (_, farText) = try await made(gate, networks: "198.51.100.0/24, 2001:db8::/32")
        let (brief, briefText) = try await made(gate, expires: Timestamp(rawValue: 5_100))
        #expect(await gate.verify("alice", mailText, over: .imap) == admitted(gate, mail))
        #expect(await gate.verify("alice", briefText) == admitted(gate, brief))
        gate.time.move(100)
        for (number, attempt) in [(mailText, ProtocolName.pop3), (farText, .imap), (briefText, .imap)].enumerated() {
            #expect(await gate.verify("alice", attempt.0, over: attempt.1) == .refused)
            #expect(gate.keeper.hashCount == number + 1)
        }
        let causes = gate.log.lines.compactMap { $0.firstMatch(of: /Authentication error: (\w+)/)?.1 }
        #expect(causes == ["AppPasswordNotForThis", "AppPasswordNotForThis", "AppPasswordExpired"])
        let far = Password(farText)
        guard case .admitted = await gate.keeper.verify(user: "alice", password: far, over: .smtp, from: "2001:db8::7") else {
            Issue.record("not from its network")
            return
        }
    }

    @Test("a disabled account is opened by none")
    func disabled() async throws {
        let gate = try await Gate()
        let (_, written) = try await made(gate)
        try await gate.store.set(enabled: false, of: gate.alice.id)
        #expect(await gate.verify("alice", written) == .refused)
    }

    @Test("removed, it opens nothing, and the sessions that it opened end, no others")
    func removed() async throws {
        let gate = try await Gate()
        let (app, written) = try await made(gate)
        let (other, otherText) = try await made(gate, "laptop")
        var held: [ActiveSession] = []
        let ended = Mutex<[String]>([])
        for (name, text) in [("app", written), ("other", otherText), ("own", Gate.rightPassword)] {
            guard case .admitted(let principal) = await gate.verify("alice", text) else { continue }
            held.append(gate.keeper.admit(principal) { ended.withLock { $0.append(name) } })
        }
        #expect(held.count == 3)
        try await gate.keeper.removeAppPassword(app.id, of: gate.alice.id)
        #expect(ended.withLock { $0 } == ["app"])
        #expect(await gate.verify("alice", written) == .refused)
        #expect(await gate.verify("alice", otherText) == admitted(gate, other))
        #expect(try gate.keeper.appPasswords(of: gate.alice.id).map(\.label) == ["laptop"])
        await #expect(throws: CredentialFault.noSuchAppPassword(app.id)) { try await gate.keeper.removeAppPassword(app.id, of: gate.alice.id) }
        withExtendedLifetime(held) {}
    }

    @Test("who was verified by it before it was removed, and is admitted after that, is sent away")
    func late() async throws {
        let gate = try await Gate()
        let (app, written) = try await made(gate)
        guard case .admitted(let principal) = await gate.verify("alice", written) else {
            Issue.record("not admitted")
            return
        }
        try await gate.keeper.removeAppPassword(app.id, of: gate.alice.id)
        let ended = Mutex(0)
        let session = gate.keeper.admit(principal) { ended.withLock { $0 += 1 } }
        #expect(ended.withLock { $0 } == 1)
        withExtendedLifetime(session) {}
    }

    @Test("its last use is told at once, and written once an hour while it is the same")
    func uses() async throws {
        let gate = try await Gate()
        let (_, written) = try await made(gate)
        func last() throws -> AppPassword.Use? { try gate.keeper.appPasswords(of: gate.alice.id).first?.lastUse }
        func kept() throws -> [String: [UInt8]] { try gate.store.values(in: .appPasswords) }
        #expect(try last() == nil)
        _ = await gate.verify("alice", written)
        #expect(try last()?.time == Timestamp(rawValue: 5_000) && last()?.protocolName == .imap && last()?.peer == "192.0.2.7")
        try await gate.keeper.finishUses()
        let first = try kept()
        gate.time.move(60)
        _ = await gate.verify("alice", written)
        try await gate.keeper.finishUses()
        #expect(try kept() == first)
        #expect(try last()?.time == Timestamp(rawValue: 5_060))
        _ = await gate.verify("alice", written, over: .smtp)
        try await gate.keeper.finishUses()
        #expect(try kept() != first)
        // What is written is what a later start knows.
        let later = Gatekeeper(
            accounts: gate.store, credentials: CredentialBook(store: gate.store, secret: Array(repeating: 7, count: 32), clock: { Timestamp(rawValue: 0) }),
            settings: .init(), log: gate.log.logger, clock: { Timestamp(rawValue: 0) })
        #expect(try later.appPasswords(of: gate.alice.id).first?.lastUse?.protocolName == .smtp)
    }

    @Test("names, networks and moments that cannot be are refused; so is one too many")
    func refused() async throws {
        let gate = try await Gate()
        for label in ["", "  ", String(repeating: "x", count: 65), "a\nb", "a\u{202E}b"] {
            await #expect(throws: CredentialFault.label) { _ = try await made(gate, label) }
        }
        await #expect(throws: CredentialFault.expired) { _ = try await made(gate, expires: Timestamp(rawValue: 5_000)) }
        #expect(throws: CredentialFault.protocols) { _ = try AppPassword.Scope(protocols: []) }
        #expect(throws: CredentialFault.network("no IP address: home")) { _ = try AppPassword.Scope(networks: "home") }
        for _ in 0..<AppPassword.most { _ = try await made(gate) }
        await #expect(throws: CredentialFault.tooMany) { _ = try await made(gate) }
    }

    @Test("the secret is kept nowhere; what is kept is another's under another key")
    func sealed() async throws {
        let gate = try await Gate()
        let (_, written) = try await made(gate)
        for (key, value) in try gate.store.values(in: .appPasswords) {
            let kept = key + String(decoding: value, as: UTF8.self)
            #expect(!kept.contains(written) && !kept.contains(written.filter { $0 != "-" }))
        }
        let other = Gatekeeper(
            accounts: gate.store, credentials: CredentialBook(store: gate.store, secret: Array(repeating: 8, count: 32), clock: { Timestamp(rawValue: 0) }),
            settings: .init(), log: gate.log.logger, clock: { Timestamp(rawValue: 0) }, pause: { _ in })
        #expect(await other.verify(user: "alice@example.org", password: Password(written), over: .imap, from: "::1") == .refused)
    }

    @Test("one that cannot be read is no wrong password: it is told to try later")
    func corrupt() async throws {
        let gate = try await Gate()
        let (_, written) = try await made(gate)
        let key = try #require(try gate.store.values(in: .appPasswords).keys.first)
        try await gate.store.change([KeyValueChange(.appPasswords, key, Array("{}".utf8))])
        #expect(await gate.verify("alice", written) == .busy)
    }

    @Test("an account that is removed leaves none behind")
    func forgotten() async throws {
        let gate = try await Gate()
        _ = try await made(gate)
        _ = try await gate.keeper.enrollSecondFactor(of: gate.alice.id)
        try await gate.keeper.forgetCredentials(of: gate.alice.id)
        #expect(try gate.store.values(in: .appPasswords).isEmpty && gate.store.values(in: .accountSecurity).isEmpty)
    }
}
