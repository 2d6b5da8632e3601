import MailModel
import NIOCore
import PostOffice
import Rehearsal
import Testing

@testable import SMTP

@Suite struct RelayTests {
    static let remote = [
        "<victim@remote.example>", "<@a.example,@b.example:victim@remote.example>", "<@example.test:victim@remote.example>", "<victim@[127.0.0.1]>",
        "<victim@[IPv6:::1]>", "<victim@localhost>", "<victim@sub.example.test>", "<\"victim\"@remote.example>", "<victim@example.test.remote.example>",
    ]
    static let unknown = [
        "<victim%remote.example@example.test>", "<\"victim@remote.example\"@example.test>", "<remote.example!victim@example.test>",
        "<victim@example.test>", "<victim@EXAMPLE.test.>", "<victim+tag%remote.example@example.test>", "<\"alice@example.test\"@example.test>",
        "<@remote.example:victim@example.test>", "<\"ali ce\"@example.test>", "<.@example.test>",
    ]
    static let nonsense = [
        "<victim@remote.example@example.test>", "<victim>", "<\"victim\">", "<>", "<victim@>", "<@example.test>", "<alice @example.test>",
        "<alice@example.test victim@remote.example>", "<alice\\@remote.example@example.test>", "<alice@example.test>,<victim@remote.example>",
        "alice@example.test,victim@remote.example",
    ]
    static let local = [
        "<alice@example.test>", "<ALICE@EXAMPLE.TEST>", "<\"alice\"@example.test>", "<@remote.example:alice@example.test>", "<alice@example.test.>",
        "<postmaster>", "<PostMaster>", "<postmaster@example.test>", "<Postmaster@Example.Test>",
        "alice@example.test", "postmaster", "<postmaster@[192.0.2.25]>", "<alice@[192.0.2.25]>", "< alice@example.test >",
        // A detail is any text, and nobody is looked for in it (RFC 5233).
        "<alice+tag@example.test>", "<alice+tag%remote.example@example.test>",
    ]

    private func reply(_ talk: Rehearsal<SMTPWorker>, to path: String) async -> String {
        _ = await talk.send("RSET\r\nMAIL FROM:<alice@example.test>\r\n")
        return await talk.send("RCPT TO:\(path)\r\n")
    }

    @Test("the MX takes mail for our own accounts and nobody else's: RFC 5321 §3.6, §7.9")
    func stranger() async throws {
        let house = try await House()
        let talk = try await house.talk { $0.errorLimit = .max }
        for path in Self.remote { #expect(await reply(talk, to: path) == "550 5.7.1 Relaying denied\r\n", "\(path)") }
        for path in Self.unknown { #expect(await reply(talk, to: path).isNo("5.1."), "\(path)") }
        for path in Self.nonsense { #expect(await reply(talk, to: path).isNo("5."), "\(path)") }
        for path in Self.local { #expect(await reply(talk, to: path) == "250 2.1.5 Recipient OK\r\n", "\(path)") }
    }

    @Test("a user reaches local accounts, until sending exists")
    func user() async throws {
        let house = try await House()
        let talk = try await house.alicesTalk { $0.errorLimit = .max }
        for path in Self.remote {
            #expect(await reply(talk, to: path) == "550 5.7.1 Relaying denied\r\n", "\(path)")
        }
        for path in Self.unknown { #expect(await reply(talk, to: path).isNo("5.1."), "\(path)") }
        for path in Self.nonsense { #expect(await reply(talk, to: path).isNo("5."), "\(path)") }
        for path in Self.local { #expect(await reply(talk, to: path) == "250 2.1.5 Recipient OK\r\n", "\(path)") }
    }

    @Test("where mail goes on, a user reaches everybody")
    func userAbroad() async throws {
        let house = try await House()
        let talk = try await house.alicesTalk { settings in
            settings.errorLimit = .max
            settings.relay = RelayRules()
        }
        for path in Self.remote { #expect(await reply(talk, to: path) == "250 2.1.5 Recipient OK\r\n", "\(path)") }
        for path in Self.unknown { #expect(await reply(talk, to: path).isNo("5.1."), "\(path)") }
        for path in Self.nonsense { #expect(await reply(talk, to: path).isNo("5."), "\(path)") }
        for path in Self.local { #expect(await reply(talk, to: path) == "250 2.1.5 Recipient OK\r\n", "\(path)") }
        #expect(await reply(talk, to: "<nobody@[192.0.2.25]>").isNo("5.1."))
    }

    static let relayed = [
        "<any@relay.example>", "<Any.One@RELAY.example.>", "<any@xn--mnchen-3ya.example>", "<@a.example:any@relay.example>", "any@relay.example",
    ]
    static let notRelayed = [
        "<victim%remote.example@relay.example>", "<\"victim@remote.example\"@relay.example>", "<remote.example!victim@relay.example>",
        "<@relay.example:victim@remote.example>", "<any@sub.relay.example>", "<any@relay.example.remote.example>", "<any@xrelay.example>",
    ]

    @Test("for a relay domain a stranger is served, and for what lies behind it is not: RFC 5321 §3.6.2")
    func relayDomain() async throws {
        let house = try await House()
        let domains = Set(["relay.example", "münchen.example", "example.test"].compactMap { Domain($0) })
        let talk = try await house.talk { settings in
            settings.errorLimit = .max
            settings.relay = RelayRules(domains: domains, networks: try NetworkList("198.51.100.0/24, 192.0.2.8"))
        }
        for path in Self.relayed { #expect(await reply(talk, to: path) == "250 2.1.5 Recipient OK\r\n", "\(path)") }
        for path in Self.notRelayed + Self.remote { #expect(await reply(talk, to: path) == "550 5.7.1 Relaying denied\r\n", "\(path)") }
        // A domain that is ours is not relayed, whatever the rules say.
        for path in Self.unknown { #expect(await reply(talk, to: path).isNo("5.1."), "\(path)") }
        for path in Self.nonsense { #expect(await reply(talk, to: path).isNo("5."), "\(path)") }
        _ = await talk.send("RSET\r\nMAIL FROM:<ann@remote.example>\r\nRCPT TO:<any@relay.example>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n")
        #expect(await talk.send("Subject: x\r\n\r\nbody\r\n.\r\n").hasPrefix("250 2.0.0"))
        let queued = try #require(try await house.queue().first)
        #expect(queued.entry.draft.recipients.map(\.path.written) == ["<any@relay.example>"] && queued.entry.draft.sender == nil)
        #expect(try await house.texts(of: house.alice) == ["Subject: x\r\n\r\nbody\r\n"])
    }

    @Test("a client of a relay network sends anywhere by the MX port, and by a port for users only with a login")
    func relayNetwork() async throws {
        let house = try await House()
        let relay = RelayRules(networks: try NetworkList("192.0.2.0/29"))
        let talk = try await house.talk { settings in
            settings.errorLimit = .max
            settings.relay = relay
        }
        for path in Self.remote { #expect(await reply(talk, to: path) == "250 2.1.5 Recipient OK\r\n", "\(path)") }
        for path in Self.unknown { #expect(await reply(talk, to: path).isNo("5.1."), "\(path)") }
        let submission = try await house.talk(.submissions) { $0.relay = relay }
        #expect(await submission.send("MAIL FROM:<alice@example.test>\r\n").hasPrefix("530 5.7.0"))
        for (address, isIn) in [("192.0.2.7", true), ("::ffff:192.0.2.7", true), ("192.0.2.8", false), ("fe80::1%eth0", false), ("", false)] {
            let client = Intake.Client(address: address, isSecured: false)
            let victim = try #require(Address("victim@remote.example"))
            #expect(relay.admits(victim, from: client, isSubmission: false) == isIn, "\(address)")
            #expect(!relay.admits(victim, from: client, isSubmission: true))
        }
    }

    @Test("what a user sends abroad is queued in their name, and the same text is in the mailbox of who is here")
    func queued() async throws {
        let house = try await House()
        let talk = try await house.alicesTalk { $0.relay = RelayRules() }
        _ = await talk.send("MAIL FROM:<alice@example.test>\r\nRCPT TO:<victim@remote.example>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n")
        #expect(await talk.send("Bcc: <x@y>\r\nDate: d\r\nFrom: <alice@example.test>\r\nMessage-ID: <1@a>\r\n\r\nbody\r\n.\r\n").hasPrefix("250 2.0.0"))
        let queued = try #require(try await house.queue().first)
        #expect(queued.entry.draft.sender == house.alice.id && queued.entry.draft.recipients.map(\.path.written) == ["<victim@remote.example>"])
        #expect(queued.entry.draft.notBefore == nil && queued.entry.draft.deliverBy == nil && queued.entry.draft.priority == 0)
        let text = "Date: d\r\nFrom: <alice@example.test>\r\nMessage-ID: <1@a>\r\n\r\nbody\r\n"
        #expect(House.withoutTrace(queued.text) == text && !queued.text.contains("Return-Path"))
        #expect(try await house.texts(of: house.bob) == [text])
    }

    @Test("without a login a submission port takes nothing: RFC 6409 §4.3", arguments: [SMTPRole.submission, .submissions])
    func noLogin(_ role: SMTPRole) async throws {
        let house = try await House()
        let talk = try await house.talk(role) { $0.errorLimit = .max }
        for command in ["MAIL FROM:<alice@example.test>", "RCPT TO:<alice@example.test>", "DATA", "MAIL FROM:<>"] {
            #expect(await talk.send(command + "\r\n").hasPrefix("530 5.7.0"))
        }
        #expect(await talk.send("BDAT 5 LAST\r\nhelloNOOP\r\n").split(separator: "\r\n").map { $0.prefix(9) } == ["530 5.7.0", "250 2.0.0"])
    }

    @Test(
        "a user sends in their own name: RFC 6409 §6.1",
        arguments: [
            ("<alice@example.test>", "250 2.1.0"), ("<ALICE@Example.Test>", "250 2.1.0"), ("<>", "250 2.1.0"), ("<postmaster@example.test>", "250 2.1.0"),
            ("<bob@example.test>", "553 5.7.1"), ("<ceo@remote.example>", "553 5.7.1"), ("<alice%remote@example.test>", "553 5.7.1"),
            ("<\"alice@example.test\"@remote.example>", "553 5.7.1"), ("<alice@[127.0.0.1]>", "553 5.7.1"),
            ("<alice@example.test@remote.example>", "501 5.1.7"), ("<@example.test:alice@remote.example>", "553 5.7.1"),
        ])
    func ownName(_ path: String, _ reply: String) async throws {
        let house = try await House()
        let talk = try await house.alicesTalk()
        #expect(await talk.send("MAIL FROM:\(path)\r\n").hasPrefix(reply))
    }

    @Test("the bare postmaster is the first account made, in every domain of ours: RFC 5321 §4.5.1")
    func postmaster() async throws {
        let house = try await House()
        for (path, parameter) in [("postmaster", ""), ("POSTMASTER@example.test", ""), ("postmaster@bücher.example", " SMTPUTF8")] {
            let talk = try await house.talk()
            _ = await talk.send("MAIL FROM:<>\(parameter)\r\nRCPT TO:<\(path)>\r\nDATA\r\n")
            #expect(await talk.send("Subject: help\r\n\r\n.\r\n").hasPrefix("250 2.0.0"))
        }
        #expect(try await house.mail(of: house.alice).count == 3)
        #expect(try await house.mail(of: house.bob).isEmpty)
    }

    @Test("an address that is not ASCII needs SMTPUTF8: RFC 6531 §3.5")
    func nonASCII() async throws {
        let house = try await House()
        let talk = try await house.talk()
        #expect(await talk.send("MAIL FROM:<jürgen@bücher.example>\r\n").hasPrefix("553 5.6.7"))
        #expect(await talk.send("MAIL FROM:<a@b.example>\r\n").hasPrefix("250"))
        #expect(await talk.send("RCPT TO:<postmaster@bücher.example>\r\n").hasPrefix("553 5.6.7"))
        #expect(
            await talk.send("RSET\r\nMAIL FROM:<jürgen@remote.example> SMTPUTF8\r\nRCPT TO:<postmaster@BÜCHER.example>\r\n").hasSuffix(
                "250 2.1.5 Recipient OK\r\n"))
    }
}

extension String {
    /// A reply 5xx of that class of status.
    fileprivate func isNo(_ status: String) -> Bool { hasPrefix("5") && dropFirst(4).hasPrefix(status) }
}
