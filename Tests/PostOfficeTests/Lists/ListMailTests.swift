import MailModel
import Storage
import Testing

@testable import PostOffice

@Suite("Lists are led by mail: moderation, joining, leaving")
struct ListMailTests {
    private static let owner = "alice@example.test"

    @Test("a post that waits is shown to the owners; an answer of one lets it go, once, and nobody else's does")
    func accept() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"])
        try await lists.post("Buy =?utf-8?q?m=C3=BCtzen?=", from: "emil@d2.example", fields: "X-Long: \(String(repeating: "x", count: 900))\r\n")
        #expect(lists.sent().isEmpty)
        let letter = try #require(try await lists.house.mail().first)
        #expect(letter.contains("From: emil@d2.example") && letter.contains("Subject: Buy mützen") && letter.contains("Envelope sender: <emil@d2.example>"))
        #expect(letter.contains("Auto-Submitted: auto-generated\r\n") && letter.contains("| Subject: Buy =?utf-8?q?m=C3=BCtzen?=") && letter.contains("Hello"))
        let accept = try #require(letter.word(beginning: "dev-accept+"))
        #expect(letter.contains("Reply-To: <\(accept)>\r\n"))
        #expect(try #require(Address(accept)).localPart.utf8.count <= 64)
        // Not from an owner; a program's; with a word that was changed.
        try await lists.bring("From: emil@d2.example\r\n\r\n", from: "emil@d2.example", to: [accept])
        try await lists.bring("From: \(Self.owner)\r\nAuto-Submitted: auto-replied\r\n\r\n", from: Self.owner, to: [accept])
        try await lists.bring("From: \(Self.owner)\r\n\r\n", from: "<>", to: [accept])
        await #expect(throws: Refusal.unknownUser) {
            try await lists.bring("From: \(Self.owner)\r\n\r\n", from: Self.owner, to: [accept.replacing("accept+", with: "reject+")])
        }
        await #expect(throws: Refusal.unknownUser) {
            try await lists.bring("From: \(Self.owner)\r\n\r\n", from: Self.owner, to: ["dev-accept+aaaa@example.test"])
        }
        #expect(lists.sent().isEmpty)
        #expect(try await lists.house.entries.map(\.hold) == [.moderation])
        try await lists.bring("From: \(Self.owner)\r\nSubject: Re: x\r\n\r\n", from: Self.owner, to: [accept.uppercased()])
        #expect(lists.sent().map(\.recipients) == [["dora@d1.example"]])
        #expect(try await lists.house.entries.isEmpty)
        try await lists.bring("From: \(Self.owner)\r\n\r\n", from: Self.owner, to: [accept])
        #expect(lists.sent().count == 1)
        #expect(try await lists.house.mail().last?.contains("waits no longer") == true)
    }

    @Test("an owner's answer that is read again behind a crash lets the post go, and says nothing of being late")
    func acceptAgain() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"])
        try await lists.post(from: "emil@d2.example")
        let held = try #require(try await lists.house.entries.first)
        // So far it came before: the post is let go, and the answer has not ended.
        _ = try await lists.house.store.update(QueueUpdate(held.id, hold: .release))
        let accept = try #require(try await lists.house.mail().first?.word(beginning: "dev-accept+"))
        try await lists.bring("From: \(Self.owner)\r\n\r\n", from: Self.owner, to: [accept])
        #expect(lists.sent().map(\.recipients) == [["dora@d1.example"]])
        #expect(try await lists.house.mail().count == 1)
        #expect(try await lists.house.entries.isEmpty)
        #expect(try await lists.house.lists.register.held(before: .init(rawValue: .max)).isEmpty)
    }

    @Test("a post that an owner rejects is gone, and its author hears nothing")
    func reject() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"])
        try await lists.post(from: "emil@d2.example")
        let reject = try #require(try await lists.house.mail().first?.word(beginning: "dev-reject+"))
        try await lists.bring("From: \(Self.owner)\r\n\r\n", from: Self.owner, to: [reject])
        #expect(try await lists.house.entries.isEmpty)
        #expect(lists.sent().isEmpty)
        #expect(try await lists.house.mail().count == 1)
        #expect(lists.house.events.all.contains { $0.kind == .held })
    }

    @Test("an administrator's release is as good as an owner's answer; a list that was full of waiting posts takes new ones later")
    func release() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"])
        for _ in 0..<100 { try await lists.post(from: "emil@d2.example") }
        await #expect(throws: Refusal.self) { try await lists.post(from: "emil@d2.example") }
        let entry = try #require(try await lists.house.entries.first)
        _ = try await lists.house.store.update(QueueUpdate(entry.id, hold: .release))
        await lists.house.outbox.changed([entry.id])
        await lists.house.outbox.whenQuiet()
        #expect(lists.sent().count == 1)
        try await lists.post(from: "emil@d2.example")
        #expect(try await lists.house.entries.count == 100)
    }

    @Test("a post that went to others too waits though many wait, up to twice as many, and is never dropped; a hundred letters an hour tell of them")
    func crowd() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"]) { $0.owners = ["otto@d4.example"] }
        let text = "From: emil@d2.example\r\nSubject: both\r\n\r\nHello\r\n"
        for _ in 0..<100 { try await lists.post(from: "emil@d2.example") }
        await #expect(throws: ListRefusal.crowded.refusal) { try await lists.post(from: "emil@d2.example") }
        for _ in 0..<100 { try await lists.bring(text, from: "emil@d2.example", to: ["dev@example.test", "alice@example.test"]) }
        #expect(try await lists.house.entries.count { $0.hold == .moderation } == 200)
        #expect(try await lists.house.mail().count == 100)
        #expect(lists.house.carrier.recipients.count == 100)
        await #expect(throws: ListRefusal.crowded.refusal) {
            try await lists.bring(text, from: "emil@d2.example", to: ["dev@example.test", "alice@example.test"])
        }
        #expect(try await lists.house.mail().count == 100)
    }

    @Test("what no owner decides on in seven days is discarded, and the owners are told")
    func silence() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"])
        try await lists.post("late", from: "emil@d2.example")
        let accept = try #require(try await lists.house.mail().first?.word(beginning: "dev-accept+"))
        await lists.house.pass(7 * 86_400 - 1)
        #expect(try await lists.house.lists.tidy().isEmpty)
        #expect(try await lists.house.entries.count == 1)
        await lists.house.pass(2)
        _ = try await lists.house.lists.tidy()
        #expect(try await lists.house.entries.isEmpty)
        let mail = try await lists.house.mail()
        #expect(mail.count == 2 && mail[1].contains("was discarded: late"))
        try await lists.bring("From: \(Self.owner)\r\n\r\n", from: Self.owner, to: [accept])
        #expect(lists.sent().isEmpty)
        // Of a list that is gone too, and then nobody is told.
        try await lists.post("later", from: "emil@d2.example")
        try await lists.house.directory.remove(list: "dev")
        let count = try await lists.house.mail().count
        await lists.house.pass(7 * 86_400 + 1)
        #expect(try await lists.house.lists.tidy().isEmpty)
        #expect(try await lists.house.entries.isEmpty)
        #expect(try await lists.house.mail().count == count)
    }

    @Test("joining is confirmed by an answer to a letter: one letter an hour to an address, whoever asks")
    func join() async throws {
        let lists = try await ListHouse()
        for _ in 0..<3 { try await lists.post("Subscribe", from: "emil@d2.example", to: "dev-request@example.test") }
        #expect(lists.sent().map(\.recipients) == [["emil@d2.example"]])
        let letter = lists.sent()[0]
        #expect(letter.reversePath == .null && letter.text.contains("Auto-Submitted: auto-replied\r\n"))
        #expect(try await lists.members().isEmpty)
        let confirm = try #require(letter.text.word(beginning: "dev-confirm+"))
        try await lists.bring("From: emil@d2.example\r\nAuto-Submitted: auto-replied\r\n\r\n", from: "emil@d2.example", to: [confirm])
        #expect(try await lists.members().isEmpty)
        try await lists.bring("From: emil@other.example\r\nSubject: Re: yes\r\n\r\n", from: "emil@other.example", to: [confirm])
        #expect(try await lists.members().map(\.address.written) == ["emil@d2.example"])
        #expect(lists.sent().count == 2 && lists.sent()[1].text.contains("You are on dev@example.test now"))
        // What was answered is answered.
        try await lists.bring("From: emil@d2.example\r\n\r\n", from: "emil@d2.example", to: [confirm])
        #expect(lists.sent().count == 2)
        // A wish waits for three days.
        await lists.house.pass(3_601)
        try await lists.post("subscribe", from: "fritz@d3.example", to: "dev-request@example.test")
        let late = try #require(lists.sent().last?.text.word(beginning: "dev-confirm+"))
        await lists.house.pass(3 * 86_400)
        try await lists.bring("From: fritz@d3.example\r\n\r\n", from: "fritz@d3.example", to: [late])
        #expect(try await lists.members().count == 1)
    }

    @Test("a second wish takes the place of the first; wishes that were answered, or of another list, take no room from others")
    func wishes() async throws {
        let lists = try await ListHouse()
        let register = lists.house.lists.register
        let emil = try #require(Address("emil@d2.example"))
        let first = try #require(try await register.ask(.join, emil, of: lists.list))
        await lists.house.pass(1)
        let second = try #require(try await register.ask(.join, emil, of: lists.list))
        #expect(try await register.wish(first, of: lists.list) == nil)
        for number in 1..<ListRegister.mostWishes {
            let address = try #require(Address("u\(number)@d3.example"))
            _ = try #require(try await register.ask(.join, address, of: lists.list))
        }
        let fritz = try #require(Address("fritz@d3.example"))
        #expect(try await register.ask(.join, fritz, of: lists.list) == nil)
        await lists.house.pass(1)
        let third = try #require(try await register.ask(.join, emil, of: lists.list))
        #expect(third != second)
        var draft = ListChange()
        draft.owners = [Self.owner]
        let other = try await lists.house.directory.add(list: "ops", draft, at: lists.house.clock.now)
        #expect(try await register.ask(.join, fritz, of: other) != nil)
        try await register.answered(third)
        #expect(try await register.ask(.join, fritz, of: lists.list) != nil)
    }

    @Test("a request that the store could not keep is answered when it can")
    func requestAgain() async throws {
        let lists = try await ListHouse()
        lists.house.store.fail([.pairs], with: .unavailable("the disk"))
        try await lists.post("subscribe", from: "emil@d2.example", to: "dev-request@example.test")
        #expect(lists.sent().isEmpty)
        lists.house.store.fail([.pairs], with: nil)
        await lists.house.pass(2_400)
        #expect(lists.sent().map(\.recipients) == [["emil@d2.example"]])
    }

    @Test("a list that is closed tells its owners who asks; programs and nobody are not answered; who asks for help gets it, a hundred an hour")
    func requests() async throws {
        let lists = try await ListHouse { $0.joining = .closed }
        try await lists.post("subscribe", from: "emil@d2.example", to: "dev-request@example.test")
        #expect(lists.sent().isEmpty)
        #expect(try await lists.house.mail().first?.contains("emil@d2.example asks to join") == true)
        try await lists.post("help", from: "a@d2.example", fields: "Auto-Submitted: auto-replied\r\n", to: "dev-request@example.test")
        try await lists.post("help", from: "b@d2.example", fields: "List-Id: <a.b>\r\n", to: "dev-request@example.test")
        try await lists.bring("From: c@d2.example\r\nSubject: help\r\n\r\n", from: "<>", to: ["dev-request@example.test"])
        // Nor is what asks for nothing, or in another's name.
        try await lists.post("What is this?", from: "d@d2.example", to: "dev-request@example.test")
        try await lists.bring("From: e@d2.example\r\nSubject: help\r\n\r\n", from: "mallory@d5.example", to: ["dev-request@example.test"])
        #expect(lists.sent().isEmpty)
        for number in 0..<150 { try await lists.post("Help", from: "u\(number)@d3.example", to: "dev-request@example.test") }
        #expect(lists.sent().count == 99)
        #expect(lists.sent()[0].text.contains("To write to the members: dev@example.test"))
        // Leaving by a member's request is confirmed too.
        _ = try await lists.house.directory.add(members: ["dora@d1.example"], mayPost: true, to: "dev")
        await lists.house.pass(3_601)
        try await lists.post("Re: unsubscribe", from: "dora@d1.example", to: "dev-request@example.test")
        let confirm = try #require(lists.sent().last?.text.word(beginning: "dev-confirm+"))
        try await lists.bring("From: dora@d1.example\r\n\r\n", from: "dora@d1.example", to: [confirm])
        #expect(try await lists.members().isEmpty)
    }

    @Test("one mail to the address of List-Unsubscribe ends a membership, and again changes nothing: RFC 2369 §3.2")
    func leave() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example", "emil@d2.example"])
        try await lists.post(from: "dora@d1.example")
        let text = try #require(lists.sent().first { $0.recipients == ["emil@d2.example"] }).text
        let leave = try #require(text.word(beginning: "dev-leave+"))
        for _ in 0..<2 { try await lists.bring("From: x@d5.example\r\n\r\n", from: "x@d5.example", to: [leave]) }
        #expect(try await lists.members().map(\.address.written) == ["dora@d1.example"])
        #expect(lists.sent().count == 3 && lists.sent()[2].recipients == ["emil@d2.example"] && lists.sent()[2].text.contains("You have left"))
    }

    @Test("mail for the owners goes to them as it is, and not round")
    func owners() async throws {
        let lists = try await ListHouse { $0.owners = ["alice@example.test", "otto@d4.example"] }
        try await lists.post("To you", from: "emil@d2.example", to: "dev-owner@example.test")
        #expect(lists.sent().map(\.recipients) == [["otto@d4.example"]])
        let text = lists.sent()[0].text
        #expect(text.hasPrefix("Delivered-To: dev-owner@example.test\r\n") && text.hasSuffix("Subject: To you\r\n\r\nHello\r\n"))
        #expect(try await lists.house.mail().count == 1)
        await #expect(throws: Refusal.returned) { try await lists.bring(text, from: "emil@d2.example", to: ["dev-owner@example.test"]) }
        #expect(lists.sent().count == 1)
        // What comes back of it goes nowhere.
        let bounces = try #require(lists.sent()[0].reversePath.address).written
        try await lists.bring("Subject: failed\r\n\r\n", from: "<>", to: [bounces])
        #expect(try await lists.house.mail().count == 1)
        #expect(try await lists.house.entries.isEmpty)
    }
}
