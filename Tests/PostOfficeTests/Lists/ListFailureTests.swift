import MailModel
import Storage
import Testing

@testable import PostOffice

@Suite("What comes back of a list's posts: to the owners, never to the author; a week of it suspends")
struct ListFailureTests {
    private static let day: Int64 = 86_400

    private func report(_ action: String, status: String = "5.1.1") -> String {
        """
        From: postmaster@d1.example\r
        Subject: Undelivered\r
        Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r
        \r
        --b\r
        Content-Type: message/delivery-status\r
        \r
        Reporting-MTA: dns; mx.d1.example\r
        \r
        Final-Recipient: rfc822; dora@d1.example\r
        Action: \(action)\r
        Status: \(status)\r
        Diagnostic-Code: smtp; 550 No such user\r
        \r
        --b--\r

        """
    }

    @Test("a server's no is the owners' to see, and not the author's; the member is marked, and a later post that arrives ends it")
    func refused() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example", "emil@d2.example"])
        lists.house.carrier.set { delivery in
            delivery.recipients == ["dora@d1.example"]
                ? ScriptedCarrier.refused(delivery, 550, "No such user", status: .permanent(1, 1)) : ScriptedCarrier.taken(delivery)
        }
        try await lists.post(from: "emil@d2.example")
        await lists.house.pass(60)
        // Nothing to emil but the post.
        #expect(lists.house.carrier.recipients.filter { $0 == "emil@d2.example" }.count == 1)
        let mail = try await lists.house.mail()
        #expect(mail.count == 1 && mail[0].contains("Delivered-To: dev-bounces@example.test") && mail[0].contains("No such user"))
        let failing = try #require(try await lists.members()[0].failing)
        #expect(failing.reason.contains("5.1.1"))
        #expect(try await lists.house.entries.isEmpty)
        // Taken, and nothing comes back for two days.
        lists.house.carrier.set { ScriptedCarrier.taken($0) }
        try await lists.post(from: "emil@d2.example")
        #expect(try await lists.members()[0].failing?.taken != nil)
        await lists.house.pass(3 * Self.day)
        try await lists.post(from: "emil@d2.example")
        #expect(try await lists.members()[0].failing == nil)
    }

    @Test("a member whose mail comes back for a week is suspended and the owners told once; mail that is taken first and comes back later is no success")
    func suspended() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example", "emil@d2.example"])
        for day in 0..<9 {
            let before = lists.sent().count
            try await lists.post(from: "emil@d2.example")
            guard let bounces = lists.sent().dropFirst(before).first(where: { $0.recipients == ["dora@d1.example"] })?.reversePath.address?.written else {
                #expect(day == 8)
                break
            }
            #expect(day < 8)
            try await lists.bring(report("failed"), from: "<>", to: [bounces])
            // Again by a second server: it is the same failure.
            try await lists.bring(report("failed"), from: "<>", to: [bounces.uppercased()])
            await lists.house.pass(Self.day)
        }
        let dora = try await lists.members()[0]
        #expect(dora.suspension != nil)
        let mail = try await lists.house.mail()
        #expect(mail.count { $0.contains("Subject: Suspended on dev@example.test: dora@d1.example") } == 1)
        // What came back is shown once a day.
        #expect(mail.count { $0.contains("Subject: Undelivered") } == 8)
        try await lists.house.directory.resume(member: "dora@d1.example", of: "dev")
        #expect(try await lists.members()[0] == ListMember(address: dora.address, number: dora.number, joined: dora.joined))
    }

    @Test("two posts a week apart are not enough to suspend a member, and what a server says of a post's kind counts for nothing")
    func patience() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"])
        for (number, days) in [0, 8, 1].enumerated() {
            await lists.house.pass(Int64(days) * Self.day)
            try await lists.post(from: "dora@d1.example")
            let bounces = try #require(lists.sent().last { $0.recipients == ["dora@d1.example"] }?.reversePath.address).written
            for status in ["5.7.1", "5.7.26", "5.0.0", "5.3.0"] { try await lists.bring(report("failed", status: status), from: "<>", to: [bounces]) }
            #expect(try await lists.members()[0].failing?.posts.count ?? 0 == number)
            try await lists.bring(report("failed"), from: "<>", to: [bounces])
            #expect(try await lists.members()[0].failing?.posts.count == number + 1)
            #expect(try await (lists.members()[0].suspension != nil) == (number == 2))
        }
    }

    @Test("delays, responders, and what others send there are no failures; nor is a post that no server could take")
    func otherReports() async throws {
        let lists = try await ListHouse(members: ["dora@d1.example"])
        try await lists.post(from: "dora@d1.example")
        let bounces = try #require(lists.sent()[0].reversePath.address).written
        try await lists.bring(report("delayed", status: "4.4.1"), from: "<>", to: [bounces])
        try await lists.bring("Auto-Submitted: auto-replied\r\nSubject: On vacation\r\n\r\n", from: "<>", to: [bounces])
        try await lists.bring(report("failed"), from: "mallory@d5.example", to: [bounces])
        #expect(try await lists.house.mail().isEmpty)
        try await lists.bring(report("failed", status: "5.6.7"), from: "<>", to: [bounces])
        #expect(try await lists.members()[0].failing == nil)
        #expect(try await lists.house.mail().count == 1)
        // An old post's is no news; without a word of ours there is no such address.
        await lists.house.pass(31 * Self.day)
        try await lists.bring(report("failed"), from: "<>", to: [bounces])
        #expect(try await lists.members()[0].failing == nil)
        for local in ["dev-bounces", "dev-bounces+", "dev-bounces+aaaaaaaaaaaaaaaa", "dev-bounces+x=y"] {
            await #expect(throws: Refusal.unknownUser, "\(local)") { try await lists.bring(report("failed"), from: "<>", to: ["\(local)@example.test"]) }
        }
        // The kind that was usual before there were reports.
        try await lists.post(from: "dora@d1.example")
        let again = try #require(lists.sent().last?.reversePath.address).written
        try await lists.bring("From: MAILER-DAEMON@d1.example\r\nSubject: failure notice\r\n\r\nHi.\r\n", from: "<>", to: [again])
        #expect(try await lists.members()[0].failing?.reason == "failure notice")
    }

    @Test("a member here whose mailbox is full, or who is gone, keeps nobody else from getting the post")
    func here() async throws {
        let lists = try await ListHouse(members: ["alice@example.test", "gone@example.test", "dora@d1.example"]) { $0.owners = ["otto@d4.example"] }
        try await lists.bring("Subject: first\r\n\r\n", from: "emil@d2.example", to: ["alice@example.test"])
        try await lists.house.store.set(limits: Quota([.message: 1]), of: lists.house.alice)
        try await lists.post(from: "dora@d1.example")
        await lists.house.pass(60)
        #expect(lists.house.carrier.recipients.sorted() == ["dora@d1.example", "otto@d4.example"])
        #expect(try await lists.members().map { $0.failing != nil } == [false, true, false])
        #expect(try await lists.house.entries.flatMap { $0.draft.recipients.map(\.path.bare) } == ["alice@example.test"])
    }

    @Test("a member here of whom something cannot be read gets the post later, and the others at once")
    func damaged() async throws {
        let lists = try await ListHouse(members: ["alice@example.test", "dora@d1.example"]) { $0.owners = ["otto@d4.example"] }
        let key = "\(lists.house.alice.rawValue)"
        try await lists.house.store.change([KeyValueChange(.deliverySettings, key, Array("{".utf8))])
        try await lists.post(from: "dora@d1.example")
        #expect(lists.house.carrier.recipients == ["dora@d1.example"])
        #expect(try await lists.house.entries.flatMap { $0.draft.recipients.map(\.path.bare) } == ["alice@example.test"])
        try await lists.house.store.change([KeyValueChange(.deliverySettings, key, nil)])
        await lists.house.pass(3_600)
        #expect(try await lists.house.mail().count == 1)
        #expect(try await lists.house.entries.isEmpty)
    }
}
