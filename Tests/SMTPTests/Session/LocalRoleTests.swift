import Conversation
import MailModel
import PostOffice
import Rehearsal
import SMTP
import Testing

@Suite("The socket for programs of this machine")
struct LocalRoleTests {
    private func talk(_ house: House) async throws -> Rehearsal<SMTPWorker> {
        let facts = ConnectionFacts(
            id: 1, peerAddress: "127.0.0.1", peerPort: 0, localAddress: "127.0.0.1", localPort: 0, isLoopback: true, localUser: 33)
        let worker = try house.worker(.local) {
            $0.localDomain = House.domain
            $0.offersStartTLS = false
            $0.queue = QueueOffer()
        }
        return await Rehearsal(worker, facts: facts)
    }

    @Test("nobody logs in there, and mail goes to everybody, from everybody")
    func open() async throws {
        let house = try await House()
        let talk = try await talk(house)
        let offer = await talk.send("EHLO localhost\r\n")
        #expect(offer.contains("XDOMAIN example.test\r\n") && !offer.contains("AUTH") && !offer.contains("STARTTLS"))
        #expect(await talk.send("AUTH PLAIN AGFsaWNlAG9wZW4gc2VzYW1l\r\n").hasPrefix("502 5.5.1"))
        #expect(await talk.send("MAIL FROM:<www-data@example.test>\r\n").hasPrefix("250"))
        #expect(await talk.send("RCPT TO:<dora@remote.example>\r\n").hasPrefix("250"))
        #expect(await talk.send("RCPT TO:<alice@example.test>\r\n").hasPrefix("250"))
        #expect(await talk.send("RCPT TO:<nobody@example.test>\r\n").hasPrefix("550 5.1.1"))
        #expect(await talk.send("DATA\r\n").hasPrefix("354"))
        #expect(await talk.send("From: shop@example.test\r\n\r\nx\r\n.\r\n").hasPrefix("250 2.0.0"))
        let text = try #require(try await house.mail(of: house.alice).first)
        #expect(text.contains("Received: from localhost ([127.0.0.1]) (userid 33)\r\n\tby mx.example.test (Martlet) with ESMTP\r\n"))
        #expect(text.contains("Message-ID: <") && text.contains("Date: ") && text.contains("From: shop@example.test\r\n"))
        let queue = try await house.queue()
        #expect(queue.count == 1 && queue.first?.entry.draft.sender == nil)
    }

    @Test("root is the postmaster where nobody is called so; elsewhere nobody is")
    func root() async throws {
        let house = try await House()
        let talk = try await talk(house)
        _ = await talk.send("EHLO localhost\r\n")
        await house.data(talk, to: ["root@example.test"])
        #expect(await talk.send("\r\nx\r\n.\r\n").hasPrefix("250 2.0.0"))
        #expect(try await house.mail(of: house.alice).count == 1)
        let world = try await house.talk()
        _ = await world.send("MAIL FROM:<>\r\n")
        #expect(await world.send("RCPT TO:<root@example.test>\r\n").hasPrefix("550 5.1.1"))
    }

    @Test("other doors do not tell the domain")
    func others() async throws {
        let house = try await House()
        for role in [SMTPRole.mx, .submission, .submissions] {
            let talk = try await house.talk(role) { $0.localDomain = House.domain }
            #expect(await !talk.send("EHLO x.example\r\n").contains("XDOMAIN"))
        }
    }
}
