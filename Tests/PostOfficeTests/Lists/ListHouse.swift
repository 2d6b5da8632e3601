import Logging
import MailModel
import NIOCore
import Storage
import Synchronization
import Testing

@testable import PostOffice

/// A house with the list dev@example.test, whose owner is alice, and what is needed to write to it.
struct ListHouse {
    let house: OutboxHouse
    let list: MailingList
    /// By which mail comes, and hears what lists say of it.
    private let intake: Intake
    private let heard: Heard

    private final class Heard: Sendable {
        let ids = Mutex<[QueueID]>([])
    }

    init(members: [String] = [], _ change: (inout ListChange) -> Void = { _ in }) async throws {
        house = try await OutboxHouse()
        let (heard, clock) = (Heard(), house.clock)
        self.heard = heard
        intake = Intake(
            store: house.store, checks: Intake.Check.standard + [.lists(house.lists)], clock: { clock.now },
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onQueued: { ids in heard.ids.withLock { $0 += ids } })
        for number in 1...9 { try house.domain("d\(number).example", at: "9.0.0.\(number)") }
        var draft = ListChange()
        draft.owners = ["alice@example.test"]
        draft.name = "Developers"
        change(&draft)
        list = try await house.directory.add(list: "dev@example.test", draft, at: house.clock.now)
        if !members.isEmpty { _ = try await house.directory.add(members: members, mayPost: true, to: "dev") }
    }

    /// Brings a message as another server does; with `user`, as one of ours. Throws `Refusal`.
    func bring(_ text: String, from sender: String, to recipients: [String], user: AccountID? = nil, until isThere: (() -> Bool)? = nil) async throws {
        let reversePath: ReversePath = sender == "<>" ? .null : .mailbox(try #require(Address(sender)))
        var there: [Intake.Recipient] = []
        for recipient in recipients {
            let address = try #require(Address(recipient))
            guard case .destinations(let destinations) = try await house.directory.resolve(address) else { throw Refusal.unknownUser }
            there.append(Intake.Recipient(address: .mailbox(address), destinations: destinations))
        }
        var envelope = Intake.Envelope(
            id: try #require(TransactionID("post-1")), reversePath: reversePath, recipients: there, isSMTPUTF8: false,
            trace: ByteBuffer(string: "Received: from x by mail.example.test (Martlet) with ESMTP id 1;\r\n\tnow\r\n"), submission: nil)
        envelope.host = Domain("mail.example.test")
        envelope.sender = user
        _ = try await intake.deliver(envelope, ByteBuffer(string: text))
        await run(until: isThere)
    }

    /// Brings a post with one line of text.
    func post(_ subject: String = "x", from author: String, fields: String = "", to: String = "dev@example.test", user: AccountID? = nil) async throws {
        try await bring("From: \(author)\r\nTo: dev@example.test\r\nSubject: \(subject)\r\n\(fields)\r\nHello\r\n", from: author, to: [to], user: user)
    }

    func run(until isThere: (() -> Bool)? = nil) async {
        await house.outbox.queued(
            heard.ids.withLock { ids in
                defer { ids = [] }
                return ids
            })
        if let isThere {
            while !isThere() { await Task.yield() }
            return
        }
        await house.outbox.whenQuiet()
    }

    func members() async throws -> [ListMember] { try await house.lists.register.members(of: list.address) }

    /// What servers were given since the last call.
    func sent() -> [ScriptedCarrier.Delivery] { Array(house.carrier.deliveries) }
}

extension String {
    /// The first word that begins with this and ends before a blank, a bracket or a line's end.
    func word(beginning start: String) -> String? {
        guard let range = firstRange(of: start) else { return nil }
        return String(self[range.lowerBound...].prefix { !" <>\r\n\t;".contains($0) && $0 != "\r\n" })
    }
}
