import MailModel
import MemoryStore
import NIOCore
import PostOffice
import Rehearsal
import Storage
import Testing

@testable import SMTP

@Suite struct DataTests {
    private static let text = "From: a@remote.example\r\nSubject: x\r\n\r\nHello.\r\n"

    @Test("what is kept is Return-Path, Received and what came, octet for octet: RFC 5321 §4.4")
    func whole() async throws {
        let house = try await House()
        let talk = try await house.talk(tls: true)
        await house.data(talk)
        #expect(await talk.send(Self.text + ".\r\n") == "250 2.0.0 Accepted as id-1\r\n")
        #expect(
            try await house.mail(of: house.alice) == [
                """
                Return-Path: <sender@remote.example>\r
                Received: from client.example ([192.0.2.7])\r
                \tby mx.example.test (Martlet) with ESMTPS (TLSv1.3)\r
                \tid id-1\r
                \tfor <alice@example.test>;\r
                \tSun, 22 Nov 2026 00:35:00 +0000\r
                From: a@remote.example\r
                Subject: x\r
                \r
                Hello.\r\n
                """
            ])
    }

    @Test(
        "every octet but bare CR, bare LF and NUL is kept as it came, in pieces of any size, by DATA and by BDAT",
        arguments: [64 << 10, 16, 1_000])
    func octets(_ pieceSize: Int) async throws {
        let house = try await House()
        let talk = try await house.talk { $0.pieceSize = pieceSize }
        var body = Array("Subject: x\r\n\r\n".utf8)
        for number in 0..<20_000 {
            body.append(UInt8(truncatingIfNeeded: number &* 7 / 3))
            if let last = body.last, [0, 10, 13].contains(last) { body.removeLast() }
            if number % 97 == 0 { body += [13, 10, 46] }
            if number % 131 == 0 { body += [13, 10] }
        }
        body += [13, 10]
        var stuffed: [UInt8] = []
        for octet in body {
            if octet == 46, stuffed.isEmpty || stuffed.suffix(2) == [13, 10] { stuffed.append(46) }
            stuffed.append(octet)
        }
        await house.data(talk)
        for start in stride(from: 0, to: stuffed.count, by: 1_237) { _ = await talk.send(Array(stuffed[start..<min(start + 1_237, stuffed.count)])) }
        #expect(await talk.send(".\r\n").hasPrefix("250 2.0.0"))
        _ = await talk.send("MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\n")
        for start in stride(from: 0, to: body.count, by: 311) {
            let chunk = Array(body[start..<min(start + 311, body.count)])
            #expect(
                String(decoding: await talk.send(Array("BDAT \(chunk.count)\r\n".utf8) + chunk), as: UTF8.self)
                    == "250 2.0.0 \(chunk.count) octets received\r\n")
        }
        #expect(await talk.send("BDAT 0 LAST\r\n").hasPrefix("250 2.0.0 Accepted"))
        let kept = try await house.inbox(of: house.alice)
        #expect(kept.count == 2 && kept.allSatisfy { Array($0.suffix(body.count)) == body })
        #expect(talk.deepest == 1)
    }

    @Test("an account gets one copy, however often it is named; only one recipient is told of")
    func repeated() async throws {
        let house = try await House()
        let talk = try await house.talk()
        await house.data(talk, to: ["alice@example.test", "ALICE@example.test", "bob@example.test", "postmaster@example.test", "alice@example.test"])
        #expect(await talk.send(Self.text + ".\r\n").hasPrefix("250"))
        for account in [house.alice, house.bob] {
            let mail = try await house.mail(of: account)
            #expect(mail.count == 1 && !mail[0].contains("\tfor "))
        }
    }

    @Test(
        "250 after DATA means that the store has it: any fault is 4xx, and nothing is left",
        arguments: [
            (MemoryStore.Operation.receive, StorageFault.full, "452 4.3.1"), (.write, .full, "452 4.3.1"), (.finish, .full, "452 4.3.1"),
            (.place, .full, "452 4.3.1"),
            (.receive, .unavailable("disk"), "451 4.3.0"), (.write, .unavailable("disk"), "451 4.3.0"), (.finish, .closed, "451 4.3.0"),
            (.place, .noSuchMailbox, "451 4.3.0"), (.place, .corrupt("a flipped bit"), "451 4.3.0"), (.place, .overQuota, "452 4.2.2"),
        ])
    func faults(_ operation: MemoryStore.Operation, _ fault: StorageFault, _ reply: String) async throws {
        let house = try await House()
        for pieceSize in [64 << 10, 32] {
            let talk = try await house.talk { $0.pieceSize = pieceSize }
            await house.data(talk)
            try #require(house.memory).fail([operation], with: fault)
            var replies = ""
            for line in [Self.text, String(repeating: "line\r\n", count: 40), String(repeating: "line\r\n", count: 40), ".\r\n"] {
                replies += await talk.send(line)
            }
            #expect(replies.hasPrefix(reply) && replies.split(separator: "\r\n").count == 1)
            _ = await talk.send("MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\n")
            replies = await talk.send("BDAT 40\r\n" + String(repeating: "x", count: 40))
            replies += await talk.send("BDAT 40 LAST\r\n" + String(repeating: "x", count: 40))
            // The fault shows in the first chunk or in the last: then what follows is out of sequence.
            #expect(replies.contains(reply) && replies.split(separator: "\r\n").count == 2)
            try #require(house.memory).fail([operation], with: nil)
            #expect(try await house.mail(of: house.alice).isEmpty)
            await house.data(talk)
            #expect(await talk.send(".\r\n").hasPrefix("250 2.0.0"))
            let inbox = try #require(try await house.store.mailbox(named: .inbox, of: house.alice.id))
            try await house.store.delete(messagesIn: inbox.id)
        }
    }

    @Test("an account that cannot be looked up is put off, not refused")
    func lookup() async throws {
        let house = try await House()
        let talk = try await house.talk()
        _ = await talk.send("MAIL FROM:<>\r\n")
        try #require(house.memory).fail([.accounts, .look], with: .unavailable("disk"))
        #expect(await talk.send("RCPT TO:<alice@example.test>\r\n").hasPrefix("451 4.3.0"))
        try #require(house.memory).fail([.accounts, .look], with: nil)
        #expect(await talk.send("RCPT TO:<alice@example.test>\r\n").hasPrefix("250 2.1.5"))
    }

    @Test("a client who leaves in the middle leaves nothing behind")
    func hangUp() async throws {
        let house = try await House()
        let talk = try await house.talk { $0.pieceSize = 32 }
        await house.data(talk)
        _ = await talk.send(Self.text + String(repeating: "line\r\n", count: 40))
        await talk.hangUp()
        #expect(try await house.mail(of: house.alice).isEmpty)
    }

    @Test("a message that was through 100 servers is in a loop: RFC 5321 §6.3", arguments: [(99, "250 2.0.0"), (100, "554 5.4.6")])
    func loop(_ hops: Int, _ reply: String) async throws {
        let house = try await House()
        let received = String(repeating: "Received: from a by b;\r\n Sun, 22 Nov 2026 00:35:00 +0000\r\n", count: hops)
        for pieceSize in [64 << 10, 100] {
            let talk = try await house.talk { $0.pieceSize = pieceSize }
            await house.data(talk)
            var replies = ""
            for start in stride(from: 0, to: received.utf8.count, by: 50) {
                replies += String(decoding: await talk.send(Array(received.utf8.dropFirst(start).prefix(50))), as: UTF8.self)
            }
            replies += await talk.send("Subject: x\r\n\r\nReceived: in the body\r\n.\r\n")
            #expect(replies.hasPrefix(reply))
        }
    }

    @Test("a submission gets the Date, From and Message-ID it lacks, and those of a message are left alone: RFC 6409 §8, RFC 5322 §3.6")
    func completed() async throws {
        let house = try await House()
        let cases: [(String, Bool, Bool)] = [
            ("Subject: x\r\n\r\nDate: in the body\r\n", true, true), ("DATE : Sun, 22 Nov 2026 00:00:00 +0000\r\nmessage-id: <a@b>\r\n\r\nx\r\n", false, false),
            ("Date: Sun, 22 Nov 2026 00:00:00 +0000\r\n\r\nx\r\n", false, true), ("Message-ID:\r\n <a@b>\r\n\r\nx\r\n", true, false),
            ("X-Date: 1\r\nDates: 2\r\nMessage-IDs: 3\r\n\r\n", true, true), ("Subject: no end\r\nDate: x\r\n", false, true), ("", true, true),
        ]
        for pieceSize in [64 << 10, 8] {
            for (text, addsDate, addsID) in cases {
                let talk = try await house.alicesTalk { $0.pieceSize = pieceSize }
                _ = await talk.send("MAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n")
                for octet in text.utf8 { _ = await talk.send([octet]) }
                #expect(await talk.send(".\r\n").hasPrefix("250 2.0.0"))
                let mail = try #require(try await house.texts(of: house.bob).last)
                let added =
                    (addsDate ? "Date: Sun, 22 Nov 2026 00:35:00 +0000\r\n" : "") + "From: alice@example.test\r\n"
                    + (addsID ? "Message-ID: <id-1@mx.example.test>\r\n" : "")
                // The trace line's date ends what `texts` cuts off, and so does the date that was added.
                #expect(try await house.mail(of: house.bob).last?.hasSuffix("+0000\r\n\(added)\(text)") == true, "\(mail)")
                #expect(try await house.mail(of: house.bob).last?.contains("with ESMTPSA (TLSv1.3)") == true)
            }
        }
    }

    @Test("mail from elsewhere is not completed")
    func notCompleted() async throws {
        let house = try await House()
        let talk = try await house.talk()
        await house.data(talk)
        #expect(await talk.send("Subject: x\r\n\r\n.\r\n").hasPrefix("250"))
        #expect(try await house.texts(of: house.alice) == ["Subject: x\r\n\r\n"])
    }

    @Test("a header beyond what is held goes on as it came", arguments: [SMTPRole.mx, .submissions])
    func hugeHeader(_ role: SMTPRole) async throws {
        let house = try await House()
        let header = String(repeating: "X-Long: \(String(repeating: "y", count: 990))\r\n", count: 400)
        let talk = role == .mx ? try await house.talk() : try await house.alicesTalk()
        _ = await talk.send("MAIL FROM:<alice@example.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n")
        for start in stride(from: 0, to: header.utf8.count, by: 50_000) { _ = await talk.send(Array(header.utf8.dropFirst(start).prefix(50_000))) }
        #expect(await talk.send("Date: x\r\n\r\nend\r\n.\r\n").hasPrefix("250"))
        #expect(try await house.texts(of: house.alice) == [header + "Date: x\r\n\r\nend\r\n"])
    }

    @Test("a check may refuse a message once its header is there")
    func checks() async throws {
        var check = Intake.Check(name: "date")
        check.header = { _, survey in survey.hasDate ? .pass : .refuse(.unavailable) }
        let house = try await House(checks: [.hops, check])
        let talk = try await house.talk()
        await house.data(talk)
        #expect(await talk.send("Subject: x\r\n\r\n.\r\n").hasPrefix("451 4.3.0"))
        await house.data(talk)
        #expect(await talk.send("Date: x\r\n\r\n.\r\n").hasPrefix("250"))
        #expect(try await house.mail(of: house.alice).count == 1)
    }

    @Test("a whole transaction in two segments, and the next behind it: RFC 2920 §3.1")
    func pipelined() async throws {
        let house = try await House()
        let talk = try await house.talk()
        let envelope = "MAIL FROM:<a@remote.example>\r\nRCPT TO:<alice@example.test>\r\nRCPT TO:<nobody@example.test>\r\nDATA\r\n"
        #expect(await talk.send(envelope).split(separator: "\r\n").map { $0.prefix(3) } == ["250", "250", "550", "354"])
        #expect(await talk.send(Self.text + ".\r\n" + envelope).split(separator: "\r\n").map { $0.prefix(3) } == ["250", "250", "250", "550", "354"])
        #expect(await talk.send(".\r\nRSET\r\nQUIT\r\n").split(separator: "\r\n").map { $0.prefix(3) } == ["250", "250", "221"])
        #expect(try await house.mail(of: house.alice).count == 2)
    }

    @Test("BDAT transactions in one segment: RFC 3030 §4.2")
    func pipelinedChunks() async throws {
        let house = try await House()
        let talk = try await house.talk()
        let one = "MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nBDAT 4\r\nab\r\nBDAT 3 LAST\r\ncd\rBDAT 2 LAST\r\nxx"
        let two = "MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nBDAT 4\r\nab\r\nBDAT 4 LAST\r\n.\r\n."
        let codes = await talk.send(one + two + "NOOP\r\n").split(separator: "\r\n").map { String($0.prefix(9)) }
        #expect(codes == ["250 2.1.0", "250 2.1.5", "250 2.0.0", "550 5.5.2", "503 5.5.1", "250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.0.0", "250 2.0.0"])
        #expect(try await house.texts(of: house.alice) == ["\r\nab\r\n.\r\n."])
    }

    @Test("a sender's or recipient's address cannot add a header line")
    func injection() async throws {
        let house = try await House()
        let talk = try await house.talk()
        for path in ["<\"a\r\nX-Evil: 1\"@b.example>", "<\"a\\\rb\"@b.example>", "<a@b.example>\rX"] {
            let evil = try await house.talk()
            _ = await evil.send("MAIL FROM:\(path)\r\n")
            // What looks like a header field among commands is the end of the connection.
            if evil.isClosed { continue }
            #expect(await evil.send("RCPT TO:<alice@example.test>\r\n").hasPrefix("503"), "\(path)")
        }
        _ = await talk.send("EHLO a(b)\r\nMAIL FROM:<\"a b\\\"c;\"@b.example>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n")
        #expect(await talk.send("x\r\n.\r\n").hasPrefix("250"))
        #expect(try await house.mail(of: house.alice).first?.hasPrefix("Return-Path: <\"a b\\\"c;\"@b.example>\r\nReceived: from [192.0.2.7] (") == true)
    }
}

extension MailboxStore {
    fileprivate func delete(messagesIn mailbox: MailboxID) async throws {
        let uids = try await open(mailbox).snapshot.uids
        _ = try await change(flags: .add(Flags(system: .deleted)), of: uids, in: mailbox, unchangedSince: nil)
        _ = try await expunge(nil, in: mailbox)
    }
}
