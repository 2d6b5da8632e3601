import MailModel
import Storage
import Synchronization
import Testing

@testable import Gatehouse

@Suite struct SCRAMGrammarTests {
    private func first(_ text: String) -> SCRAMClientFirst? { SCRAMClientFirst(Array(text.utf8)) }
    private func final(_ text: String) -> SCRAMClientFinal? { SCRAMClientFinal(Array(text.utf8)) }

    @Test("the client's first message: RFC 5802 §5, §7")
    func firsts() throws {
        let message = try #require(first("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"))
        #expect(message.binding == .unable && message.user == "user" && message.authorization == nil && message.actsForItself)
        #expect(message.header == Array("n,,".utf8) && message.bare == Array("n=user,r=fyko+d2lbbFgONRv9qkxdawL".utf8))
        #expect(message.nonce == Array("fyko+d2lbbFgONRv9qkxdawL".utf8))
        #expect(first("y,a=bob,n=alice,r=1")?.actsForItself == false)
        #expect(first("y,a=alice,n=alice,r=1")?.actsForItself == true)
        #expect(first("p=tls-server-end-point,,n=a=2Cb=3Dc,r=1,x=y")?.user == "a,b=c")
        #expect(first("p=tls-server-end-point,,n=a,r=1")?.binding == .bound("tls-server-end-point"))
    }

    @Test(
        "what is none: RFC 5802 §5.1, §7",
        arguments: [
            "", "n", "n,,", "n,,n=user", "n,,r=1,n=user", "n,,n=,r=1", "n,,n=user,r=", "x,,n=user,r=1", "p=,,n=user,r=1", "p=a_b,,n=user,r=1",
            "n,a=,n=user,r=1", "n,b=c,n=user,r=1", "n,,m=must,n=user,r=1", "n,,n=us=er,r=1", "n,,n=us=2cer,r=1", "n,,n=user,r=a b", "n,,n=user,r=1,",
            "n,,n=user,r=1,x", "n,,n=user,r=1,1=2", "n,,n=us\0er,r=1",
        ])
    func malformedFirsts(_ text: String) { #expect(first(text) == nil) }

    @Test("what is too long is none")
    func long() {
        #expect(first("n,,n=user,r=" + String(repeating: "a", count: 256)) != nil)
        #expect(first("n,,n=user,r=" + String(repeating: "a", count: 257)) == nil)
        #expect(first("n,,n=" + String(repeating: "u", count: 4_096) + ",r=1") == nil)
        #expect(SCRAMClientFirst(Array("n,,n=".utf8) + [0xFF] + Array(",r=1".utf8)) == nil)
    }

    @Test("the client's last message: RFC 5802 §7")
    func finals() throws {
        let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        let message = try #require(final("c=biws,r=abc,p=\(proof)"))
        #expect(message.binding == Array("n,,".utf8) && message.nonce == Array("abc".utf8) && message.proof.count == 32)
        #expect(message.bare == Array("c=biws,r=abc".utf8))
        #expect(final("c=biws,r=abc,x=y,p=\(proof)") != nil)
        for text in [
            "", "c=biws,r=abc", "c=biws,p=\(proof)", "r=abc,c=biws,p=\(proof)", "c=biws,r=abc,p=\(proof),x=y", "c=biw,r=abc,p=\(proof)", "c=biws,r=abc,p=YWJj",
            "c=biws,r=abc,p=", "c=biws,r=abc,,p=\(proof)",
        ] { #expect(final(text) == nil, "\(text)") }
    }

    @Test("a password as clients prepare it: RFC 4013 §3")
    func preparation() {
        for (given, prepared) in [
            ("I\u{AD}X", "IX"), ("user", "user"), ("USER", "USER"), ("\u{AA}", "a"), ("\u{2168}", "IX"), ("a\u{A0}b", "a b"), ("e\u{301}", "\u{E9}"),
            (" two  spaces ", " two  spaces "),
        ] { #expect(SASLprep.prepared(given) == prepared) }
        #expect(Password("sesame").spellings == [Array("sesame".utf8)])
        #expect(Password("\u{2168}").spellings == [Array("IX".utf8), Array("\u{2168}".utf8)])
        #expect(Password(octets: [0xFF, 0xFE]).spellings == [[0xFF, 0xFE]])
    }

    @Test("the example of RFC 7677 §3, octet by octet")
    func example() throws {
        let salt = try #require(UnpaddedBase64.decode("W22ZaJ0SNY7soEsUEjb6gQ"))
        let keys = try SCRAMKeys(of: Password("pencil"), salt: salt, iterations: 4_096, reference: [])
        let opening = try #require(first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"))
        let challenge = SCRAMChallenge(
            SCRAMOpening(.scramSHA256, opening, binding: opening.header), keys, nonce: Array("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".utf8))
        #expect(
            String(decoding: challenge.message, as: UTF8.self)
                == "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
        let answer = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        let word = challenge.verdict(on: try #require(final(answer)))
        #expect(word.map { String(decoding: $0, as: UTF8.self) } == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
        // Another nonce, another header, another proof.
        for wrong in [
            answer.replacing("hvYD", with: "hvYE"), answer.replacing("biws", with: "eSws"), answer.replacing("dHzb", with: "dHzc"),
        ] { #expect(challenge.verdict(on: try #require(final(wrong))) == nil) }
        var dumped = "\(challenge) \(challenge.opening) \(opening) \(try #require(final(answer)))"
        dump(challenge, to: &dumped)
        dump(LoginAttempt(.scramFinal(challenge, try #require(final(answer))), setbacks: 0), to: &dumped)
        #expect(!dumped.contains("rOprNGfw") && !dumped.contains("storedKey"))
    }

    @Test("keys are kept as they were, and what is none is told")
    func written() throws {
        let keys = try SCRAMKeys(of: Password("\u{2168}"), salt: [1, 2, 3], iterations: 4_096, reference: [7])
        #expect(try SCRAMKeys(written: keys.written) == keys && keys.pairs.count == 2)
        for text in ["", "{}", #"{"iterations":1,"pairs":[],"reference":"","salt":"AAAA"}"#] {
            #expect(throws: StorageFault.self) { try SCRAMKeys(written: Array(text.utf8)) }
        }
    }
}

@Suite struct SCRAMTests {
    /// Alice has keys, as after a login with her password.
    private func gate(_ offer: SCRAMKeyring.Offer = .auto, pause: @escaping @Sendable (Duration) async -> Void = { _ in }) async throws -> Gate {
        let gate = try await Gate(pause: pause, scram: offer)
        await gate.keeper.reviewKeys()
        await gate.keeper.keepKeys(of: Password(Gate.rightPassword), for: gate.alice)
        return gate
    }

    private final class Pauses: Sendable {
        private let kept = Mutex<[Duration]>([])
        var all: [Duration] { kept.withLock { $0 } }
        func add(_ pause: Duration) { kept.withLock { $0.append(pause) } }
    }

    @Test("who knows the password is logged in, told so by a server that knows it too, and no password was hashed: RFC 5802 §3")
    func succeeds() async throws {
        let gate = try await gate()
        let hashes = gate.keeper.hashCount
        let (said, verdict) = try await gate.logIn(SCRAMClient())
        #expect(verdict == .admitted(gate.principal))
        #expect(said.count == 2 && said[0].hasPrefix("r=rOprNGfwEbeRWgbNEkqO") && said[0].hasSuffix(",i=10000") && said[1].hasPrefix("v="))
        #expect(gate.keeper.hashCount == hashes)
        #expect(gate.log.lines == ["[INFO] Successful IMAP login for user: alice@example.org peer=192.0.2.7"])
        #expect(try await gate.logIn(SCRAMClient(user: "ALICE")).verdict == .admitted(gate.principal))
        #expect(try await gate.logIn(SCRAMClient(header: "y,,")).verdict == .admitted(gate.principal))
        #expect(try await gate.logIn(SCRAMClient(header: "n,a=alice@example.org,")).verdict == .admitted(gate.principal))
    }

    @Test("a wrong password fails at the proof, is logged, and is delayed twice as long each time: S44")
    func wrong() async throws {
        let pauses = Pauses()
        let gate = try await gate(pause: { pauses.add($0) })
        let (said, verdict) = try await gate.logIn(SCRAMClient(password: "correct horse batterie"), setbacks: 2)
        #expect(said.count == 1 && verdict == .refused && pauses.all == [.seconds(4)])
        #expect(
            gate.log.lines == ["[WARN] Failed IMAP login attempt for user: alice@example.org (Authentication error: InvalidCredentials) peer=192.0.2.7"])
    }

    @Test("an unknown user is asked as any other, with the same salt each time, and fails at the proof")
    func unknown() async throws {
        let gate = try await gate()
        func salts(_ user: String) async throws -> (String?, String?, Verdict?) {
            let (said, verdict) = try await gate.logIn(SCRAMClient(user: user))
            let values = SCRAMClient.values(said.first ?? "")
            return (values["s"], values["i"], verdict)
        }
        let first = try await salts("nobody@example.org")
        #expect(first.0?.count == 24 && first.1 == "10000" && first.2 == .refused)
        for spelling in ["nobody@example.org", "NOBODY", "Nobody@EXAMPLE.org"] { #expect(try await salts(spelling) == first) }
        #expect(try await salts("somebody").0 != first.0)
        // What is no name at all.
        #expect(try await salts("\u{2028}").2 == .refused)
        let other = try await Gate(scram: .on)
        #expect(SCRAMClient.values(try await other.logIn(SCRAMClient(user: "nobody")).challenges.first ?? "")["s"] == first.0)
    }

    @Test("a disabled account is asked as before, and refused at the proof as a wrong password is; the log knows")
    func disabled() async throws {
        let gate = try await gate()
        let before = SCRAMClient.values(try await gate.logIn(SCRAMClient()).challenges[0])["s"]
        try await gate.store.set(enabled: false, of: gate.alice.id)
        gate.keeper.accountChanged(gate.alice.id)
        let (said, verdict) = try await gate.logIn(SCRAMClient())
        #expect(said.count == 1 && SCRAMClient.values(said[0])["s"] == before && verdict == .refused)
        #expect(gate.log.lines.last?.contains("AccountDisabled") == true)
    }

    @Test("keys of an older password are void, whoever changed it")
    func older() async throws {
        let gate = try await gate(.on)
        let before = SCRAMClient.values(try await gate.logIn(SCRAMClient()).challenges[0])["s"]
        try await gate.store.set(passwordHash: try await gate.keeper.hashPassword(Password("another password")), of: gate.alice.id)
        let (said, verdict) = try await gate.logIn(SCRAMClient())
        #expect(said.count == 1 && verdict == .refused && SCRAMClient.values(said[0])["s"] != before)
        #expect(try await gate.logIn(SCRAMClient(password: "another password")).verdict == .refused)
        // They are made at the next login with it.
        #expect(await gate.verify("alice", "another password") == .admitted(gate.principal))
        await gate.keeper.finishKeys()
        #expect(try await gate.logIn(SCRAMClient(password: "another password")).verdict == .admitted(gate.principal))
        #expect(try await gate.logIn(SCRAMClient()).verdict == .refused)
    }

    @Test("a change of the account between two messages voids the exchange")
    func changed() async throws {
        let gate = try await gate(.on)
        let hash = try await gate.keeper.hashPassword(Password("another password"))
        let change = {
            try await gate.store.set(passwordHash: hash, of: gate.alice.id)
            gate.keeper.accountChanged(gate.alice.id)
        }
        let early = try await gate.logIn(SCRAMClient(), beforeFinal: change)
        #expect(early.challenges.count == 1 && early.verdict == .refused)
        try await gate.store.set(passwordHash: Gate.rightHash, of: gate.alice.id)
        let late = try await gate.logIn(SCRAMClient(), beforeEnd: change)
        #expect(late.challenges.count == 2 && late.verdict == .refused)
        try await gate.store.set(passwordHash: Gate.rightHash, of: gate.alice.id)
        let off = try await gate.logIn(SCRAMClient(), beforeEnd: { try await gate.store.set(enabled: false, of: gate.alice.id) })
        #expect(off.challenges.count == 2 && off.verdict == .refused)
    }

    @Test("keys made of an older password do not come in the place of those of a newer one")
    func race() async throws {
        let gate = try await Gate(scram: .on)
        try await gate.store.set(passwordHash: try await gate.keeper.hashPassword(Password("another password")), of: gate.alice.id)
        let now = try #require(try await gate.store.account(gate.alice.id))
        await gate.keeper.keepKeys(of: Password("another password"), for: now)
        let kept = try gate.store.values(in: .scramKeys)
        // A login that began before the change, and ends now.
        await gate.keeper.keepKeys(of: Password(Gate.rightPassword), for: gate.alice)
        #expect(try gate.store.values(in: .scramKeys) == kept && kept.count == 1)
    }

    @Test("the bound mechanism is for the connection that both sides see: RFC 5802 §6, RFC 5929 §4")
    func binding() async throws {
        let gate = try await gate()
        let channel = Array("a hash of the certificate".utf8)
        let bound = SCRAMClient(header: "p=tls-server-end-point,,", channel: channel)
        #expect(try await gate.logIn(bound, by: .scramSHA256Plus, binding: channel).verdict == .admitted(gate.principal))
        // Somebody between, with a certificate of his own.
        var elsewhere = bound
        elsewhere.channel = Array("a hash of another certificate".utf8)
        let (said, verdict) = try await gate.logIn(elsewhere, by: .scramSHA256Plus, binding: channel)
        #expect(said.count == 1 && verdict == .refused)
        // A type that is not served.
        let unique = SCRAMClient(header: "p=tls-unique,,", channel: channel)
        let other = try await gate.logIn(unique, by: .scramSHA256Plus, binding: channel)
        #expect(other.challenges.isEmpty && other.verdict == .refused)
        // Mechanism and header do not go together.
        for (client, mechanism) in [(SCRAMClient(), SASLMechanism.scramSHA256Plus), (SCRAMClient(header: "y,,"), .scramSHA256Plus), (bound, .scramSHA256)] {
            let (said, verdict) = try await gate.logIn(client, by: mechanism, binding: channel)
            #expect(said.isEmpty && verdict == nil)
        }
    }

    @Test("a client that could bind and was not told that we can is refused: somebody has taken the mechanism off the list (RFC 5802 §6)")
    func downgrade() async throws {
        let gate = try await gate()
        let client = SCRAMClient(header: "y,,")
        let (said, verdict) = try await gate.logIn(client, binding: [1, 2, 3])
        #expect(said.isEmpty && verdict == .refused)
        #expect(gate.log.lines.last?.contains("InvalidCredentials") == true)
        #expect(try await gate.logIn(client, binding: nil).verdict == .admitted(gate.principal))
        #expect(try await gate.logIn(SCRAMClient(), binding: [1, 2, 3]).verdict == .admitted(gate.principal))
    }

    @Test("nobody acts for another, and a word behind the end is none")
    func others() async throws {
        var exchange = SASLExchange(.scramSHA256)
        #expect(Seen(exchange.start(SCRAMClient(header: "n,a=bob,").first)) == .notForAnother)
        let gate = try await gate()
        func answer(_ question: LoginQuestion) async throws -> ([UInt8], SASLExchange) {
            guard case .challenge(let octets, let next) = await gate.keeper.answer(LoginAttempt(question, setbacks: 0), over: .imap, from: "192.0.2.7")
            else { throw StorageFault.closed }
            return (octets, next)
        }
        var (octets, next) = try await answer(try question(SCRAMClient().first))
        #expect(Seen(next.respond([])) == .malformed)
        guard case .question(let last) = next.respond(try SCRAMClient().final(octets)) else { throw StorageFault.closed }
        (octets, next) = try await answer(last)
        #expect(Seen(next.respond([1])) == .malformed && Seen(next.respond([])) == .other)
    }

    private func question(_ first: [UInt8]) throws -> LoginQuestion {
        var exchange = SASLExchange(.scramSHA256)
        guard case .question(let question) = exchange.start(first) else { throw StorageFault.closed }
        return question
    }

    @Test("it is offered once every account that may log in has keys, which a login with the password makes")
    func offered() async throws {
        let gate = try await Gate(scram: .auto)
        #expect(!gate.keeper.offersSCRAM)
        await gate.keeper.reviewKeys()
        #expect(!gate.keeper.offersSCRAM)
        #expect(await gate.verify("alice", "wrong password") == .refused)
        await gate.keeper.finishKeys()
        #expect(try gate.store.values(in: .scramKeys).isEmpty && !gate.keeper.offersSCRAM)
        #expect(await gate.verify() == .admitted(gate.principal))
        await gate.keeper.finishKeys()
        #expect(gate.keeper.offersSCRAM)
        // Somebody whose password nobody has heard yet.
        let bob = try await gate.store.add(account: AccountName("bob@example.org"), passwordHash: Gate.rightHash)
        await gate.keeper.reviewKeys(of: bob.id)
        #expect(!gate.keeper.offersSCRAM)
        try await gate.store.set(enabled: false, of: bob.id)
        await gate.keeper.reviewKeys(of: bob.id)
        #expect(gate.keeper.offersSCRAM)
        try await gate.store.set(enabled: true, of: bob.id)
        await gate.keeper.reviewKeys(of: bob.id)
        #expect(!gate.keeper.offersSCRAM)
        try await gate.store.remove(account: bob.id)
        await gate.keeper.reviewKeys(of: bob.id)
        #expect(gate.keeper.offersSCRAM)
        // After a start.
        let again = Gatekeeper(
            accounts: gate.store, settings: .init(defaultDomain: Domain("example.org")), log: gate.log.logger, clock: { Timestamp(rawValue: 0) },
            scram: SCRAMKeyring(store: gate.store, secret: [1], offer: .auto))
        await again.reviewKeys()
        #expect(again.offersSCRAM)
    }

    @Test("off offers nothing and keeps nothing; on offers it at once")
    func settings() async throws {
        let off = try await gate(.off)
        #expect(await off.verify() == .admitted(off.principal))
        await off.keeper.finishKeys()
        #expect(try off.store.values(in: .scramKeys).isEmpty && !off.keeper.offersSCRAM)
        #expect(try await Gate(scram: .on).keeper.offersSCRAM)
        #expect(try await !Gate().keeper.offersSCRAM)
    }
}
