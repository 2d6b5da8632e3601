import MailModel
import NIOCore
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
        "<victim@example.test>", "<victim@EXAMPLE.test.>", "<alice+tag%remote.example@example.test>", "<\"alice@example.test\"@example.test>",
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
            #expect(await reply(talk, to: path) == "550 5.7.1 Sending to other servers is not served yet\r\n", "\(path)")
        }
        for path in Self.unknown { #expect(await reply(talk, to: path).isNo("5.1."), "\(path)") }
        for path in Self.nonsense { #expect(await reply(talk, to: path).isNo("5."), "\(path)") }
        for path in Self.local { #expect(await reply(talk, to: path) == "250 2.1.5 Recipient OK\r\n", "\(path)") }
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
