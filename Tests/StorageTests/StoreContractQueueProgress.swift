import MailModel
import MessageFormat
import NIOCore
import Storage
import Testing

@Suite("The storage contract: how far the queue's entries are")
struct StoreContractQueueProgress {
    private func at(_ time: Int64) -> Timestamp { Timestamp(rawValue: time) }

    private func draft(_ count: Int = 1, at time: Int64 = 5) throws -> QueueDraft {
        QueueDraft(
            transaction: try #require(TransactionID("out")), reversePath: .null,
            recipients: try (0..<count).map { QueuedRecipient(.mailbox(try #require(Address("r\($0)@remote.example")))) }, arrived: at(time))
    }

    /// Everything that a draft can say.
    private func fullDraft() throws -> QueueDraft {
        var draft = try draft(3)
        draft.reversePath = .mailbox(try #require(Address("jürgen@bücher.example")))
        draft.recipients[0].notify = [.success, .failure, .delay]
        draft.recipients[0].original = "rfc822;r0+2B@remote.example"
        draft.recipients[1].notify = .never
        draft.recipients.append(QueuedRecipient(.postmaster, notify: .failure, original: "utf-8;p"))
        draft.traits = [.smtpUTF8, .eightBit, .returnsHeader, .returnsFull, .isAutomatic]
        draft.head = MessageHead(Array("Received: from us\r\n".utf8))
        draft.sender = AccountID(rawValue: 4_711)
        draft.envelopeID = "QQ314159+2B"
        draft.notBefore = at(1_790_000_123)
        draft.deliverBy = QueueDraft.Deadline(time: at(1_790_000_456), isReturned: true, isTraced: true)
        draft.origin = .own
        draft.priority = -9
        return draft
    }

    private func attempt(_ text: String = "try again") -> RecipientProgress.Attempt {
        RecipientProgress.Attempt(
            at: at(70), host: "mx1.remote.example", address: "2001:db8::1",
            reply: RemoteReply(code: 451, status: EnhancedStatus(4, 7, 100), lines: [text, "", "ü"]),
            reason: "it said so", status: EnhancedStatus(4, 4, 1))
    }

    private func place(_ drafts: [QueueDraft], _ house: House, _ text: String = "out") async throws -> [QueueID] {
        try await house.store.place(try await house.stage(message(text)), [], queueing: drafts).queued
    }

    private func notice(_ house: House, _ drafts: [QueueDraft], to mailbox: MailboxID? = nil) async throws -> QueueUpdate.Notice {
        let placements = mailbox.map { [Placement(mailbox: $0, internalDate: at(9))] } ?? []
        return QueueUpdate.Notice(body: try await house.stage(message("report")), placements: placements, drafts: drafts)
    }

    @Test("a draft comes back with everything that it says, and its recipients are due when it may go", arguments: StoreFactory.all)
    func drafts(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            var plain = try draft(2, at: 77)
            plain.priority = 9
            plain.origin = .passedOn
            let drafts = [try fullDraft(), plain]
            let ids = try await place(drafts, house)
            let again = try await house.restarted()
            let entries = try await again.store.queue(after: nil, most: 10)
            #expect(entries.map(\.id) == ids && entries.map(\.draft) == drafts && entries.allSatisfy { $0.hold == nil })
            #expect(entries[0].progress == Array(repeating: RecipientProgress(due: at(1_790_000_123)), count: 4))
            #expect(entries[1].progress == Array(repeating: RecipientProgress(due: at(77)), count: 2))
        }
    }

    @Test("progress of each recipient is there after a restart; one that is settled stays as it is", arguments: StoreFactory.all)
    func progress(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let id = try #require(try await place([draft(4)], house).first)
            let waiting = RecipientProgress(attempts: 3, due: at(900), isTold: true, last: attempt())
            let delivered = RecipientProgress(phase: .delivered, attempts: 1, due: at(5), last: RecipientProgress.Attempt(at: at(60)))
            let failed = RecipientProgress(phase: .failed, attempts: 2, due: at(6), last: attempt("no"))
            let told = try await house.store.update(QueueUpdate(id, recipients: [0: waiting, 1: delivered, 3: failed]))
            #expect(told.isEmpty)
            let again = try await house.restarted()
            let untried = RecipientProgress(due: at(5))
            #expect(try await again.store.queued(id).progress == [waiting, delivered, untried, failed])
            // Late news of one that is settled changes nothing.
            _ = try await again.store.update(QueueUpdate(id, recipients: [1: waiting, 3: waiting, 2: waiting]))
            #expect(try await again.store.queue(after: nil, most: 1).map(\.progress) == [[waiting, delivered, waiting, failed]])
            _ = try await again.store.update(QueueUpdate(id, recipients: [0: RecipientProgress(phase: .cancelled, due: at(5)), 1: waiting]))
            #expect(try await again.store.queued(id).progress.map(\.phase) == [.cancelled, .delivered, .waiting, .failed])
            _ = try await again.store.update(QueueUpdate(id, recipients: [2: delivered]))
            await #expect(throws: StorageFault.noSuchMessage) { _ = try await again.store.queued(id) }
            await #expect(throws: StorageFault.noSuchMessage) { _ = try await again.store.update(QueueUpdate(id)) }
            #expect(try await again.restarted().store.queue(after: nil, most: 9).isEmpty)
        }
    }

    @Test("of a recipient that is settled it can be noted that its sender was told, and by nothing that is older than its outcome", arguments: StoreFactory.all)
    func told(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let id = try #require(try await place([draft(2)], house).first)
            let failed = RecipientProgress(phase: .failed, attempts: 2, due: at(6), last: attempt("no"))
            _ = try await house.store.update(QueueUpdate(id, recipients: [0: failed]))
            _ = try await house.store.update(QueueUpdate(id, recipients: [0: RecipientProgress(attempts: 1, due: at(7), isTold: true)]))
            #expect(try await house.store.queued(id).progress[0] == failed)
            var told = failed
            told.isTold = true
            var other = told
            other.attempts = 7
            let done = try await house.store.update(QueueUpdate(id, recipients: [0: other], notices: [notice(house, [], to: house.inbox)]))
            #expect(done.count == 1)
            _ = try await house.store.update(QueueUpdate(id, recipients: [0: failed]))
            let again = try await house.restarted()
            #expect(try await again.store.queued(id).progress == [told, RecipientProgress(due: at(5))])
        }
    }

    @Test("an entry waits as it is told to, and no longer", arguments: StoreFactory.all)
    func holds(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            var now = house
            let id = try #require(try await place([draft(2)], house).first)
            for hold in QueueHold.allCases {
                _ = try await now.store.update(QueueUpdate(id, hold: .hold(hold)))
                now = try await now.restarted()
                #expect(try await now.store.queued(id).hold == hold)
                _ = try await now.store.update(QueueUpdate(id, recipients: [0: RecipientProgress(attempts: 1, due: at(8))]))
                #expect(try await now.store.queued(id).hold == hold)
            }
            _ = try await now.store.update(QueueUpdate(id, hold: .release))
            now = try await now.restarted()
            #expect(try await now.store.queued(id).hold == nil)
            let settled = RecipientProgress(phase: .failed, due: at(8))
            _ = try await now.store.update(QueueUpdate(id, recipients: [0: settled, 1: settled], hold: .hold(.administrator)))
            #expect(try await now.store.queue(after: nil, most: 9).isEmpty)
        }
    }

    @Test("what is told of a change is placed and queued with it; the entry and its body are gone", arguments: StoreFactory.all)
    func notices(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let id = try #require(try await place([draft(2)], house).first)
            let settled = RecipientProgress(phase: .failed, due: at(8))
            let first = try await notice(house, [draft()], to: house.inbox)
            let second = try await notice(house, [])
            let third = try await notice(house, [draft(), draft(2)])
            let told = try await house.store.update(QueueUpdate(id, recipients: [0: settled, 1: settled], notices: [first, second, third]))
            #expect(told.map(\.placed.count) == [1, 0, 0] && told.map(\.queued.count) == [1, 0, 2])
            let again = try await house.restarted()
            #expect(try await again.store.queue(after: nil, most: 9).map(\.id) == told.flatMap(\.queued).sorted())
            #expect(try await again.text(1) == message("report"))
            #expect(String(buffer: try await again.store.read(nil, of: told[2].queued[1])) == message("report"))
            await #expect(throws: StorageFault.noSuchMessage) { _ = try await again.store.read(nil, of: id) }
        }
    }

    @Test("notices and progress are one commit: where one cannot be placed nothing has changed", arguments: StoreFactory.all)
    func allOrNothing(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let id = try #require(try await place([draft(2)], house).first)
            let before = try await house.store.queued(id)
            let settled = RecipientProgress(phase: .failed, due: at(8), last: attempt())
            let good = try await notice(house, [draft()], to: house.inbox)
            let update = QueueUpdate(
                id, recipients: [0: settled, 1: settled], hold: .hold(.administrator),
                notices: [good, try await notice(house, [], to: MailboxID(rawValue: 99_999))])
            await #expect(throws: StorageFault.noSuchMailbox) { _ = try await house.store.update(update) }
            let nobody = QueueUpdate(id, recipients: [0: settled], notices: [try await notice(house, [draft(0)])])
            await #expect(throws: StorageFault.self) { _ = try await house.store.update(nobody) }
            let stranger = QueueUpdate(id, recipients: [0: settled, 2: settled], notices: [try await notice(house, [draft()], to: house.inbox)])
            await #expect(throws: StorageFault.self) { _ = try await house.store.update(stranger) }
            let again = try await house.restarted()
            #expect(try await again.store.queue(after: nil, most: 9) == [before])
            #expect(try await again.uids() == [])
            let gone = QueueUpdate(
                QueueID(rawValue: id.rawValue + 1), recipients: [0: settled], notices: [try await notice(again, [draft()], to: house.inbox)])
            await #expect(throws: StorageFault.noSuchMessage) { _ = try await again.store.update(gone) }
            #expect(try await again.uids() == [])
            #expect(try await again.store.queue(after: nil, most: 9) == [before])
        }
    }

    @Test("on a full disk entries end and progress is kept; what is to be told finds no room, and then nothing changes", arguments: StoreFactory.all)
    func full(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            guard let setFull = house.premises.setFull else { return }
            let ids = try await place([draft(), draft()], house)
            let settled = RecipientProgress(phase: .failed, due: at(8))
            let report = try await notice(house, [draft()])
            setFull(true)
            await #expect(throws: StorageFault.full) { _ = try await house.store.update(QueueUpdate(ids[0], recipients: [0: settled], notices: [report])) }
            #expect(try await house.store.queue(after: nil, most: 9).map(\.id) == ids)
            _ = try await house.store.update(QueueUpdate(ids[0], recipients: [0: settled]))
            _ = try await house.store.update(QueueUpdate(ids[1], recipients: [0: RecipientProgress(attempts: 1, due: at(9))]))
            #expect(try await house.store.queue(after: nil, most: 9).map(\.progress) == [[RecipientProgress(attempts: 1, due: at(9))]])
        }
    }

    @Test("thousands of entries are listed in pages, in the order in which they came, with the progress of each", arguments: StoreFactory.all)
    func pages(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            var ids: [QueueID] = []
            for number in 0..<6 { ids += try await place((0..<500).map { _ in try draft(1 + number % 2) }, house, "\(number)") }
            for index in stride(from: 0, to: ids.count, by: 97) {
                _ = try await house.store.update(QueueUpdate(ids[index], recipients: [0: RecipientProgress(attempts: index, due: at(9))]))
            }
            #expect(ids == ids.sorted())
            var seen: [QueueEntry] = []
            var last: QueueID?
            while true {
                let page = try await house.store.queue(after: last, most: 700)
                seen += page
                last = page.last?.id
                guard page.count == 700 else { break }
            }
            #expect(seen.map(\.id) == ids)
            #expect(seen.enumerated().allSatisfy { $1.progress[0].attempts == ($0 % 97 == 0 ? $0 : 0) })
            #expect(seen.allSatisfy { $0.progress.count == $0.draft.recipients.count })
        }
    }

    @Test("changes of one entry at the same time are one after the other, and all of them are kept", arguments: StoreFactory.all)
    func concurrent(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let ids = try await place([draft(41), draft(41)], house)
            try await withThrowingTaskGroup { group in
                for id in ids {
                    for number in 0..<40 {
                        group.addTask {
                            let phase: RecipientProgress.Phase = number % 2 == 0 ? .delivered : .waiting
                            let progress = RecipientProgress(phase: phase, attempts: number, due: Timestamp(rawValue: 9), last: attempt("\(number)"))
                            _ = try await house.store.update(QueueUpdate(id, recipients: [number: progress]))
                        }
                    }
                }
                try await group.waitForAll()
            }
            let again = try await house.restarted()
            for entry in try await again.store.queue(after: nil, most: 9) {
                #expect(entry.progress.map(\.attempts) == Array(0..<40) + [0])
                #expect(entry.progress.prefix(40).allSatisfy { $0.last?.reply?.lines.first == "\($0.attempts)" })
            }
            // The last answers come together, each for one of them: the entry ends once.
            try await withThrowingTaskGroup { group in
                for number in 0...40 where number % 2 == 1 || number == 40 {
                    group.addTask {
                        _ = try await again.store.update(
                            QueueUpdate(ids[0], recipients: [number: RecipientProgress(phase: .delivered, due: Timestamp(rawValue: 9))]))
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await again.store.queue(after: nil, most: 9).map(\.id) == [ids[1]])
        }
    }
}
