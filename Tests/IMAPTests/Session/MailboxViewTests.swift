import MailModel
import PostOffice
import Storage
import Testing

@testable import IMAP

@Suite("MailboxView")
struct MailboxViewTests {
    private let house: House

    init() async throws { house = try await House() }

    private func view(recentAbove floor: UInt32? = nil) async throws -> MailboxView {
        let mailbox = try await house.mailroom.open(.inbox, of: house.alice)
        return try MailboxView(mailbox, isReadOnly: false, rows: mailbox.handle.snapshot, recentAbove: floor)
    }

    private func deliver(_ count: Int) async throws {
        for _ in 0..<count { try await house.deliver("Subject: x\r\n\r\n") }
    }

    private func delete(_ uids: ClosedRange<UInt32>, _ view: MailboxView) async throws {
        _ = try await house.mailroom.change(.add(Flags(system: .deleted)), of: NumberSet(uids), in: view.mailbox)
        _ = try await house.mailroom.expunge(NumberSet(uids), in: view.mailbox)
    }

    @Test("expunges are told from the highest number down, so that each number holds")
    func expunges() async throws {
        try await deliver(6)
        var view = try await view()
        try await delete(2...3, view)
        try await delete(6...6, view)
        let news = try view.catchUp(expunges: true, modSeqs: false, claimsRecent: false)
        #expect(news.expunged == [6, 3, 2])
        #expect(news.exists == nil)
        #expect(try view.rows.uids.description == "1,4:5")
    }

    @Test("changes of keywords that the rows' words have no bits for are news, also while expunges wait")
    func furtherKeywords() async throws {
        try await deliver(4)
        let many = (0..<61).compactMap { Keyword("k\($0)") }
        let mailbox = try await view().mailbox
        _ = try await house.mailroom.change(.add(Flags(keywords: many)), of: NumberSet(1...2), in: mailbox)
        var view = try await view()
        _ = try await house.mailroom.change(.remove(Flags(keywords: [many[60]])), of: NumberSet(2...2), in: mailbox)
        try await delete(3...3, view)
        let news = try view.catchUp(expunges: false, modSeqs: false, claimsRecent: false)
        #expect(view.isBehind && news.changed.map(\.number) == [2] && news.changed.map(\.further.places) == [[59]])
        #expect(try view.rows.rows(NumberSet(1...4)).map { try view.rows.further(of: $0.row).places } == [[59, 60], [59], [], []])
        _ = try await house.mailroom.change(.add(Flags(keywords: [many[60]])), of: NumberSet(4...4), in: mailbox)
        let later = try view.catchUp(expunges: true, modSeqs: false, claimsRecent: false)
        #expect(later.changed.map(\.number) == [3] && later.changed.map(\.further.places) == [[60]] && later.expunged == [3])
        #expect(try view.rows.rows(NumberSet(1...4)).map { try view.rows.further(of: $0.row).places } == [[59, 60], [59], [60]])
    }

    @Test("what is gone stays in place until it may be told, while more comes: RFC 9051 §7.5.1")
    func staying() async throws {
        try await deliver(3)
        var view = try await view()
        try await delete(2...2, view)
        try await deliver(2)
        var news = try view.catchUp(expunges: false, modSeqs: false, claimsRecent: false)
        #expect(news.expunged.isEmpty)
        #expect(news.exists == 5)
        #expect(try view.rows.uids.description == "1:5")
        try await delete(4...4, view)
        try await deliver(1)
        news = try view.catchUp(expunges: false, modSeqs: false, claimsRecent: false)
        #expect(news.exists == 6)
        news = try view.catchUp(expunges: true, modSeqs: false, claimsRecent: false)
        #expect(news.expunged == [4, 2])
        #expect(news.exists == nil)
        #expect(try view.rows.uids.description == "1,3,5:6")
    }

    @Test("the view shares its blocks with the table once everything is told: issue 2 §6, memory")
    func sharing() async throws {
        try await deliver(700)
        var view = try await view()
        try await delete(5...5, view)
        _ = try view.catchUp(expunges: false, modSeqs: false, claimsRecent: false)
        _ = try view.catchUp(expunges: true, modSeqs: false, claimsRecent: false)
        let live = view.current
        #expect(view.rows.blocks.count == live.blocks.count)
        #expect(zip(view.rows.blocks, live.blocks).allSatisfy { $0 === $1 })
    }

    @Test("a change that the answer under way has told is no news; with CONDSTORE its ModSeq is")
    func told() async throws {
        try await deliver(2)
        var view = try await view()
        _ = try await house.mailroom.change(.add(Flags(system: .seen)), of: NumberSet(1...2), in: view.mailbox)
        if let row = try view.current.row(.first) { view.note(row) }
        let news = try view.catchUp(expunges: true, modSeqs: true, claimsRecent: false)
        #expect(news.changed.map(\.number) == [2])
    }

    @Test("a new message is recent to one session only: RFC 3501 §2.3.2")
    func recent() async throws {
        try await deliver(2)
        var first = try await view(recentAbove: 2)
        var second = first
        try await deliver(1)
        _ = try first.catchUp(expunges: true, modSeqs: false, claimsRecent: true)
        _ = try second.catchUp(expunges: true, modSeqs: false, claimsRecent: true)
        // The first claim is of all since the mailbox was made; of new messages, those that are new to the view are taken.
        #expect(first.recentCount == 1)
        #expect(second.recentCount == 0)
    }

    @Test("numbers that no message has are refused, UIDs passed over: RFC 9051 §6.4.9, §9")
    func selection() async throws {
        try await deliver(3)
        let view = try await view()
        let all = SequenceSet.ranges([.init(first: 1, second: 0)])
        #expect(try view.places(of: all, .sequence) == [0..<3])
        #expect(try view.places(of: .ranges([.init(first: 9, second: 0)]), .uid) == [2..<3])
        #expect(try view.places(of: .ranges([.init(first: 7, second: 9)]), .uid) == [])
        #expect(throws: NoSuchNumber.self) { try view.places(of: .ranges([.init(first: 4, second: 4)]), .sequence) }
        #expect(try view.places(of: .ranges([.init(first: .max, second: 1)]), .uid) == [0..<3])
    }

    @Test("an empty mailbox has no messages, not even 1:*")
    func empty() async throws {
        let view = try await view()
        #expect(try view.places(of: .ranges([.init(first: 1, second: 0)]), .sequence) == [])
        #expect(try view.places(of: .ranges([.init(first: 1, second: 0)]), .uid) == [])
    }
}
