import MailModel
import MessageFormat
import NIOCore
import Storage
import Testing

@testable import PostOffice

@Suite("A list's posts go to its members: RFC 5321 §3.9.2, RFC 2369, RFC 2919")
struct ListPostTests {
    @Test("each member gets it as it was, behind the list's fields, from an envelope of the list that names the member")
    func expansion() async throws {
        let lists = try await ListHouse(members: ["alice@example.test", "dora@d1.example", "emil@d2.example"])
        try await lists.post("About keys", from: "dora@d1.example", fields: "DKIM-Signature: v=1; h=from:subject\r\nX-Own: kept\r\n")
        let sent = lists.sent()
        #expect(Set(sent.flatMap(\.recipients)) == ["dora@d1.example", "emil@d2.example"])
        #expect(Set(sent.map(\.reversePath)).count == 2)
        for delivery in sent {
            let sender = try #require(delivery.reversePath.address)
            #expect(sender.localPart.hasPrefix("dev-bounces+") && sender.localPart.utf8.count <= 64)
            #expect(delivery.text.hasPrefix("Delivered-To: dev@example.test\r\nList-Id: \"Developers\"\r\n <dev.example.test>\r\n"))
            #expect(delivery.text.contains("\r\nList-Post: <mailto:dev@example.test>\r\n"))
            #expect(delivery.text.contains("\r\nList-Owner: <mailto:dev-owner@example.test>\r\n"))
            #expect(delivery.text.contains("\r\nList-Help: <mailto:dev-request@example.test?subject=help>\r\n"))
            #expect(delivery.text.contains("\r\nList-Subscribe: <mailto:dev-request@example.test?subject=subscribe>\r\n"))
            #expect(delivery.text.contains("\r\nList-Unsubscribe: <mailto:dev-leave+"))
            #expect(!delivery.text.contains("List-Unsubscribe-Post") && !delivery.text.contains("List-Archive"))
            #expect(
                delivery.text.hasSuffix(
                    "From: dora@d1.example\r\nTo: dev@example.test\r\nSubject: About keys\r\nDKIM-Signature: v=1; h=from:subject\r\nX-Own: kept\r\n\r\nHello\r\n"
                ))
        }
        let mail = try await lists.house.mail()
        #expect(mail.count == 1 && mail[0].hasPrefix("Return-Path: <dev-bounces+") && mail[0].hasSuffix("X-Own: kept\r\n\r\nHello\r\n"))
        #expect(try await lists.house.entries.isEmpty)
    }

    @Test("list fields that the post has are replaced, none comes twice, and others stay: RFC 2369 §4, RFC 2919 §8")
    func ownFields() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"])
        let fields =
            "List-Id: <other.list>\r\nLIST-UNSUBSCRIBE: <https://evil.example/>,\r\n <mailto:x@evil.example>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        try await lists.post(from: "dora@d1.example", fields: fields + "Precedence: list\r\nList-Archived-At: kept\r\n")
        let text = try #require(lists.sent().first).text
        for name in ["list-id:", "list-unsubscribe:", "precedence:"] { #expect(text.lowercased().ranges(of: "\r\n\(name)").count == 1, "\(name)") }
        #expect(!text.contains("evil.example") && !text.contains("One-Click") && !text.contains("other.list"))
        #expect(text.hasSuffix("Subject: x\r\nList-Archived-At: kept\r\n\r\nHello\r\n"))
    }

    @Test("a post that was on the list comes no second time, whether List-Id or Delivered-To tells; nor do programs' and nobody's")
    func loops() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"]) { $0.posters = .anyone }
        for fields in [
            "List-Id: Developers <DEV.example.test>\r\n",
            "Delivered-To: dev@example.test\r\nReceived: from a by mail.example.test (Martlet) with SMTP;\r\n now\r\n",
            "Auto-Submitted: auto-replied\r\n", "Auto-Submitted: auto-generated (cron)\r\n", "Precedence: bulk\r\n", "Precedence: junk\r\n",
        ] {
            await #expect(throws: Refusal.self, "\(fields)") { try await lists.post(from: "dora@d1.example", fields: fields) }
        }
        await #expect(throws: Refusal.self) { try await lists.bring("From: dora@d1.example\r\n\r\n", from: "<>", to: ["dev@example.test"]) }
        #expect(lists.sent().isEmpty)
        for fields in ["List-Id: <other.example>\r\nPrecedence: list\r\n", "Auto-Submitted: no\r\n", "Delivered-To: dev@example.test\r\n"] {
            try await lists.post(from: "dora@d1.example", fields: fields)
        }
        #expect(lists.sent().count == 3)
    }

    @Test("two lists that have each other end a post's way at the list where it was first")
    func twoLists() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"]) { $0.posters = .anyone }
        var other = ListChange()
        other.owners = ["alice@example.test"]
        other.posters = .anyone
        _ = try await lists.house.directory.add(list: "ops", other, at: lists.house.clock.now)
        _ = try await lists.house.directory.add(members: ["dev@example.test", "emil@d2.example"], mayPost: true, to: "ops")
        await #expect(throws: ListFault.self) { _ = try await lists.house.directory.add(members: ["ops@example.test"], mayPost: true, to: "dev") }
        await #expect(throws: ListFault.self) { _ = try await lists.house.directory.add(members: ["Dev@example.test"], mayPost: true, to: "dev") }
        await #expect(throws: ListFault.self) { _ = try await lists.house.directory.add(members: ["dev-owner@example.test"], mayPost: true, to: "dev") }
        // Behind the rule's back, as a forwarding outside would do it.
        _ = try await lists.house.lists.register.add(members: [try #require(Address("ops@example.test"))], mayPost: true, to: lists.list.address)
        try await lists.post(from: "fritz@d3.example")
        await lists.house.pass(60)
        #expect(lists.house.carrier.recipients.sorted() == ["dora@d1.example", "emil@d2.example"])
        let nested = try #require(lists.sent().first { $0.recipients == ["emil@d2.example"] }).text
        #expect(nested.ranges(of: "List-Id:").count == 1 && nested.contains("<ops.example.test>"))
        #expect(nested.contains("Delivered-To: ops@example.test\r\n") && nested.contains("Delivered-To: dev@example.test\r\n"))
        #expect(try await lists.house.entries.isEmpty)
    }

    @Test(
        "a member's post is moderated where it was judged and is not proved to be theirs; where nobody judged it is believed",
        arguments: [
            ("dmarc=fail header.from=d1.example", false), ("dmarc=pass header.from=d1.example", true), ("dmarc=pass header.from=evil.example", false),
            ("dmarc=none header.from=d1.example; spf=pass smtp.mailfrom=dora@d1.example", true), ("", true),
        ])
    func judged(_ found: String, _ isSent: Bool) async throws {
        let lists = try await ListHouse(members: ["dora@d1.example", "emil@d2.example"]) { $0.posters = .members }
        let results = found.isEmpty ? "" : "Authentication-Results: mail.example.test; \(found)\r\n"
        let head = try #require(MessageHead(Array("\(results)Received: by mail.example.test; now\r\n".utf8)))
        // What stands in the text is its writer's own.
        let text = "Authentication-Results: mail.example.test; dmarc=pass header.from=d1.example\r\nFrom: dora@d1.example\r\nSubject: x\r\n\r\nHello\r\n"
        let id = try await lists.house.queue(["dev@example.test"], from: "<dora@d1.example>", text: text) { $0.head = head }
        await lists.house.outbox.queued([id])
        await lists.house.outbox.whenQuiet()
        #expect(lists.sent().contains { $0.recipients == ["emil@d2.example"] } == isSent)
        #expect(try await lists.house.entries.map(\.hold) == (isSent ? [] : [.moderation]))
    }

    @Test("who may post does; others are moderated or refused, as the list says; nobody outside writes in our users' names")
    func posters() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example", "alice@example.test"]) { $0.others = .refused }
        try await lists.post(from: "DORA@d1.example")
        #expect(lists.sent().count == 1)
        await #expect(throws: Refusal.self) { try await lists.post(from: "emil@d2.example") }
        await #expect(throws: Refusal.self) { try await lists.bring("Subject: x\r\n\r\n", from: "dora@d1.example", to: ["dev@example.test"]) }
        await #expect(throws: Refusal.self) {
            try await lists.bring("From: dora@d1.example\r\nFrom: emil@d2.example\r\n\r\n", from: "dora@d1.example", to: ["dev@example.test"])
        }
        try await lists.post(from: "alice@example.test", user: lists.house.alice)
        #expect(lists.sent().count == 2)
        // Not logged in: it waits.
        try await lists.post(from: "alice@example.test")
        #expect(lists.sent().count == 2)
        #expect(try await lists.house.entries.map(\.hold) == [.moderation])
        try await lists.house.directory.set(mayPost: false, ofMember: "dora@d1.example", of: "dev")
        try await lists.post(from: "dora@d1.example")
        #expect(try await lists.house.entries.map(\.hold) == [.moderation, .moderation])
    }

    @Test("a name below ours, which the members' servers could take for ours, waits for an owner too; not where a program of this machine writes so")
    func below() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"]) { $0.posters = .anyone }
        try await lists.post(from: "x@evil.example.test")
        #expect(lists.sent().isEmpty)
        #expect(try await lists.house.entries.map(\.hold) == [.moderation])
        let text = "From: root@host.example.test\r\nSubject: x\r\n\r\nHello\r\n"
        let id = try await lists.house.queue(["dev@example.test"], from: "<root@host.example.test>", text: text) { $0.origin = .local }
        await lists.house.outbox.queued([id])
        await lists.house.outbox.whenQuiet()
        #expect(lists.sent().map(\.recipients) == [["dora@d1.example"]])
    }

    @Test("a list that is a member of another knows that a post was handed in with a login")
    func nested() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"]) { $0.posters = .anyone }
        var inner = ListChange()
        inner.owners = ["otto@d4.example"]
        inner.posters = .anyone
        _ = try await lists.house.directory.add(list: "ops", inner, at: lists.house.clock.now)
        _ = try await lists.house.directory.add(members: ["emil@d2.example"], mayPost: true, to: "ops")
        _ = try await lists.house.directory.add(members: ["ops@example.test"], mayPost: true, to: "dev")
        try await lists.post(from: "alice@example.test", user: lists.house.alice)
        await lists.house.pass(60)
        #expect(lists.house.carrier.recipients.sorted() == ["dora@d1.example", "emil@d2.example"])
        #expect(try await lists.house.entries.isEmpty)
        // What may not go there comes back to the owners of the list that has it as a member.
        var closed = ListChange()
        (closed.posters, closed.others) = (.owners, .refused)
        _ = try await lists.house.directory.change(list: "ops", closed)
        try await lists.post(from: "alice@example.test", user: lists.house.alice)
        await lists.house.pass(60)
        #expect(lists.house.carrier.recipients.sorted() == ["dora@d1.example", "dora@d1.example", "emil@d2.example"])
        #expect(try await lists.house.mail().count { $0.contains("Delivered-To: dev-bounces@example.test") } == 1)
        #expect(try await lists.members().allSatisfy { $0.failing == nil })
        #expect(try await lists.house.entries.isEmpty)
    }

    @Test("where anyone may post, nobody outside does in our users' names, nor who leaves open who wrote it")
    func anyone() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"]) { $0.posters = .anyone }
        try await lists.post(from: "emil@d2.example")
        try await lists.post(from: "alice@example.test", user: lists.house.alice)
        #expect(lists.sent().count == 2)
        try await lists.post(from: "alice@example.test")
        try await lists.bring("From: x@d2.example, alice@example.test\r\n\r\nHello\r\n", from: "x@d2.example", to: ["dev@example.test"])
        #expect(lists.sent().count == 2)
        #expect(try await lists.house.entries.map(\.hold) == [.moderation, .moderation])
    }

    @Test("a second recipient is no way round a list that refuses others; of our users the message is taken, and who may not post is told")
    func mixed() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"]) { $0.others = .refused }
        let text = "From: emil@d2.example\r\nSubject: both\r\n\r\nHello\r\n"
        for recipients in [["dev@example.test", "alice@example.test"], ["alice@example.test", "dev-owner@example.test", "dev@example.test"]] {
            await #expect(throws: ListRefusal.notAllowed.refusal) { try await lists.bring(text, from: "emil@d2.example", to: recipients) }
        }
        #expect(try await lists.house.mail().isEmpty)
        #expect(try await lists.house.entries.isEmpty)
        try await lists.bring(text, from: "alice@example.test", to: ["dev@example.test", "alice@example.test"], user: lists.house.alice)
        let mail = try await lists.house.mail()
        #expect(mail.count == 2 && mail[1].contains("Action: failed\r\nStatus: 5.7.2"))
        #expect(lists.sent().isEmpty)
    }

    @Test("a crash before the commit sends to nobody, and afterwards to everybody once")
    func crash() async throws {
        let lists = try await ListHouse(members: (0..<300).map { "u\($0)@d1.example" } + ["alice@example.test"])
        lists.house.store.fail([.update], with: .unavailable("the disk"))
        try await lists.bring(
            "From: u1@d1.example\r\nSubject: x\r\n\r\n", from: "u1@d1.example", to: ["dev@example.test"], until: { lists.house.clock.next != nil })
        #expect(lists.sent().isEmpty)
        #expect(try await lists.house.mail().isEmpty)
        lists.house.store.fail([.update], with: nil)
        lists.house.clock.advance(by: 10)
        await lists.house.pass(3_600)
        #expect(Set(lists.house.carrier.recipients).count == 300 && lists.house.carrier.recipients.count == 300)
        #expect(try await lists.house.mail().count == 1)
        #expect(try await lists.house.entries.isEmpty)
    }
}

extension ListPostTests {
    @Test("a list is reached by an alias and by a domain that stands for another, in an entry of its own; its members' forwarding works")
    func otherNames() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example", "alice@example.test"]) { $0.posters = .anyone }
        let directory = lists.house.directory
        try await directory.add(alias: "team@example.test", targets: ["dev@example.test", "emil@d2.example"])
        try await directory.add(domain: "example.net", standingFor: "example.test")
        try await directory.set(forwarding: ["otto@d4.example"], keepsCopy: false, of: "alice")
        try await lists.post(from: "fritz@d3.example", to: "team@example.test")
        await lists.house.pass(60)
        #expect(lists.house.carrier.recipients.sorted() == ["dora@d1.example", "emil@d2.example", "otto@d4.example"])
        // What comes back from where a member's mail is sent on is the member's.
        #expect(lists.sent().first { $0.recipients == ["otto@d4.example"] }?.reversePath.address?.localPart.hasPrefix("dev-bounces+") == true)
        try await lists.post(from: "fritz@d3.example", to: "Dev@example.net")
        await lists.house.pass(60)
        #expect(lists.house.carrier.recipients.filter { $0 == "dora@d1.example" }.count == 2)
        #expect(try await lists.house.entries.isEmpty)
        await #expect(throws: StorageFault.nameTaken) { try await directory.add(alias: "dev-request@example.test", targets: ["alice@example.test"]) }
        var draft = ListChange()
        draft.owners = ["alice@example.test"]
        await #expect(throws: StorageFault.nameTaken) { _ = try await directory.add(list: "team", draft, at: lists.house.clock.now) }
        #expect(try await directory.sendRight(Principal(account: lists.house.alice, name: AccountName("alice@example.test")), lists.list.address) != .own)
    }
}

extension ListPostTests {
    @Test("entries share a body while their heads weigh no more than its text, so that a long list costs no more a member than a short one")
    func shares() async throws {
        let lists = try await ListHouse(members: (0..<200).map { "u\($0)@d1.example" }) { $0.posters = .anyone }
        lists.house.carrier.set { ScriptedCarrier.refused($0, 451) }
        try await lists.post(from: "u1@d1.example")
        let entries = try await lists.house.entries
        #expect(entries.count == 200 && Set(entries.map(\.body)).count == 4)
        let line = String(repeating: "x", count: 78) + "\r\n"
        try await lists.bring(
            "From: u1@d1.example\r\n\r\n" + String(repeating: line, count: 4_000), from: "u1@d1.example", to: ["dev@example.test"])
        let more = try await lists.house.entries.filter { entry in !entries.contains { $0.id == entry.id } }
        #expect(more.count == 200 && Set(more.map(\.body)).count == 1)
    }
}
