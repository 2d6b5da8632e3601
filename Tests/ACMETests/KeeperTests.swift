import MailModel
import NIOCore
import Storage
import Synchronization
import Testing

@testable import ACME

@Suite("A keeper of certificates") struct KeeperTests {
    private static let day: Int64 = 86_400

    @Test("a certificate that is wanted is ordered, shown to be ours, fetched, put into use and kept: RFC 8555 §7.4")
    func first() async throws {
        let scene = try Scene(["mx.example.org", "example.org"])
        try await scene.tend()
        let delivered = try #require(scene.deliveries.all.first)
        #expect(delivered.names.map(\.description) == ["example.org", "mx.example.org"] && scene.deliveries.all.count == 1)
        #expect(scene.ca.orders == [["mx.example.org", "example.org"]] && scene.ca.count(.newAccount) == 1)
        let status = try await scene.status
        #expect(status.state == .valid && status.failures == 0 && status.fault == nil && status.omitted.isEmpty && status.isWanted)
        #expect(status.present?.publicKeyDigest == delivered.publicKeyDigest && status.nextPublicKeyDigest == nil)
        // Nothing stays where the CA has looked.
        #expect(scene.http.content(of: HTTPChallenges.path + "token-0") == nil)
        // It is there after a start, and nothing is asked for again.
        let other = scene.restarted()
        #expect(await other.issued().map(\.chainPEM) == [delivered.chainPEM])
        try await scene.tend(other)
        #expect(scene.ca.orders.count == 1)
    }

    @Test("a CA that takes its time, and half of whose nonces are stale, is borne with: RFC 8555 §6.5, §7.5.1")
    func slow() async throws {
        let scene = try Scene()
        scene.ca.change { ($0.refusedNonces, $0.pendingQuestions, $0.processingQuestions) = (9, 3, 2) }
        try await scene.tend()
        #expect(scene.deliveries.all.count == 1)
    }

    @Test("it is renewed around two thirds of its life, with the same key, again and again")
    func renewal() async throws {
        let scene = try Scene()
        let start = scene.time.now().rawValue
        try await scene.run(130 * Self.day)
        let all = scene.deliveries.all
        let days = all.map { ($0.notBefore.rawValue - start) / Self.day }
        #expect(days == [0, 60, 120])
        #expect(Set(all.map(\.publicKeyDigest)).count == 1 && Set(all.map(\.serialNumber)).count == 3)
        #expect(scene.ca.count(.newAccount) == 1)
    }

    @Test("where keys change, the next one is known as soon as a certificate is there, and used at the next renewal")
    func nextKey() async throws {
        let scene = try Scene(keysKept: false)
        try await scene.tend()
        let next = try #require(try await scene.status.nextPublicKeyDigest)
        #expect(next != scene.deliveries.all.first?.publicKeyDigest)
        try await scene.run(61 * Self.day)
        #expect(scene.deliveries.all.map(\.publicKeyDigest).last == next && scene.deliveries.all.count == 2)
    }

    @Test("a key that an administrator has prepared is the next one's, and the one behind it keeps it")
    func preparedKey() async throws {
        let scene = try Scene()
        try await scene.tend()
        let next = try await scene.keeper.prepareKey(Scene.name("mx.example.org"))
        #expect(try await scene.status.nextPublicKeyDigest == next)
        // One that may be published is not thrown away, but where that is wanted.
        #expect(try await scene.keeper.prepareKey(Scene.name("mx.example.org")) == next)
        try await scene.keeper.renew(Scene.name("mx.example.org"), takesPreparedKey: true)
        try await scene.keeper.renew(Scene.name("mx.example.org"))
        #expect(scene.deliveries.all.dropFirst().map(\.publicKeyDigest) == [next, next])
        let another = try await scene.keeper.prepareKey(Scene.name("mx.example.org"))
        #expect(try await scene.keeper.prepareKey(Scene.name("mx.example.org"), another: true) != another)
    }

    @Test("a key that has just been prepared waits until its TLSA record can be known everywhere: RFC 7671 §8.1")
    func freshKey() async throws {
        let scene = try Scene()
        try await scene.tend()
        let first = try #require(scene.deliveries.all.first?.publicKeyDigest)
        // A day before it is renewed, and then all in its time.
        try await scene.run(59 * Self.day)
        let next = try await scene.keeper.prepareKey(Scene.name("mx.example.org"))
        try await scene.run(2 * Self.day)
        #expect(scene.deliveries.all.map(\.publicKeyDigest) == [first, first])
        #expect(try await scene.status.nextPublicKeyDigest == next)
        try await scene.run(60 * Self.day)
        #expect(scene.deliveries.all.map(\.publicKeyDigest) == [first, first, next])
        // What is compromised is not shown again, however fresh the other.
        let other = try await scene.keeper.prepareKey(Scene.name("mx.example.org"))
        try await scene.keeper.revoke(Scene.name("mx.example.org"), .keyCompromise)
        try await scene.tend()
        #expect(scene.deliveries.all.last?.publicKeyDigest == other)
    }

    @Test("another kind of key, another CA, or a name more that is needed, are reasons for another certificate at once")
    func changes() async throws {
        let scene = try Scene()
        try await scene.tend()
        var setting = scene.setting
        setting.wanted = [try #require(WantedCertificate(try Scene.names(["mx.example.org"]), keyKind: .rsa2048))]
        let first = scene.restarted(setting)
        try await scene.tend(first)
        setting.wanted = [try #require(WantedCertificate(try Scene.names(["mx.example.org", "a.example"]), keyKind: .rsa2048))]
        await first.change(setting)
        try await scene.tend(first)
        #expect(scene.deliveries.all.map(\.key.kind) == [.ecdsaP256, .rsa2048, .rsa2048])
        #expect(scene.deliveries.all.last?.names.count == 2)
        setting.directory = try #require(ResourceURL("https://other.example/dir"))
        await first.change(setting)
        #expect(try await first.outlook(setting.wanted[0]).step == .order)
    }

    // MARK: What goes wrong

    @Test("a renewal that comes to nothing leaves what there is in use, says why, and is tried again, ever more seldom")
    func failedRenewal() async throws {
        let scene = try Scene()
        try await scene.tend()
        let before = try #require(scene.deliveries.all.first)
        scene.ca.change {
            $0.refusedNames = ["mx.example.org"]
            for index in $0.authorizations.indices { $0.authorizations[index].status = "expired" }
        }
        scene.time.move(60 * Self.day)
        var tries: [Int64] = []
        var next = scene.time.now()
        for _ in 0..<5 {
            scene.time.move(next.rawValue - scene.time.now().rawValue)
            tries.append(scene.time.now().rawValue)
            next = try await scene.tend()
        }
        let waits = zip(tries.dropFirst(), tries).map { later, earlier in (later - earlier) / 60 }
        #expect(waits == [15, 30, 60, 120])
        let status = try await scene.status
        #expect(status.state == .valid && status.present?.serialNumber == before.serialNumber && status.failures == 5 && scene.ca.orders.count == 6)
        #expect(status.fault?.contains("mx.example.org: http-01: unauthorized: nothing at mx.example.org") == true)
        let kept = await scene.keeper.issued()
        #expect(scene.deliveries.all.count == 1 && kept.count == 1)
        // What is waited for is known after a start.
        let held = try #require(status.heldUntil)
        #expect(held == next)
        let other = scene.restarted()
        #expect(try await other.outlook(scene.setting.wanted[0]).time == held)
        // And when it goes well again, all is forgotten.
        scene.ca.change { $0.refusedNames = [] }
        scene.time.move(held.rawValue - scene.time.now().rawValue)
        try await scene.tend(other)
        #expect(scene.deliveries.all.count == 2)
        let after = try #require(try await other.status().first)
        #expect(after.failures == 0 && after.heldUntil == nil && after.fault == nil)
    }

    @Test("who is told to wait waits, over a start too, even where an administrator asks; it counts as no failure: RFC 8555 §6.6")
    func limited() async throws {
        let scene = try Scene()
        scene.ca.script(.newOrder, .reply(ScriptedCA.problem(429, "rateLimited", "too many certificates", [("Retry-After", "7200")])))
        let until = try await scene.tend()
        #expect(until.rawValue - scene.time.now().rawValue == 7_200)
        let status = try await scene.status
        #expect(status.heldUntil == until && status.failures == 0 && status.fault?.contains("too many certificates") == true && status.state == .missing)
        let other = scene.restarted()
        #expect(try await scene.tend(other) == until)
        await #expect(throws: ACMEFault.tooEarly(until)) { try await other.renew(Scene.name("mx.example.org")) }
        #expect(scene.ca.count(.newOrder) == 1)
        scene.time.move(7_200)
        try await scene.tend(other)
        #expect(scene.deliveries.all.count == 1)
    }

    @Test("an administrator may try again before our own measure allows it, and hears what comes of it")
    func forced() async throws {
        let scene = try Scene()
        scene.ca.change { $0.refusedNames = ["mx.example.org"] }
        try await scene.tend()
        let fault = await SessionTests.fault { try await scene.keeper.renew(Scene.name("mx.example.org")) }
        guard case .notProved(let names) = fault else { throw try #require(fault) }
        #expect(names.map(\.name.description) == ["mx.example.org"])
        scene.ca.change { $0.refusedNames = [] }
        try await scene.keeper.renew(Scene.name("mx.example.org"))
        #expect(scene.deliveries.all.count == 1)
        await #expect(throws: ACMEFault.unknown("a.example")) { try await scene.keeper.renew(Scene.name("a.example")) }
    }

    @Test("what cannot be put into use takes the place of nothing")
    func undeliverable() async throws {
        let scene = try Scene()
        try await scene.tend()
        let before = try await scene.status.present
        scene.deliveries.refuse(true)
        let fault = await SessionTests.fault { try await scene.keeper.renew(Scene.name("mx.example.org")) }
        #expect(fault == .unfit("no such certificate here"))
        let status = try await scene.status
        #expect(status.present == before && status.failures == 1 && status.heldUntil != nil)
    }

    @Test("one certificate that cannot be had stops no other, and none is kept waiting by its name")
    func others() async throws {
        let wanted = try [["a.example"], ["b.example"], ["c.example"]].map { try #require(WantedCertificate(try Scene.names($0))) }
        let scene = try Scene(wanted)
        scene.ca.change { $0.refusedNames = ["b.example"] }
        try await scene.run(10)
        #expect(scene.deliveries.all.map(\.description) == ["a.example", "c.example"] && scene.ca.count(.newAccount) == 1)
        #expect(try await scene.keeper.status().map(\.state) == [.valid, .missing, .valid])
    }

    @Test(
        "whatever a CA says instead, it is a fault that is kept, and nothing is lost by it",
        arguments: [ScriptedCA.Resource.newNonce, .newAccount, .newOrder, .authorization, .challenge, .finalize, .certificate, .order])
    func oddities(_ resource: ScriptedCA.Resource) async throws {
        let odd: [ScriptedCA.Answer] = [
            .reply(ScriptedCA.json(200, "{")), .reply(ACMEReply(status: 200)), .reply(ScriptedCA.json(200, #"{"status":"valid"}"#)),
            .reply(ACMEReply(status: 404)),
            .reply(ACMEReply(status: 302)), .reply(ScriptedCA.problem(500, "serverInternal")), .reply(ScriptedCA.problem(403, "unauthorized")), .silence,
        ]
        for answer in odd {
            let scene = try Scene()
            // As often as a question is asked again, and not for a nonce, which is there already.
            scene.ca.script(resource, answer, answer, answer)
            if resource == .order { scene.ca.change { $0.processingQuestions = 1 } }
            try await scene.tend()
            let status = try await scene.status
            let isNonce = resource == .newNonce
            if scene.deliveries.all.isEmpty {
                #expect(status.failures == 1 && status.fault != nil && status.heldUntil != nil, "\(answer)")
            } else {
                #expect(isNonce, "\(answer)")
            }
            #expect(scene.http.content(of: HTTPChallenges.path + "token-0") == nil)
        }
    }

    @Test("who is cancelled notes no failure, and leaves nothing behind where the CA looks")
    func cancelled() async throws {
        for resource in [ScriptedCA.Resource.newOrder, .authorization, .challenge, .finalize] {
            let scene = try Scene()
            scene.ca.script(resource, .cancelled)
            await #expect(throws: CancellationError.self) { try await scene.tend() }
            #expect(try await scene.status.failures == 0 && scene.http.content(of: HTTPChallenges.path + "token-0") == nil)
        }
    }

    @Test("a store that cannot keep anything, or has lost something, is no reason for another account or another key")
    func store() async throws {
        let scene = try Scene()
        try await scene.tend()
        let account = try #require(try scene.store.values(in: .certificates).keys.first { $0.hasPrefix("account ") })
        try await scene.store.change([KeyValueChange(.certificates, account, Array("{".utf8))])
        await #expect(throws: StorageFault.self) { try await scene.keeper.renew(Scene.name("mx.example.org")) }
        try await scene.store.change([KeyValueChange(.certificates, "certificate mx.example.org", Array("{}".utf8))])
        #expect(try await scene.status.state == .damaged)
        #expect(await scene.keeper.issued().isEmpty)
        let next = try await scene.tend()
        #expect(next.rawValue - scene.time.now().rawValue == CertificateKeeper.longestSleep && scene.ca.count(.newAccount) == 1 && scene.ca.orders.count == 1)
    }

    @Test("an account that the CA has forgotten is made again, with the same key: RFC 8555 §6.7")
    func forgottenAccount() async throws {
        let scene = try Scene()
        try await scene.tend()
        scene.ca.change { $0.dropsAccounts = true }
        try await scene.keeper.renew(Scene.name("mx.example.org"))
        #expect(scene.deliveries.all.count == 2 && scene.ca.count(.newAccount) == 2)
    }

    @Test("other contacts are told to the account that there is: RFC 8555 §7.3.2")
    func contacts() async throws {
        let scene = try Scene()
        try await scene.tend()
        var setting = scene.setting
        setting.account.contact = ["mailto:b@example.org"]
        try await scene.restarted(setting).renew(Scene.name("mx.example.org"))
        #expect(scene.ca.state.withLock { $0.contacts.last } == #"{"contact":["mailto:b@example.org"]}"# && scene.ca.count(.newAccount) == 1)
    }

    // MARK: Names that are not needed

    @Test("a name that is not needed and not proved is left out alone, and the others have their certificate")
    func optional() async throws {
        let scene = try Scene(["mx.example.org"], optional: ["mta-sts.example.org", "autoconfig.example.org"])
        scene.ca.change { $0.refusedNames = ["autoconfig.example.org"] }
        try await scene.tend()
        #expect(scene.ca.orders == [["mx.example.org", "mta-sts.example.org", "autoconfig.example.org"], ["mx.example.org", "mta-sts.example.org"]])
        #expect(scene.deliveries.all.map(\.description) == ["mta-sts.example.org, mx.example.org"])
        let status = try await scene.status
        #expect(status.omitted.map(\.name.description) == ["autoconfig.example.org"] && status.state == .valid && status.failures == 0)
        #expect(status.omitted.first?.reason?.contains("nothing at autoconfig.example.org") == true)
    }

    @Test("it is tried again, ever more seldom, but no certificate is ordered that would have nothing new; when it is proved, there is one")
    func extended() async throws {
        let scene = try Scene(["mx.example.org"], optional: ["autoconfig.example.org"])
        scene.ca.change { $0.refusedNames = ["autoconfig.example.org"] }
        try await scene.run(20 * Self.day)
        let orders = scene.ca.orders
        #expect(scene.deliveries.all.count == 1 && orders.count(where: { $0.count == 1 }) == 1 && orders.count < 35)
        scene.ca.change { $0.refusedNames = [] }
        try await scene.run(2 * Self.day)
        #expect(scene.deliveries.all.count == 2 && scene.deliveries.all.last?.names.count == 2)
        let status = try await scene.status
        #expect(status.omitted.isEmpty)
    }

    @Test("one that the CA does not even take an order for is left out too: RFC 8555 §6.7.1")
    func rejected() async throws {
        let scene = try Scene(["mx.example.org"], optional: ["autoconfig.example.org"])
        scene.ca.script(
            .newOrder,
            .reply(
                ScriptedCA.problem(
                    400, "malformed",
                    more:
                        #","subproblems":[{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"no","identifier":{"type":"dns","value":"autoconfig.example.org"}}]"#
                )))
        try await scene.tend()
        #expect(scene.deliveries.all.map(\.description) == ["mx.example.org"])
    }

    @Test("one that is needed, and rejected, is a fault: no certificate is tried without it")
    func needed() async throws {
        let scene = try Scene(["mx.example.org"], optional: ["autoconfig.example.org"])
        scene.ca.change { $0.refusedNames = ["mx.example.org", "autoconfig.example.org"] }
        try await scene.tend()
        let status = try await scene.status
        #expect(scene.ca.orders.count == 1 && status.state == .missing && status.omitted.count == 2)
        #expect(status.fault?.contains("mx.example.org") == true && status.fault?.contains("autoconfig.example.org") == true)
    }

    // MARK: What the CA suggests

    @Test("a CA that wants a certificate renewed sooner is obeyed, with the name of the one that is replaced: RFC 9773 §4.2, §5")
    func suggestion() async throws {
        let scene = try Scene()
        let start = scene.time.now().rawValue
        scene.ca.change {
            $0.window = (start + 10 * Self.day, start + 12 * Self.day)
            $0.nextWindow = (start + 70 * Self.day, start + 72 * Self.day)
        }
        try await scene.run(13 * Self.day)
        let all = scene.deliveries.all
        let days = all.map { ($0.notBefore.rawValue - start) / Self.day }
        #expect(days == [0, 11])
        #expect(scene.ca.state.withLock { $0.replaced } == [nil, all.first?.certificateID])
        #expect(scene.ca.count(.renewalInfo) >= 40 && scene.ca.count(.renewalInfo) < 60)
        #expect(try await scene.status.explanation == "https://ca.example:14000/why")
    }

    @Test("a suggestion of long ago for every certificate renews once a day, and not without end")
    func oldSuggestion() async throws {
        let scene = try Scene()
        let start = scene.time.now().rawValue
        try await scene.tend()
        scene.ca.change { $0.window = (start - 10, start - 5) }
        try await scene.run(10 * Self.day)
        #expect(scene.deliveries.all.count == 10 || scene.deliveries.all.count == 11)
    }

    @Test("a CA that knows of a replacement already has its order without: RFC 9773 §7.4")
    func replacedAlready() async throws {
        let scene = try Scene()
        let start = scene.time.now().rawValue
        scene.ca.change { $0.window = (start + 50 * Self.day, start + 51 * Self.day) }
        try await scene.tend()
        scene.ca.script(.newOrder, .reply(ScriptedCA.problem(409, "alreadyReplaced")))
        try await scene.keeper.renew(Scene.name("mx.example.org"))
        #expect(scene.ca.state.withLock { $0.replaced } == [nil, nil] && scene.deliveries.all.count == 2)
    }

    @Test("without an answer about renewal what was said before holds, and later it is asked again: RFC 9773 §4.3.3")
    func silentSuggestion() async throws {
        let scene = try Scene()
        let start = scene.time.now().rawValue
        scene.ca.change { $0.window = (start + 10 * Self.day, start + 12 * Self.day) }
        try await scene.run(7 * 3_600)
        scene.ca.script(.renewalInfo, .silence, .reply(ACMEReply(status: 500)), .reply(ScriptedCA.json(200, "{")))
        try await scene.run(Self.day - 7 * 3_600)
        #expect(try await scene.status.renewal?.rawValue == start + 11 * Self.day && scene.deliveries.all.count == 1)
    }

    // MARK: Taking back

    @Test("a certificate that is taken back is replaced at once; whose key is known to others, with another: RFC 8555 §7.6")
    func revoked() async throws {
        for (reason, keepsKey) in [(RevocationReason.superseded, true), (.keyCompromise, false)] {
            let scene = try Scene()
            try await scene.tend()
            let before = try #require(scene.deliveries.all.first)
            try await scene.keeper.revoke(Scene.name("mx.example.org"), reason)
            #expect(scene.ca.state.withLock { $0.revoked.map(\.certificate) } == [before.leaf])
            #expect(try await scene.status.state == .revoked)
            try await scene.tend()
            #expect(scene.deliveries.all.count == 2 && (scene.deliveries.all.last?.publicKeyDigest == before.publicKeyDigest) == keepsKey)
            #expect(try await scene.status.state == .valid && scene.ca.state.withLock { $0.replaced.last } == .some(nil))
        }
    }

    @Test("what is not there is not taken back, and what is kept and not wanted any more is shown")
    func unwanted() async throws {
        let scene = try Scene()
        await #expect(throws: ACMEFault.unknown("mx.example.org")) { try await scene.keeper.revoke(Scene.name("mx.example.org"), .unspecified) }
        try await scene.tend()
        var setting = scene.setting
        setting.wanted = []
        let status = try await scene.restarted(setting).status()
        #expect(status.map(\.isWanted) == [false] && status.map(\.state) == [.valid] && status.map(\.renewal) == [nil])
    }

    @Test("a change of what is wanted wakes who sleeps")
    func woken() async throws {
        let scene = try Scene([WantedCertificate]())
        let (signals, signal) = AsyncStream.makeStream(of: Void.self)
        let world = CertificateKeeper.World(
            transport: scene.ca, responders: [scene.http], clock: scene.time.now, chance: { 0.5 },
            pause: { _ in
                signal.yield()
                // Until somebody wakes it.
                let (never, hold) = AsyncStream.makeStream(of: Void.self)
                for await _ in never {}
                _ = hold
                try Task.checkCancellation()
            }, makeKey: { try CertificateKey($0) })
        let keeper = CertificateKeeper(scene.setting, world, store: scene.store, log: Scene.log, deliver: scene.deliveries.take)
        let running = Task { try await keeper.run() }
        var turns = signals.makeAsyncIterator()
        _ = await turns.next()
        var setting = scene.setting
        setting.wanted = [try #require(WantedCertificate(try Scene.names(["mx.example.org"])))]
        scene.ca.change { $0.authorizations = [.init(name: setting.wanted[0].name, status: "valid")] }
        await keeper.change(setting)
        _ = await turns.next()
        #expect(scene.deliveries.all.count == 1)
        running.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
    }
}
