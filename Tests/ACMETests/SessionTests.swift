import MailModel
import NIOCore
import Testing

@testable import ACME

@Suite("A talk with a CA") struct SessionTests {
    private let time = Scene.Time()
    private let ca: ScriptedCA
    private let session: ACMESession
    private let key = AccountKey()
    private let details = AccountDetails(agreesToTerms: true)

    init() throws {
        ca = ScriptedCA(clock: time.now)
        session = ACMESession(ca, directory: try ScriptedCA.directory, clock: time.now, pause: time.pause)
    }

    static func fault(_ work: () async throws -> Void) async -> ACMEFault? {
        do { try await work() } catch let fault as ACMEFault { return fault } catch { Issue.record(error) }
        return nil
    }

    private func open() async throws { await session.sign(by: .account(key, try await session.register(key, details))) }

    @Test("a nonce is asked for once; then each answer has the next: RFC 8555 §7.2")
    func nonces() async throws {
        try await open()
        _ = try await session.order(Scene.names(["a.example"]), replaces: nil)
        #expect(ca.count(.directory) == 1 && ca.count(.newNonce) == 1 && ca.count(.newAccount) == 1 && ca.count(.newOrder) == 1)
    }

    @Test("a nonce that is refused is replaced by the one of the refusal, without asking for another: RFC 8555 §6.5")
    func refusedNonces() async throws {
        ca.change { $0.refusedNonces = 20 }
        try await open()
        #expect(ca.count(.newAccount) == 21 && ca.count(.newNonce) == 1)
    }

    @Test("a CA that refuses every nonce is left alone")
    func endlessNonces() async throws {
        ca.change { $0.refusedNonces = 1_000 }
        let fault = await Self.fault { try await open() }
        guard case .refused(400, let problem) = fault else { throw try #require(fault) }
        #expect(problem.kind == .badNonce && ca.count(.newAccount) == 25)
    }

    @Test("a nonce of letters that nobody may use is none: RFC 8555 §6.5.1", arguments: ["", "a b", "a\"", String(repeating: "a", count: 513)])
    func oddNonce(_ nonce: String) async throws {
        let oddity = Oddity(ca, .newNonce) { ACMEReply(status: 200, fields: [("Replay-Nonce", nonce)]) }
        let session = ACMESession(oddity, directory: try ScriptedCA.directory, clock: time.now, pause: time.pause)
        let fault = await Self.fault { _ = try await session.register(key, details) }
        #expect(fault == .malformed("no nonce where one was asked for"))
    }

    @Test("an account is made with its contacts and an agreement; the same key finds it again: RFC 8555 §7.3, §7.3.1")
    func account() async throws {
        let first = try await session.register(key, AccountDetails(contact: ["mailto:a@example.org"], agreesToTerms: true))
        let second = try await session.register(key, details)
        #expect(first == second && ca.state.withLock { $0.accounts.count } == 1)
        #expect(ca.state.withLock { $0.contacts.first } == #"{"contact":["mailto:a@example.org"],"termsOfServiceAgreed":true}"#)
    }

    @Test("without an agreement nothing is asked; why, has the place of the terms")
    func terms() async throws {
        let fault = await Self.fault { _ = try await session.register(key, AccountDetails(agreesToTerms: false)) }
        #expect(fault?.description.contains("https://ca.example:14000/terms") == true && ca.count(.newAccount) == 0)
    }

    @Test("an account elsewhere is told where the CA wants one, and missed where there is none: RFC 8555 §7.3.4")
    func binding() async throws {
        ca.change { $0.wantsBinding = true }
        let fault = await Self.fault { _ = try await session.register(key, details) }
        #expect(fault?.description.contains("externalAccountRequired") == true && ca.count(.newAccount) == 0)
        _ = try await session.register(key, AccountDetails(agreesToTerms: true, externalAccount: ExternalAccount(keyID: "k", macKey: "AAAA")))
        #expect(ca.state.withLock { $0.bindings } == 1)
    }

    @Test("an account that is closed makes no orders")
    func closed() async throws {
        ca.script(.newAccount, .reply(ScriptedCA.json(200, #"{"status":"deactivated"}"#, [("Location", "https://ca.example/account/1")])))
        #expect(await Self.fault { _ = try await session.register(key, details) }?.description.contains("closed") == true)
    }

    @Test(
        "who is asked to wait knows until when: RFC 8555 §6.6, RFC 9110 §10.2.3",
        arguments: [
            (429, "rateLimited", "120", 120), (429, "", "120", 120), (400, "rateLimited", "120", 120), (503, "", "120", 120), (429, "rateLimited", "", 3_600),
            (429, "rateLimited", "soon", 3_600), (429, "rateLimited", "-1", 3_600), (429, "rateLimited", "1", 60), (429, "rateLimited", "999999999", 691_200),
            (429, "rateLimited", "99999999999999999999", 3_600), (429, "rateLimited", "Fri, 15 Jan 2027 08:05:00 GMT", 300),
        ] as [(Int, String, String, Int64)])
    func limits(_ status: Int, _ kind: String, _ field: String, _ seconds: Int64) async throws {
        ca.script(.newAccount, .reply(ScriptedCA.problem(status, kind, "slowly", field.isEmpty ? [] : [("Retry-After", field)])))
        let fault = await Self.fault { try await open() }
        guard case .limited(let until, let problem) = fault else { throw try #require(fault) }
        #expect(until.rawValue - time.now().rawValue == seconds && problem.detail == "slowly")
    }

    @Test(
        "what is no directory is none, and says what is wrong with it",
        arguments: [
            ("", "it is no such JSON"), ("[]", "it is no such JSON"), ("{}", "newNonce is missing"),
            (
                #"{"newNonce":"http://a.example/","newAccount":"https://a.example/","newOrder":"https://a.example/","revokeCert":"https://a.example/"}"#,
                "newNonce"
            ),
        ])
    func oddDirectory(_ text: String, _ reason: String) async throws {
        ca.script(.directory, .reply(ScriptedCA.json(200, text)))
        let fault = await Self.fault { _ = try await session.service() }
        guard case .malformed(let what) = fault else { throw try #require(fault) }
        #expect(what.contains("a directory that cannot be read") && what.contains(reason))
    }

    @Test("an answer that is too long, one that leads elsewhere, one of a broken server, and none at all, are faults of their own")
    func oddAnswers() async throws {
        ca.script(
            .directory, .reply(ScriptedCA.json(200, String(repeating: " ", count: ACMESession.mostOctets + 1))),
            .reply(ACMEReply(status: 302, fields: [("Location", "https://elsewhere.example/")])), .reply(ACMEReply(status: 500)), .silence)
        #expect(await Self.fault { _ = try await session.service() } == .malformed("an answer that is too long"))
        #expect(await Self.fault { _ = try await session.service() } == .malformed("an answer with the status 302"))
        #expect(await Self.fault { _ = try await session.service() } == .unreachable("it answers 500: no reason is given"))
        #expect(await Self.fault { _ = try await session.service() } == .unreachable("Unreached()"))
        _ = try await session.service()
    }

    @Test("who waits for a decision asks ever more seldom, or as often as the CA says: RFC 8555 §7.5.1")
    func waiting() async throws {
        try await open()
        let order = try await session.order(Scene.names(["a.example"]), replaces: nil)
        let text = #"{"status":"pending","identifier":{"type":"dns","value":"a.example"},"challenges":[]}"#
        let url = try #require(order.object.authorizations.first)
        ca.change { $0.authorizations[0].status = "valid" }
        ca.script(
            .authorization, .reply(ScriptedCA.json(200, text)), .reply(ScriptedCA.json(200, text, [("Retry-After", "7")])),
            .reply(ScriptedCA.json(200, text, [("Retry-After", "0")])), .reply(ScriptedCA.json(200, text)))
        let found: AuthorizationObject = try await session.decision(on: url, "an authorization") { $0.status != .pending }
        #expect(found.status == .valid && time.pauses.withLock { $0 } == [.seconds(1), .seconds(7), .seconds(1), .seconds(8)])
    }

    @Test("a question without an answer is asked again, three times in a row and no more")
    func silence() async throws {
        try await open()
        let order = try await session.order(Scene.names(["a.example"]), replaces: nil)
        let url = try #require(order.object.authorizations.first)
        ca.change { $0.authorizations[0].status = "valid" }
        ca.script(.authorization, .silence, .silence)
        let found: AuthorizationObject = try await session.decision(on: url, "an authorization") { $0.status != .pending }
        #expect(found.status == .valid)
        ca.script(.authorization, .silence, .silence, .silence)
        let fault = await Self.fault { let _: AuthorizationObject = try await session.decision(on: url, "an authorization") { _ in true } }
        #expect(fault == .unreachable("Unreached()"))
    }

    @Test("a CA that never decides is not waited for: neither for one thing, nor for all")
    func endless() async throws {
        try await open()
        let order = try await session.order(Scene.names(["a.example"]), replaces: nil)
        let url = try #require(order.object.authorizations.first)
        let start = time.now()
        for _ in 0..<6 {
            let fault = await Self.fault { let _: AuthorizationObject = try await session.decision(on: url, "an authorization") { _ in false } }
            #expect(fault == .undecided("an authorization"))
        }
        #expect(time.now().rawValue - start.rawValue <= 3_600 && ca.count(.authorization) < 200)
    }

    @Test("who is cancelled stops at once, and takes it for no fault of the CA's")
    func cancelled() async throws {
        ca.script(.newAccount, .cancelled)
        await #expect(throws: CancellationError.self) { try await open() }
    }

    @Test(
        "an order that is not the one that was made is none: RFC 8555 §7.1.3",
        arguments: [
            #"{"status":"pending","identifiers":[],"authorizations":["https://a.example/1"],"finalize":"https://a.example/f"}"#,
            #"{"status":"pending","identifiers":[{"type":"dns","value":"b.example"}],"authorizations":["https://a.example/1"],"finalize":"https://a.example/f"}"#,
            #"{"status":"pending","identifiers":[{"type":"dns","value":"a.example"}],"authorizations":[],"finalize":"https://a.example/f"}"#,
            #"{"status":"odd","identifiers":[{"type":"dns","value":"a.example"}],"authorizations":["https://a.example/1"],"finalize":"https://a.example/f"}"#,
            #"{"status":"pending","identifiers":[{"type":"dns","value":"a.example"}],"authorizations":["https://a.example/1","https://a.example/2"],"finalize":"https://a.example/f"}"#,
        ])
    func oddOrder(_ text: String) async throws {
        try await open()
        ca.script(.newOrder, .reply(ScriptedCA.json(201, text, [("Location", "https://ca.example/order/1")])))
        let fault = await Self.fault { _ = try await session.order(Scene.names(["a.example"]), replaces: nil) }
        guard case .malformed = fault else { throw try #require(fault) }
    }

    @Test("a certificate that is taken back has its reason, but for none; one that is already is no fault: RFC 8555 §7.6")
    func revocation() async throws {
        try await open()
        try await session.revoke([1, 2, 3], .keyCompromise)
        try await session.revoke([4], .unspecified)
        ca.script(.revoke, .reply(ScriptedCA.problem(400, "alreadyRevoked")))
        try await session.revoke([5], .superseded)
        let revoked = ca.state.withLock { $0.revoked }
        #expect(revoked.map(\.certificate) == [[1, 2, 3], [4]] && revoked.map(\.reason) == [1, nil])
    }

    @Test("what a CA suggests for a renewal is read, and when to ask again is bounded: RFC 9773 §4.2, §4.3")
    func renewalInfo() async throws {
        #expect(try await session.renewalInfo(of: "a.b") == nil)
        ca.change { $0.window = (1_000, 2_000) }
        let session = ACMESession(ca, directory: try ScriptedCA.directory, clock: time.now, pause: time.pause)
        let info = try #require(try await session.renewalInfo(of: "a.b"))
        #expect(info.start.rawValue == 1_000 && info.end.rawValue == 2_000 && info.explanation == "https://ca.example:14000/why")
        #expect(info.nextLook.rawValue - time.now().rawValue == 21_600)
        let window = #"{"suggestedWindow":{"start":"2021-01-03T00:00:00Z","end":"2021-01-07T00:00:00Z"}}"#
        for (field, seconds) in [("1", 60), ("999999", 86_400), ("x", 21_600)] as [(String, Int64)] {
            ca.script(.renewalInfo, .reply(ScriptedCA.json(200, window, [("Retry-After", field)])))
            #expect(try await session.renewalInfo(of: "a.b")?.nextLook.rawValue == time.now().rawValue + seconds)
        }
        ca.script(.renewalInfo, .reply(ScriptedCA.json(200, #"{"suggestedWindow":{"start":"2021-01-07T00:00:00Z","end":"2021-01-03T00:00:00Z"}}"#)))
        #expect(await Self.fault { _ = try await session.renewalInfo(of: "a.b") } == .malformed("renewal information without a window"))
    }
}

/// A CA that has its own idea of one thing, whatever is right.
struct Oddity: ACMETransport {
    private let ca: ScriptedCA
    private let resource: String
    private let answer: @Sendable () -> ACMEReply

    init(_ ca: ScriptedCA, _ resource: ScriptedCA.Resource, _ answer: @escaping @Sendable () -> ACMEReply) {
        (self.ca, self.answer) = (ca, answer)
        self.resource = resource == .newNonce ? "/nonce" : "/\(resource.rawValue)"
    }

    func send(_ request: ACMERequest) async throws -> ACMEReply { request.url.path == resource ? answer() : try await ca.send(request) }
}
