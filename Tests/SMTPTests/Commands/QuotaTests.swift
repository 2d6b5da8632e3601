import PostOffice
import SMTP
import Storage
import Testing

@Suite("Delivery to a full account")
struct QuotaTests {
    @Test("an account at its limit gets no recipient: 452 4.2.2 (RFC 3463 §3.3), others do")
    func recipient() async throws {
        let house = try await House()
        try await house.store.set(limits: Quota([.message: 1]), of: house.alice.id)
        let talk = try await house.talk()
        await house.data(talk)
        #expect(await talk.send("Subject: one\r\n\r\n.\r\n").hasPrefix("250 "))
        #expect(await talk.send("MAIL FROM:<sender@remote.example>\r\n").hasPrefix("250 "))
        #expect(await talk.send("RCPT TO:<alice@example.test>\r\n") == "452 4.2.2 Mailbox full; try later\r\n")
        #expect(await talk.send("RCPT TO:<bob@example.test>\r\n").hasPrefix("250 "))
        _ = await talk.send("DATA\r\n")
        #expect(await talk.send("Subject: two\r\n\r\n.\r\n").hasPrefix("250 "))
        #expect(try await house.inbox(of: house.alice).count == 1)
        #expect(try await house.inbox(of: house.bob).count == 1)
    }

    @Test("an account under its limit gets the message that fills it")
    func last() async throws {
        let house = try await House()
        try await house.store.set(limits: Quota([.storage: 200]), of: house.alice.id)
        let talk = try await house.talk()
        await house.data(talk)
        #expect(await talk.send(String(repeating: "x", count: 900) + "\r\n.\r\n").hasPrefix("250 "))
        _ = await talk.send("MAIL FROM:<sender@remote.example>\r\n")
        #expect(await talk.send("RCPT TO:<alice@example.test>\r\n").hasPrefix("452 4.2.2"))
    }

    @Test("an account that became full since RCPT takes nothing, nobody gets half of it, and the sender keeps the mail")
    func meanwhile() async throws {
        let house = try await House()
        try await house.store.set(limits: Quota([.message: 1]), of: house.alice.id)
        let (first, second) = (try await house.talk(), try await house.talk())
        await house.data(first)
        await house.data(second, to: ["bob@example.test", "alice@example.test"])
        #expect(await first.send("Subject: one\r\n\r\n.\r\n").hasPrefix("250 "))
        #expect(await second.send("Subject: two\r\n\r\n.\r\n") == "452 4.2.2 Mailbox full; try later\r\n")
        #expect(try await house.inbox(of: house.alice).count == 1)
        #expect(try await house.inbox(of: house.bob).isEmpty)
        // What made room lets the next one in.
        try await house.store.set(limits: Quota(), of: house.alice.id)
        await house.data(second, to: ["bob@example.test", "alice@example.test"])
        #expect(await second.send("Subject: two\r\n\r\n.\r\n").hasPrefix("250 "))
    }
}
