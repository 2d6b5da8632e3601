import MailModel
import PostOffice
import Storage
import Testing

@Suite("The outbox: what it delivers to mailboxes of this house")
struct OutboxPlacingTests {
    @Test("a message that cannot be read is tried again like one that cannot be sent, in whose way nobody stands")
    func unreadable() async throws {
        let house = try await OutboxHouse()
        house.store.fail([.read], with: .corrupt("x"))
        let id = try await house.queue(["alice@example.test"], from: "<ann@remote.example>")
        await house.outbox.queued([id])
        await house.outbox.whenQuiet()
        let entry = try #require(try await house.entries.first)
        #expect(entry.progress[0].phase == .waiting && entry.progress[0].attempts == 1 && entry.progress[0].due > house.clock.now)
        house.store.fail([.read], with: nil)
        await house.pass(3_600)
        #expect(try await house.entries.isEmpty)
        #expect(try await house.mail().count == 1)
    }

    @Test("what a sender asked of reports goes on with what waited and is sent on: RFC 3461 §4.1, §5.2.7")
    func wishes() async throws {
        let house = try await OutboxHouse()
        try await house.directory.add(alias: "info@example.test", targets: ["ben@remote.example"])
        try house.domain("remote.example", at: "8.8.8.9")
        let deadline = QueueDraft.Deadline(time: Timestamp(rawValue: house.clock.now.rawValue + 86_400), isReturned: true)
        let path = ForwardPath.mailbox(try #require(Address("info@example.test")))
        let id = try await house.queue(["info@example.test"]) { draft in
            draft.recipients = [QueuedRecipient(path, notify: .never)]
            draft.deliverBy = deadline
        }
        house.carrier.set(answering: { ScriptedCarrier.refused($0, 451) })
        await house.outbox.queued([id])
        await house.outbox.whenQuiet()
        let entry = try #require(try await house.entries.first)
        let ben = try #require(Address("ben@remote.example"))
        #expect(entry.draft.recipients[0].path == .mailbox(ben))
        #expect(entry.draft.recipients[0].notify == .never && entry.draft.recipients[0].original == "rfc822;info@example.test")
        #expect(entry.draft.deliverBy == deadline)
    }
}
