import Conversation
import MailModel
import PostOffice
import Testing

@testable import SMTP

@Suite struct OpeningTests {
    static let tls = ["PIPELINING", "STARTTLS"]

    @Test("greeting, EHLO: where from, what it can, how long it was waited for")
    func plain() async throws {
        let sink = Sink(Sink.Plan(offers: ["SIZE 1000", "LIMITS MAILMAX=7"]))
        let connection = try await Carriage.connect(sink) { $0.source = "192.0.2.1" }
        #expect(connection.facts == CarrierFacts(address: "192.0.2.25", source: Sink.ownAddress, tlsVersion: nil, sizeLimit: 1_000, messageLimit: 7))
        #expect(sink.dials == ["192.0.2.25 25 192.0.2.1 30.0 seconds"])
        #expect(sink.commands == ["EHLO mx.example.test"])
        await connection.close()
        #expect(sink.commands == ["EHLO mx.example.test", "QUIT"] && sink.isLeft)
    }

    @Test(
        "greetings that are none: 554 is a refusal for good, 421 for now (RFC 5321 §3.1; TRAPS §1.12)",
        arguments: [
            ("554 5.7.1 Your address is listed\r\n", CarrierFault.refused(Carriage.reply(554, "5.7.1", "Your address is listed"))),
            ("421 4.3.2 Not now\r\n✂", .refused(Carriage.reply(421, "4.3.2", "Not now"))),
            ("450-wait\r\n450 here\r\n", .refused(Carriage.reply(450, nil, "wait", "here"))),
            ("250 hello\r\n", .unreachable("it greets with 250 hello")), ("✂", .unreachable("the connection was closed")),
            ("", .unreachable("no answer came in time")),
            ("SSH-2.0-OpenSSH_9.2\r\n", .unreachable("what was answered is no reply")),
            ("220-a\r\n221 b\r\n", .unreachable("the lines of a reply had different codes")),
        ])
    func greetings(greeting: String, fault: CarrierFault) async throws {
        let sink = Sink(Sink.Plan(greeting: greeting))
        #expect(try await Carriage.fault(sink) == fault)
        #expect(sink.isLeft)
        if greeting.isEmpty { #expect(sink.waits == [.seconds(300)]) }
    }

    @Test("a greeting by drops ends when its five minutes do: RFC 5321 §4.5.3.2.1")
    func drip() async throws {
        let sink = Sink(Sink.Plan(greeting: "220 " + String(repeating: "x", count: 500) + "\r\n", drip: (1, .seconds(20))))
        #expect(try await Carriage.fault(sink) == .unreachable("no answer came in time"))
        #expect(sink.octetsRead <= 16)
    }

    @Test("10 MB of greeting, or of an answer, are neither held nor read: the connection is given up", arguments: [true, false])
    func flood(isLine: Bool) async throws {
        let flood = isLine ? "220 " + String(repeating: "x", count: 10_000_000) : String(repeating: "220-x\r\n", count: 1_500_000)
        let sink = Sink(Sink.Plan(greeting: flood))
        #expect(try await Carriage.fault(sink) == .unreachable("a reply was too long"))
        #expect(sink.octetsRead <= 64 * 1024 && sink.isLeft)
    }

    @Test("a server without EHLO gets HELO, and offers nothing: RFC 5321 §3.2", arguments: ["500 what?\r\n", "502 5.5.1 no\r\n", "550 no\r\n"])
    func helo(answer: String) async throws {
        let sink = Sink(Sink.Plan(answers: ["EHLO": [answer]]))
        let connection = try await Carriage.connect(sink)
        #expect(sink.commands == ["EHLO mx.example.test", "HELO mx.example.test"])
        #expect(await connection.send(try Carriage.message()).outcomes == [Carriage.taken])
        #expect(sink.commands.dropFirst(2) == ["MAIL FROM:<a@example.test>", "RCPT TO:<b@remote.example>", "DATA"])
    }

    @Test("EHLO, HELO and LHLO refused")
    func refusals() async throws {
        let plans: [(Sink.Plan, MailServer.Dialect, CarrierFault)] = [
            (Sink.Plan(answers: ["EHLO": ["421 4.7.0 later\r\n✂"]]), .smtp, .refused(Carriage.reply(421, "4.7.0", "later"))),
            (Sink.Plan(answers: ["EHLO": ["450 4.7.1 who?\r\n"]]), .smtp, .refused(Carriage.reply(450, "4.7.1", "who?"))),
            (Sink.Plan(answers: ["EHLO": ["550 no\r\n"], "HELO": ["554 5.7.1 no\r\n"]]), .smtp, .refused(Carriage.reply(554, "5.7.1", "no"))),
            (Sink.Plan(answers: ["LHLO": ["500 no\r\n"]], isLMTP: true), .lmtp, .refused(Carriage.reply(500, nil, "no"))),
            (Sink.Plan(answers: ["EHLO": ["354 what\r\n"]]), .smtp, .unreachable("a reply out of turn: 354 what")),
            (Sink.Plan(answers: ["EHLO": ["250 a\r\n250 b\r\n"]]), .smtp, .unreachable("it talks out of turn")),
            (Sink.Plan(answers: ["EHLO": ["✂"]]), .smtp, .unreachable("the connection was closed")),
        ]
        for (plan, dialect, fault) in plans {
            let sink = Sink(plan)
            #expect(try await Carriage.fault(sink) { $0.dialect = dialect } == fault)
            #expect(sink.isLeft)
        }
    }

    @Test("TLS where it is offered, nobody's certificate asked about; what was offered in clear is not believed: RFC 3207 §4.2")
    func opportunistic() async throws {
        let sink = Sink(
            Sink.Plan(
                offers: ["STARTTLS", "DSN", "SIZE 5"], offersInTLS: ["SIZE 99"],
                answers: ["STARTTLS": ["220 go\r\n250-mx\r\n250 SIZE 1\r\n"]]))
        let connection = try await Carriage.connect(sink)
        #expect(connection.facts == CarrierFacts(address: "192.0.2.25", source: Sink.ownAddress, tlsVersion: "TLSv1.3", sizeLimit: 99))
        #expect(sink.terms == TLSTerms(serverName: "mx.remote.example", verification: .none))
        #expect(sink.commands == ["EHLO mx.example.test", "STARTTLS", "(TLS)", "EHLO mx.example.test"])
    }

    @Test("a handshake that fails is told as that, and the connection is not used in clear: TRAPS §1.9")
    func broken() async throws {
        for fault in [StreamFault.tls(TLSFailure(.notTrusted, "handshake failed")), .closed, .timedOut] {
            let sink = Sink(Sink.Plan(offers: Self.tls, handshakeFault: fault))
            guard case .tls(let failure) = try await Carriage.fault(sink) else {
                Issue.record("\(fault)")
                continue
            }
            #expect(!failure.reason.isEmpty && sink.isLeft && sink.commands.last == "(TLS)")
        }
        let late = Sink(Sink.Plan(offers: Self.tls, answers: ["EHLO": ["250-mx\r\n250 STARTTLS\r\n", "✂"]]))
        #expect(try await Carriage.fault(late) == .tls(TLSFailure(.validation, "after the handshake: the connection was closed", source: Sink.ownAddress)))
        let odd = Sink(Sink.Plan(offers: Self.tls, answers: ["STARTTLS": ["250 sure\r\n"]]))
        #expect(try await Carriage.fault(odd) == .tls(TLSFailure(.validation, "it answers STARTTLS with 250 sure", source: Sink.ownAddress)))
    }

    @Test("STARTTLS refused: in clear where nothing forbids it; 421 is goodbye")
    func refusedTLS() async throws {
        let sink = Sink(Sink.Plan(offers: Self.tls, answers: ["STARTTLS": ["454 4.7.0 not now\r\n"]]))
        #expect(try await Carriage.connect(sink).facts.tlsVersion == nil)
        let never = Sink(Sink.Plan(offers: Self.tls))
        #expect(try await Carriage.connect(never) { $0.encryption = .never }.facts.tlsVersion == nil)
        #expect(never.commands == ["EHLO mx.example.test"])
        let gone = Sink(Sink.Plan(offers: Self.tls, answers: ["STARTTLS": ["421 4.3.2 no\r\n✂"]]))
        #expect(try await Carriage.fault(gone) == .refused(Carriage.reply(421, "4.3.2", "no")))
    }

    @Test("TLS that is required: authorities, the name, and nothing without")
    func required() async throws {
        let sink = Sink(Sink.Plan(offers: Self.tls))
        #expect(try await Carriage.connect(sink) { $0.encryption = .required(implicit: false) }.facts.tlsVersion == "TLSv1.3")
        #expect(sink.terms == TLSTerms(serverName: "mx.remote.example", verification: .authorities(names: ["mx.remote.example"])))
        let implicit = Sink(Sink.Plan(greeting: "220 hi\r\n", offers: []))
        #expect(try await Carriage.connect(implicit) { $0.encryption = .required(implicit: true) }.facts.tlsVersion == "TLSv1.3")
        #expect(implicit.commands == ["(TLS)", "EHLO mx.example.test"])
        #expect(
            try await Carriage.fault(Sink(Sink.Plan(offers: []))) { $0.encryption = .required(implicit: false) }
                == .tls(TLSFailure(.notOffered, "it does not offer STARTTLS, which is required here", source: Sink.ownAddress)))
        let refused = Sink(Sink.Plan(offers: Self.tls, answers: ["STARTTLS": ["454 4.7.0 not now\r\n"]]))
        #expect(
            try await Carriage.fault(refused) { $0.encryption = .required(implicit: false) }
                == .tls(TLSFailure(.notOffered, "it refuses STARTTLS, which is required here: 454 4.7.0 not now", source: Sink.ownAddress)))
    }

    @Test("what was published for a server is what it is asked for, by the name that goes with it: RFC 7672 §3.2, RFC 8461 §4.1")
    func published() async throws {
        let terms = TLSTerms(
            serverName: "real.remote.example", verification: .dane(records: [TLSARecord(usage: 3, selector: 1, matching: 1, data: [1])], names: []))
        let sink = Sink(Sink.Plan(offers: Self.tls))
        #expect(try await Carriage.connect(sink) { $0.encryption = .published(TLSRequirement(.tlsa, terms)) }.facts.tlsVersion == "TLSv1.3")
        #expect(sink.terms == terms)
        for isEnforced in [true, false] {
            let bare = Sink(Sink.Plan(offers: []))
            let fault = try await Carriage.fault(bare) { $0.encryption = .published(TLSRequirement(.sts, terms, isEnforced: isEnforced)) }
            guard case .tls(let failure) = fault else {
                Issue.record("\(String(describing: fault))")
                continue
            }
            #expect(failure.kind == .notOffered && bare.isLeft)
        }
    }

    @Test("REQUIRETLS that is demanded has to be offered, in TLS: RFC 8689 §4.2.1")
    func requireTLS() async throws {
        func change(_ server: inout MailServer) {
            server.encryption = .required(implicit: false)
            server.demandsRequireTLS = true
        }
        let good = Sink(Sink.Plan(offers: ["STARTTLS"], offersInTLS: ["REQUIRETLS", "DSN"]))
        let connection = try await Carriage.connect(good, ClientSettings(), change)
        let taken = CarrierReport.Outcome.delivered(Carriage.reply(250, "2.0.0", "taken"), relaysNotify: true)
        #expect(await connection.send(try Carriage.message(traits: [.requiresTLS, .returnsFull])).outcomes == [taken])
        #expect(good.commands.contains("MAIL FROM:<a@example.test> REQUIRETLS RET=HDRS"))
        let early = Sink(Sink.Plan(offers: ["STARTTLS", "REQUIRETLS"], offersInTLS: ["DSN"]))
        #expect(try await Carriage.fault(early, change) == .unprotected("it does not offer REQUIRETLS, which is demanded"))
        #expect(early.commands.last == "QUIT" && early.isLeft)
        let clear = Sink(Sink.Plan(offers: ["REQUIRETLS"]))
        #expect(
            try await Carriage.fault(clear) {
                $0.encryption = .never
                $0.demandsRequireTLS = true
            } == .unprotected("it does not offer REQUIRETLS, which is demanded"))
        // Nothing that was forgotten before sends it on without.
        let (report, sink) = try await Carriage.report(Sink.Plan(offers: ["DSN"]), try Carriage.message(traits: .requiresTLS))
        guard case .impossible(let status, _, isPermanent: true) = report.outcomes.first else { throw Unexpected() }
        #expect(status.description == "5.7.30" && sink.commands == ["EHLO mx.example.test"])
    }

    private struct Unexpected: Error {}

    static func login(_ server: inout MailServer) {
        server.login = MailServer.Login(user: "alice", password: "x")
        server.encryption = .required(implicit: false)
    }

    @Test("a login by PLAIN, or by LOGIN, in TLS: RFC 4954 §4")
    func logins() async throws {
        let plain = Sink(Sink.Plan(offers: ["STARTTLS"], offersInTLS: ["AUTH LOGIN PLAIN"], answers: ["AUTH": ["235 2.7.0 in\r\n"]]))
        _ = try await Carriage.connect(plain, ClientSettings(), Self.login)
        #expect(plain.commands.suffix(2) == ["EHLO mx.example.test", "AUTH PLAIN AGFsaWNlAHg="])
        let steps = Sink(
            Sink.Plan(
                offers: ["STARTTLS"], offersInTLS: ["AUTH LOGIN"],
                answers: ["AUTH": ["334 VXNlcm5hbWU6\r\n"], "YWxpY2U=": ["334 UGFzc3dvcmQ6\r\n"], "eA==": ["235 2.7.0 in\r\n"]]))
        _ = try await Carriage.connect(steps, ClientSettings(), Self.login)
        #expect(steps.commands.suffix(3) == ["AUTH LOGIN", "YWxpY2U=", "eA=="])
    }

    @Test("no password goes in clear, but on this machine")
    func inClear() async throws {
        let offers = ["AUTH PLAIN"]
        func change(_ server: inout MailServer) {
            Self.login(&server)
            server.encryption = .opportunistic
        }
        let sink = Sink(Sink.Plan(offers: offers))
        #expect(try await Carriage.fault(sink, change) == .unfit("no password is sent without TLS"))
        #expect(sink.commands == ["EHLO mx.example.test"])
        let near = Sink(Sink.Plan(offers: offers, answers: ["AUTH": ["235 in\r\n"]], isLoopback: true))
        _ = try await Carriage.connect(near, ClientSettings(), change)
        #expect(near.commands.last == "AUTH PLAIN AGFsaWNlAHg=")
    }

    @Test("a login that is refused bounces nothing: TRAPS §1.12")
    func refusedLogin() async throws {
        func fault(_ answers: [String], _ offer: String = "AUTH PLAIN") async throws -> CarrierFault? {
            try await Carriage.fault(Sink(Sink.Plan(offers: ["STARTTLS"], offersInTLS: [offer], answers: ["AUTH": answers])), Self.login)
        }
        #expect(try await fault(["535 5.7.8 wrong\r\n"]) == .unfit("it does not take the login: 535 5.7.8 wrong"))
        #expect(try await fault(["334 \r\n"]) == .unfit("it does not take the login: 334"))
        #expect(try await fault(["454 4.7.0 later\r\n"]) == .refused(Carriage.reply(454, "4.7.0", "later")))
        #expect(try await fault([], "AUTH GSSAPI") == .unfit("it offers no way to log in that is known here"))
    }

    @Test("a name of ours that is not ASCII is said as A-labels")
    func ownName() async throws {
        let sink = Sink()
        _ = try await Carriage.connect(sink) { $0.ownName = Domain("bücher.example") ?? $0.ownName }
        #expect(sink.commands == ["EHLO xn--bcher-kva.example"])
    }
}
