import Conversation
import Logging
import MailModel
import NIOCore
import Rehearsal
import SenderTrust
import Testing

@testable import PostOffice

@Suite("Whose organization an author is of whom nothing is proved, where the message is to be sent on: RFC 9989 §4.10")
struct SenderOrganizationTests {
    private let names = NameTable()
    private let start = ContinuousClock.now

    private func publish(_ domain: String, _ text: String) throws {
        let octets = Array(text.utf8)
        try names.set(.txt, of: "_dmarc.\(domain)", [[UInt8(octets.count)] + octets])
    }

    private func organizations(_ author: String, isSentOn: Bool = true) async throws -> [String: String] {
        let judge = SenderJudge(
            resolver: names, rules: SenderRules(name: try #require(Domain("mx.example.org"))), clock: { Timestamp(rawValue: 1_795_307_700) },
            now: { [start] in start }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { _, _ in }
        let (alice, ben) = (try #require(Address("alice@example.org")), try #require(Address("ben@far.example")))
        let destination: Destination = isSentOn ? .forward(to: ben, by: alice) : .queue(.mailbox(alice))
        var envelope = Intake.Envelope(
            id: try #require(TransactionID("t-1")), reversePath: .mailbox(try #require(Address("x@elsewhere.example"))),
            recipients: [Intake.Recipient(address: .mailbox(alice), destinations: [destination])], isSMTPUTF8: false, trace: ByteBuffer(), submission: nil)
        envelope.client = Intake.Client(address: "192.0.2.1", isSecured: false, name: "mail.elsewhere.example")
        let check = Intake.Check.senders(judge)
        var observer = try #require(check.makeObserver?(envelope))
        observer.take(ByteBuffer(string: "From: x@\(author)\r\n\r\nx\r\n"))
        guard case .judged(let judgement)? = await check.text?(envelope, HeaderSurvey(), observer) else { return ["": "not accepted"] }
        return Dictionary(uniqueKeysWithValues: judgement.organizations.map { ($0.key.value, $0.value.value) })
    }

    @Test("the highest record on the way up says it, also where the author has one of its own; without a policy nothing can be taken for proof")
    func found() async throws {
        #expect(try await organizations("a.b.example.net").isEmpty)
        try publish("a.b.example.net", "v=DMARC1; p=none")
        #expect(try await organizations("a.b.example.net") == ["a.b.example.net": "a.b.example.net"])
        try publish("example.net", "v=DMARC1; p=none")
        #expect(try await organizations("a.b.example.net") == ["a.b.example.net": "example.net"])
        #expect(try await organizations("c.example.net") == ["c.example.net": "example.net"])
        #expect(try await organizations("c.example.net", isSentOn: false).isEmpty)
    }

    @Test("where DNS does not tell, it is the highest name that it could be")
    func unknown() async throws {
        try publish("a.b.example.net", "v=DMARC1; p=none")
        try names.setFault(.txt, of: "_dmarc.b.example.net", .timedOut)
        #expect(try await organizations("a.b.example.net") == ["a.b.example.net": "example.net"])
    }
}
