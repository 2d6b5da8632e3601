import Logging
import MailModel
import MemoryStore
import NIOCore
import Rehearsal
import Storage
import Testing

@testable import PostOffice

@Suite("Who answers for a message is known when it is queued, and stays with all that is made of it")
struct OriginTests {
    typealias Origin = QueueDraft.Origin

    private func intake(_ premises: DirectoryPremises) -> Intake {
        Intake(
            store: premises.store, clock: { Timestamp(rawValue: 1_795_307_700) }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            forwarding: premises.directory)
    }

    /// Of the entries that a message becomes; From is ann's.
    private func origins(
        to recipient: String, destinations: [Destination]? = nil, _ change: (inout Intake.Envelope) -> Void = { _ in }
    ) async throws -> [Origin] {
        let premises = try await DirectoryPremises()
        _ = try await premises.enrol("alice@example.org")
        try await premises.directory.set(forwarding: ["ben@far.example"], keepsCopy: false, of: "alice")
        let address = try #require(Address(recipient))
        var there = destinations ?? []
        if destinations == nil, case .destinations(let found) = try await premises.directory.resolve(address) { there = found }
        var envelope = Intake.Envelope(
            id: try #require(TransactionID("t-1")), reversePath: .mailbox(try #require(Address("ann@other.example"))),
            recipients: [Intake.Recipient(address: .mailbox(address), destinations: there)], isSMTPUTF8: false, trace: ByteBuffer(), submission: nil)
        change(&envelope)
        let receipt = try await intake(premises).deliver(envelope, ByteBuffer(string: "From: ann@other.example\r\n\r\nx\r\n"))
        var origins: [Origin] = []
        for id in receipt.queued { origins.append(try await premises.store.queued(id).draft.origin) }
        return origins
    }

    @Test("a stranger's mail that is carried is others', and passed on where an address of ours sends it on; a submission is our own in both")
    func intake() async throws {
        let away = Destination.queue(.mailbox(try #require(Address("x@far.example"))))
        func submitted(_ envelope: inout Intake.Envelope) { envelope.submission = Intake.Submission(host: envelope.host ?? host, author: nil) { _ in .own } }
        let host = try #require(Domain("mail.example.org"))
        #expect(try await origins(to: "x@far.example", destinations: [away]) == [.others])
        #expect(try await origins(to: "alice@example.org") == [.passedOn])
        #expect(try await origins(to: "x@far.example", destinations: [away], submitted) == [.own])
        #expect(try await origins(to: "alice@example.org", submitted) == [.own])
        // A program's of this machine: nobody has looked at From.
        func local(_ envelope: inout Intake.Envelope) { envelope.submission = Intake.Submission(host: envelope.host ?? host, author: nil, right: nil) }
        #expect(try await origins(to: "x@far.example", destinations: [away], local) == [.local])
        #expect(try await origins(to: "alice@example.org", local) == [.local])
        // Somebody who is known, on a port where nobody looks at From.
        #expect(try await origins(to: "x@far.example", destinations: [away]) { $0.sender = AccountID(rawValue: 1) } == [.others])
    }

    @Test(
        "what had to wait keeps it, and becomes passed on where it is sent on",
        arguments: [(Origin.others, Origin.passedOn), (.passedOn, .passedOn), (.own, .own), (.local, .local)])
    private func waiting(_ before: Origin, _ after: Origin) async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        try await house.directory.set(forwarding: ["ben@a.example"], keepsCopy: false, of: "alice")
        try await house.send(["alice@example.test"], from: "<ann@other.example>") { $0.origin = before }
        #expect(house.carrier.deliveries.map(\.recipients) == [["ben@a.example"]])
        #expect(house.carrier.deliveries.map(\.origin) == [after])
    }

    @Test("reports are our own")
    func reports() async throws {
        let house = try await OutboxHouse()
        for (number, name) in ["a.example", "b.example"].enumerated() { try house.domain(name, at: "9.0.0.\(number + 1)") }
        house.carrier.set { delivery in delivery.server.address == "9.0.0.1" ? ScriptedCarrier.refused(delivery, 550) : ScriptedCarrier.taken(delivery) }
        try await house.send(["ben@a.example"], from: "<ann@b.example>")
        await house.outbox.whenQuiet()
        #expect(house.carrier.deliveries.map(\.origin) == [.others, .own])
        #expect(house.carrier.deliveries.last?.reversePath == .null)
    }

    @Test(
        "a list passes on what strangers and known senders wrote; what was handed in here stays our own; its letters are",
        arguments: Origin.allCases)
    private func lists(_ before: Origin) async throws {
        let lists = try await ListHouse(members: ["x@d1.example"]) { $0.posters = .anyone }
        let id = try await lists.house.queue(
            ["dev@example.test"], from: "<ann@d2.example>", text: "From: ann@d2.example\r\nSubject: x\r\n\r\nHello\r\n"
        ) { $0.origin = before }
        await lists.house.outbox.queued([id])
        await lists.house.outbox.whenQuiet()
        #expect(lists.sent().map(\.recipients) == [["x@d1.example"]])
        #expect(lists.sent().map(\.origin) == [[.own, .local].contains(before) ? before : .passedOn])
    }

    @Test("what goes to a list's owners is passed on, and a letter by the list is our own")
    func owners() async throws {
        let lists = try await ListHouse { $0.owners = ["olga@d1.example"] }
        try await lists.bring("From: ann@d2.example\r\nSubject: x\r\n\r\nHello\r\n", from: "ann@d2.example", to: ["dev-owner@example.test"])
        #expect(lists.sent().map(\.origin) == [.passedOn])
        try await lists.post(from: "ann@d2.example")
        #expect(lists.sent().map(\.origin) == [.passedOn, .own])
        #expect(lists.sent().last?.text.contains("From: ") == true && lists.sent().last?.reversePath == .null)
    }
}
