import Logging
import MailModel
import MemoryStore
import NIOCore
import PostOffice
import Rehearsal
import Storage
import Testing

@Suite("Mail that is sent on")
struct ForwardingTests {
    private static let now = Timestamp(rawValue: 1_795_307_700)

    private let premises: DirectoryPremises
    private let intake: Intake
    private let alice: AccountRecord

    init() async throws {
        premises = try await DirectoryPremises()
        alice = try await premises.enrol("alice@example.org")
        _ = try await premises.enrol("bob@example.org")
        intake = Intake(
            store: premises.store, clock: { Self.now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, forwarding: premises.directory)
        try await premises.directory.set(forwarding: ["ben@far.example"], keepsCopy: false, of: "alice")
        try await premises.directory.add(alias: "info@example.org", targets: ["ben@far.example"])
    }

    /// - parameter judgement: what a check says of who sent it.
    private func send(
        _ sender: String?, to recipient: String = "alice@example.org", from: String, header: String = "", by user: AccountID? = nil,
        judged judgement: SenderJudgement? = nil, host: String = "mail.example.org"
    ) async throws -> (placed: Int, sent: [String]) {
        var intake = intake
        if let judgement {
            var check = Intake.Check(name: "judge")
            check.text = { _, _, _ in .judged(judgement) }
            intake = Intake(
                store: premises.store, checks: [check], clock: { Self.now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                forwarding: premises.directory)
        }
        let address = try #require(Address(recipient))
        guard case .destinations(let destinations) = try await premises.directory.resolve(address) else { return (0, []) }
        var envelope = Intake.Envelope(
            id: try #require(TransactionID("t-1")), reversePath: try sender.map { .mailbox(try #require(Address($0))) } ?? .null,
            recipients: [Intake.Recipient(address: .mailbox(address), destinations: destinations)], isSMTPUTF8: false,
            trace: ByteBuffer(string: "Received: from x by mail.example.org (Martlet) with ESMTP id 1; now\r\n"), submission: nil)
        envelope.host = Domain(host)
        envelope.sender = user
        let receipt = try await intake.deliver(envelope, ByteBuffer(string: header + "From: \(from)\r\n\r\nx\r\n"))
        var sent: [String] = []
        for id in receipt.queued { sent.append(try await premises.store.queued(id).draft.reversePath.written) }
        return (receipt.placed.count, sent)
    }

    /// To a list alone.
    private func sendToList(_ judgement: SenderJudgement) async throws {
        var check = Intake.Check(name: "judge")
        check.text = { _, _, _ in .judged(judgement) }
        let intake = Intake(
            store: premises.store, checks: [check], clock: { Self.now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            forwarding: premises.directory)
        let list = try #require(Address("dev@example.org"))
        let envelope = Intake.Envelope(
            id: try #require(TransactionID("t-1")), reversePath: .null,
            recipients: [Intake.Recipient(address: .mailbox(list), destinations: [.list(list)])], isSMTPUTF8: false, trace: ByteBuffer(), submission: nil)
        _ = try await intake.deliver(envelope, ByteBuffer(string: "From: x@evil.example\r\n\r\nx\r\n"))
    }

    @Test("what a stranger brings in the name of one of our users is kept, not sent on from us")
    func borrowed() async throws {
        for (sender, from) in [
            ("bob@example.org", "bob@example.org"), ("x@evil.example", "Bob <bob@example.org>"), ("x@evil.example", "x@evil.example, bob@EXAMPLE.org"),
            ("x@evil.example", "g: bob@example.org;"), ("bob@example.org", "x@evil.example"), (nil, "bob@example.org"),
            ("x@evil.example", "x@evil.example\r\nFrom: bob@example.org"),
        ] {
            let found = try await send(sender, from: from)
            #expect(found.placed == 1 && found.sent == [], "\(from)")
            await #expect(throws: Refusal.borrowedName, "\(from)") { _ = try await send(sender, to: "info@example.org", from: from) }
        }
    }

    @Test("what is proved to be one of our users' goes on, by From and by the envelope alike; half a proof is none")
    func proven() async throws {
        let domain = try #require(Domain("example.org"))
        let author = SenderJudgement(fields: [], provenAuthors: [domain])
        #expect(try await send("bounces@service.example", from: "bob@example.org", judged: author).sent.count == 1)
        #expect(try await send("bob@example.org", from: "bob@example.org", judged: author).sent == [])
        let both = SenderJudgement(fields: [], provenAuthors: [domain], provenSender: domain)
        #expect(try await send("bob@example.org", from: "bob@example.org", judged: both).sent == ["<bob@example.org>"])
        let other = SenderJudgement(fields: [], provenAuthors: [try #require(Domain("evil.example"))], provenSender: Domain("evil.example"))
        #expect(try await send("x@evil.example", from: "x@evil.example, bob@example.org", judged: other).sent == [])
    }

    @Test("names above and below ours, and beside them where DMARC says that one owner has both, could be taken for ours by the next server: RFC 9989 §4.4")
    func aligned() async throws {
        try await premises.directory.add(domain: "lists.second.example")
        func isSentOn(_ from: String, by sender: String? = "x@evil.example", _ judgement: SenderJudgement? = nil) async throws -> Bool {
            let found = try await send(sender, from: from, judged: judgement)
            #expect(found.placed == (found.sent.isEmpty ? 1 : 0), "\(from)")
            if found.sent.isEmpty {
                await #expect(throws: Refusal.borrowedName, "\(from)") {
                    _ = try await send(sender, to: "info@example.org", from: from, judged: judgement)
                }
            }
            return !found.sent.isEmpty
        }
        for name in ["sub.example.org", "evil.sub.EXAMPLE.org", "second.example", "x.lists.second.example"] {
            #expect(try await !isSentOn("x@\(name)"), "\(name)")
            let domain = try #require(Domain(name)?.asciiForm)
            #expect(try await isSentOn("x@\(name)", SenderJudgement(fields: [], provenAuthors: [domain])), "\(name)")
        }
        for name in ["anexample.org", "example.org.evil.example", "other.second.example", "third.example"] {
            #expect(try await isSentOn("x@\(name)"), "\(name)")
        }
        // With the null reverse-path the next server asks for our own name.
        for (sender, sent) in [(nil, 0), ("x@evil.example", 1)] {
            #expect(try await send(sender, from: "x@sub.mx.hoster.example", host: "mx.hoster.example").sent.count == sent)
            #expect(try await send(sender, from: "x@hoster.example", host: "mx.hoster.example").sent.count == sent)
        }
        let (beside, above) = (try #require(Domain("other.second.example")), try #require(Domain("second.example")))
        #expect(try await !isSentOn("x@other.second.example", SenderJudgement(fields: [], organizations: [beside: above])))
        #expect(try await isSentOn("x@other.second.example", SenderJudgement(fields: [], organizations: [beside: beside])))
    }

    @Test("junk lies in the junk mailbox of who has it here, and is sent on by nobody: it is kept in their stead, or refused")
    func junk() async throws {
        let judgement = SenderJudgement(fields: [HeadField("X-Judged", "bad")], isJunk: true)
        let bob = try #require(try await premises.store.account(named: AccountName("bob@example.org", defaultDomain: nil)))
        for account in [bob, alice] {
            let mailboxes = try await premises.store.mailboxes(of: account.id)
            let junk = try #require(mailboxes.first { $0.specialUse == .junk })
            let found = try await send("x@evil.example", to: account.name.description, from: "x@evil.example", judged: judgement)
            #expect(found.placed == 1 && found.sent == [])
            #expect(try await premises.store.status(of: junk.id).messages == 1)
        }
        await #expect(throws: Refusal.unwanted) {
            _ = try await send("x@evil.example", to: "info@example.org", from: "x@evil.example", judged: judgement)
        }
        // Nor does a list take it.
        await #expect(throws: Refusal.unwanted) { _ = try await sendToList(judgement) }
        // Without such a mailbox it is in the inbox, never lost.
        let mailboxes = try await premises.store.mailboxes(of: bob.id)
        try await premises.store.delete(mailbox: try #require(mailboxes.first { $0.specialUse == .junk }).id)
        #expect(try await send("x@evil.example", to: "bob@example.org", from: "x@evil.example", judged: judgement).placed == 1)
    }

    @Test("others' mail goes on in our name, our users' own in theirs, and reports in nobody's")
    func others() async throws {
        let other = try await send("ann@remote.example", from: "ann@remote.example")
        #expect(other.placed == 0 && other.sent.count == 1 && other.sent[0].hasPrefix("<SRS0="))
        let own = try await send("bob@example.org", from: "bob@example.org", by: alice.id)
        #expect(own.placed == 0 && own.sent == ["<bob@example.org>"])
        #expect(try await send(nil, from: "mailer@remote.example").sent == ["<>"])
    }

    @Test("mail that comes back to who sent it on is refused, by whatever name it comes")
    func loop() async throws {
        let before = "Delivered-To: alice@example.org\r\nReceived: from x by mail.example.org (Martlet) with ESMTP id 0; before\r\n"
        try await premises.directory.add(domain: "second.example", standingFor: "example.org")
        try await premises.directory.add(alias: "a@example.org", targets: ["alice@example.org"])
        for name in ["alice@example.org", "alice+x@example.org", "a@example.org", "ALICE@second.example"] {
            await #expect(throws: Refusal.returned, "\(name)") {
                _ = try await send("ann@remote.example", to: name, from: "ann@remote.example", header: before)
            }
        }
        #expect(try await send("ann@remote.example", to: "info@example.org", from: "ann@remote.example", header: before).sent.count == 1)
    }
}
