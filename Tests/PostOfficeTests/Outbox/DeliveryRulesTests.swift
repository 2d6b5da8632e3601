import MailModel
import Storage
import Testing

@testable import PostOffice

@Suite("Who is told what (RFC 3461 §4.1, §5.2)")
struct DeliveryRulesTests {
    typealias Outcome = DeliveryReport.Outcome
    static let outcomes: [Outcome] = [.failed, .delayed, .delivered, .passedOn(servesDSN: true), .passedOn(servesDSN: false), .expanded]

    @Test(
        "by NOTIFY",
        arguments: [
            ([], [.failed, .delayed, nil, nil, nil, nil]),
            (.never, [nil, nil, nil, nil, nil, nil]),
            (.failure, [.failed, nil, nil, nil, nil, nil]),
            (.delay, [nil, .delayed, nil, nil, nil, nil]),
            (.success, [nil, nil, .delivered, nil, .relayed, .expanded]),
            ([.success, .failure, .delay], [.failed, .delayed, .delivered, nil, .relayed, .expanded]),
        ] as [(QueuedRecipient.Notify, [DeliveryReport.Action?])])
    func notify(_ notify: QueuedRecipient.Notify, _ expected: [DeliveryReport.Action?]) throws {
        let recipient = try Reports.recipient("a@b.example", notify)
        let draft = try Reports.draft([recipient])
        #expect(Self.outcomes.map { DeliveryReport.action(for: $0, of: recipient, in: draft) } == expected)
        // Nobody is told of what has no sender.
        let null = try Reports.draft([recipient], from: nil)
        #expect(Self.outcomes.allSatisfy { DeliveryReport.action(for: $0, of: recipient, in: null) == nil })
    }

    @Test("no delay of what a program wrote, but where it was asked for")
    func automatic() throws {
        let (plain, asked) = (try Reports.recipient("a@b.example"), try Reports.recipient("a@b.example", .delay))
        let draft = try Reports.draft([plain, asked], traits: .isAutomatic)
        #expect(DeliveryReport.action(for: .delayed, of: plain, in: draft) == nil)
        #expect(DeliveryReport.action(for: .delayed, of: asked, in: draft) == .delayed)
        #expect(DeliveryReport.action(for: .failed, of: plain, in: draft) == .failed)
    }

    @Test(
        "different words for different causes",
        arguments: [
            ("550", "5.1.1", DeliveryCause.unknownMailbox), ("552", "5.2.2", .fullMailbox), ("550", "5.7.1", .policy), ("550", "5.7.26", .policy),
            ("550", "5.1.2", .unknownDomain), ("556", "5.1.10", .noMail), ("552", "5.3.4", .tooBig), ("553", "5.6.7", .needsUTF8), ("554", "5.4.6", .loop),
            ("451", "4.7.1", .expired(432_000)), ("550", "5.4.7", .expired(432_000)), ("550", nil, .refused), ("451", nil, .expired(432_000)),
            ("550", "5.2.1", .closedMailbox), ("550", "5.9.9", .refused), ("550", "5.1.8", .senderRefused), ("550", "5.6.3", .needsConversion),
            ("501", "5.1.3", .badAddress),
        ] as [(String, String?, DeliveryCause)])
    func causes(_ code: String, _ status: String?, _ cause: DeliveryCause) throws {
        let recipient = try Reports.recipient("a@b.example")
        let progress = Reports.attempt(Reports.reply(Int(code) ?? 0, status, "words"))
        #expect(DeliveryCause(.init(recipient, .failed, progress), waited: 432_000) == cause)
        #expect(!cause.words.isEmpty && cause.advice?.isEmpty == false)
    }

    @Test("without an answer, and while it is tried")
    func unanswered() throws {
        let recipient = try Reports.recipient("a@b.example")
        let unresolved = Reports.attempt(nil, host: nil, address: nil, reason: "no such domain", status: EnhancedStatus(5, 1, 2))
        #expect(DeliveryCause(.init(recipient, .failed, unresolved), waited: 1) == .unknownDomain)
        #expect(DeliveryCause(.init(recipient, .failed, RecipientProgress(due: Reports.arrived)), waited: 1) == .unreachable)
        #expect(DeliveryCause(.init(recipient, .delayed, Reports.attempt(nil)), waited: 1) == .unreachable)
        #expect(DeliveryCause(.init(recipient, .delayed, Reports.attempt(Reports.reply(450, "4.7.1", "Greylisted"))), waited: 1) == .delayed)
        #expect(DeliveryCause(.init(recipient, .delayed, Reports.attempt(Reports.reply(452, "4.2.2", "Full"))), waited: 1) == .fullMailbox)
        #expect(DeliveryCause.expired(432_000).words.contains("5 days") && DeliveryCause.expired(7_200).words.contains("2 hours"))
        #expect(DeliveryCause.expired(0).words.contains("1 minute,"))
    }

    @Test(
        "the status fits the action: RFC 3464 §2.3.4",
        arguments: [
            (.failed, "5.1.1", "5.1.1"), (.failed, "4.4.1", "4.4.1"), (.failed, "2.0.0", "5.0.0"), (.delayed, "4.7.1", "4.7.1"), (.delayed, "5.1.1", "4.0.0"),
            (.delivered, "2.1.5", "2.1.5"), (.delivered, "5.0.0", "2.0.0"), (.relayed, "2.0.0", "2.1.9"),
        ] as [(DeliveryReport.Action, String, String)])
    func status(_ action: DeliveryReport.Action, _ known: String, _ expected: String) throws {
        let progress = Reports.attempt(nil, status: EnhancedStatus(known))
        #expect(DeliveryReport.Recipient(try Reports.recipient("a@b.example"), action, progress).status.description == expected)
        let nothing = RecipientProgress(due: Reports.arrived)
        #expect(DeliveryReport.Recipient(try Reports.recipient("a@b.example"), .failed, nothing).status.description == "5.0.0")
    }
}
