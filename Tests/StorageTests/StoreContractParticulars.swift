import MailModel
import Storage
import Testing

@Suite("The storage contract: threads and save dates")
struct StoreContractParticulars {
    private func mail(_ id: String, _ references: String = "") -> String {
        "Message-ID: <\(id)@example.org>\r\n\(references)Subject: \(id)\r\n\r\nText.\r\n"
    }

    private func place(_ text: String, in house: House, _ mailbox: MailboxID? = nil, at date: Int64 = 111) async throws {
        let placement = Placement(mailbox: mailbox ?? house.inbox, internalDate: Timestamp(rawValue: date))
        _ = try await house.store.place(try await house.stage(text), [placement])
    }

    private func threads(_ house: House, _ uids: NumberSet, _ mailbox: MailboxID? = nil) async throws -> [ThreadID] {
        try await house.store.particulars(of: uids, in: mailbox ?? house.inbox).map(\.thread)
    }

    @Test("a message begins a thread or joins that of one it refers to: RFC 8474 §5.2", arguments: StoreFactory.all)
    func joining(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await place(mail("a"), in: house)
            try await place(mail("b"), in: house)
            try await place(mail("c", "In-Reply-To: <a@example.org>\r\n"), in: house)
            try await place(mail("d", "References: <b@example.org> <gone@example.org>\r\n"), in: house, house.mailbox("Sent"))
            try await place(mail("e", "References: <a@example.org> <c@example.org>\r\n"), in: house)
            try await place("Subject: no name\r\n\r\n", in: house)
            let rows = try await house.snapshot().rowsInOrder
            let found = try await threads(house, NumberSet(1...100))
            #expect(found.count == 5 && Set(found).count == 3)
            #expect(found[0] == ThreadID(rawValue: rows[0].body.rawValue))
            #expect(found[2] == found[0] && found[3] == found[0] && found[1] != found[0])
            #expect(try await threads(house, set(1), house.mailbox("Sent")) == [found[1]])
        }
    }

    @Test("the save date is when it came, whatever its internal date: RFC 8514 §1", arguments: StoreFactory.all)
    func saveDate(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await place(mail("a"), in: house, at: 111)
            // The stores of the contract stand still at 0.
            #expect(try await house.store.particulars(of: set(1), in: house.inbox).map(\.saveDate) == [Timestamp(rawValue: 0)])
        }
    }

    @Test("copies stay in their thread; what is gone is left out", arguments: StoreFactory.all)
    func copies(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            for id in ["a", "b"] { try await place(mail(id), in: house) }
            try await place(mail("c", "In-Reply-To: <b@example.org>\r\n"), in: house)
            let before = try await threads(house, NumberSet(1...3))
            let other = try await house.mailbox("other")
            _ = try await house.store.copy(set(1, 3), from: house.inbox, to: other)
            #expect(try await threads(house, NumberSet(1...2), other) == [before[0], before[2]])
            _ = try await house.store.move(set(3, 1), from: house.inbox, to: other)
            #expect(try await threads(house, NumberSet(1...9), other) == [before[0], before[2], before[0], before[2]])
            #expect(try await house.store.particulars(of: NumberSet(1...9), in: house.inbox).map(\.uid.rawValue) == [2])
            let restarted = try await house.restarted()
            #expect(try await threads(restarted, set(2, 4), other) == [before[2], before[2]])
            try await place(mail("d", "In-Reply-To: <b@example.org>\r\n"), in: restarted)
            #expect(try await threads(restarted, set(4)) == [before[1]])
        }
    }

    @Test("a mailbox that is not there has none, and its id is not given again: RFC 8474 §4", arguments: StoreFactory.all)
    func mailboxes(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let first = try await house.mailbox("work")
            try await house.deliver(to: first)
            try await house.store.rename(mailbox: first, to: try #require(MailboxName("job")))
            #expect(try await house.mailbox("job") == first)
            try await house.store.delete(mailbox: first)
            await #expect(throws: StorageFault.noSuchMailbox) { _ = try await house.store.particulars(of: set(1), in: first) }
            let restarted = try await house.restarted()
            #expect(try await restarted.mailbox("work") != first)
            #expect(try await restarted.mailbox("job") != first)
        }
    }
}
