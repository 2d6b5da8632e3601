import Logging
import MailModel
import NIOCore
import SenderTrust
import Storage
import Testing

@testable import PostOffice

@Suite("In whose name mail is signed: only what the domain in From answers for is signed by it")
struct SigningDeskTests {
    private let house: KeyHouse
    private let desk: SigningDesk

    /// Signing as they are served: two of them by the same owner as far as names tell, and one without keys.
    private static let served = ["example.test", "lists.example.test", "second.example", "quiet.example"]

    init() async throws {
        house = try KeyHouse()
        let clock = house.clock
        for name in SigningDeskTests.served.dropLast() {
            let domain = try #require(Domain(name))
            for key in try await house.keys.generate([.ed25519SHA256], for: domain) { try await house.keys.activate(key.selector, of: domain) }
        }
        desk = SigningDesk(
            keys: house.keys, serverName: try #require(Domain("mail.second.example")), clock: { clock.now },
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { SigningDeskTests.served.contains($0.value) }
    }

    /// - parameter head: what this house wrote before the text.
    private func message(_ text: String, _ origin: QueueDraft.Origin, from sender: String?, head: String = "") throws -> OutgoingMessage {
        let octets = ByteBuffer(string: head + text)
        return OutgoingMessage(
            reversePath: try sender.map { .mailbox(try #require(Address($0))) } ?? .null,
            recipients: [QueuedRecipient(.mailbox(try #require(Address("ben@far.example"))))], traits: [], origin: origin, envelopeID: nil,
            size: octets.readableBytes, headSize: head.utf8.count,
            read: { range in octets.getSlice(at: range.lowerBound, length: min(range.count, octets.readableBytes - range.lowerBound)) ?? ByteBuffer() })
    }

    /// The fields that are written before it, unfolded.
    private func fields(_ text: String, _ origin: QueueDraft.Origin, from sender: String?, head: String = "") async throws -> String {
        guard var signer = try await desk.signer(for: try message(text, origin, from: sender, head: head)) else { return "" }
        signer.take(ByteBuffer(string: head + text))
        return String(buffer: signer.finish()).replacing("\r\n", with: "")
    }

    /// d= of the signatures.
    private func domains(_ text: String, _ origin: QueueDraft.Origin, from sender: String?, head: String = "") async throws -> [String] {
        let fields = try await fields(text, origin, from: sender, head: head)
        return fields.split(separator: ";").compactMap { tag in
            let tag = tag.drop { $0 == " " || $0 == "\t" }
            return tag.hasPrefix("d=") ? String(tag.dropFirst(2)) : nil
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let origin: QueueDraft.Origin
        let sender: String?
        let header: String
        let domains: [String]
        init(_ origin: QueueDraft.Origin, _ sender: String?, _ header: String, _ domains: [String]) {
            (self.origin, self.sender, self.header, self.domains) = (origin, sender, header, domains)
        }
        var testDescription: String { "\(origin) \(sender ?? "<>") \(header)" }
    }

    private static let srs = "SRS0=aaaaaaaa=aa=far.example=ann@example.test"

    static let cases: [Case] = [
        // Ours: the author's domain, and that of the envelope where it is another one.
        Case(.own, "alice@example.test", "From: alice@example.test", ["example.test"]),
        Case(.own, "alice@example.test", "From: Alice <ALICE@Example.Test>", ["example.test"]),
        Case(.own, "dev-bounces@lists.example.test", "From: alice@example.test", ["example.test", "lists.example.test"]),
        Case(.own, nil, "From: Mail Delivery System <postmaster@mail.second.example>", ["second.example"]),
        Case(.own, "x@example.test", "From: a@example.test, b@second.example", ["example.test", "second.example"]),
        Case(.own, "x@example.test", "From: a@deep.below.example.test", ["example.test"]),
        Case(.own, "x@quiet.example", "From: a@quiet.example", []),
        Case(.own, "x@foreign.example", "From: a@foreign.example", []),
        Case(.own, "x@example.test", "From: a@foreign.example", ["example.test"]),
        Case(.own, "x@test", "From: a@test", []),
        Case(.own, "x@example.test", "From: a@[192.0.2.1]", ["example.test"]),
        // A stranger's, which we send on: by whoever sends it on, and never in the author's name.
        Case(.passedOn, srs, "From: ann@far.example", ["example.test"]),
        Case(.passedOn, "dev-bounces@lists.example.test", "From: ann@far.example", ["lists.example.test"]),
        Case(.passedOn, srs, "From: alice@example.test", []),
        Case(.passedOn, srs, "From: alice@second.example", []),
        Case(.passedOn, srs, "From: alice@quiet.example", []),
        Case(.passedOn, "dev-bounces@lists.example.test", "From: alice@example.test", []),
        Case(.passedOn, "dev-bounces@lists.example.test", "From: alice@other.example.test", []),
        Case(.passedOn, "x@second.example", "From: ann@sub.second.example", []),
        Case(.passedOn, "x@second.example", "From: postmaster@mail.second.example", []),
        Case(.passedOn, srs, "From: ann@far.example, alice@example.test", []),
        Case(.passedOn, srs, "From: Friends: ann@far.example, alice@example.test;", []),
        Case(.passedOn, srs, "From: ann@far.example\r\nFrom: alice@example.test", []),
        Case(.passedOn, srs, "From: ann@far.example\r\nFROM : ann@far.example", []),
        Case(.passedOn, srs, "From: \"alice@example.test\" <ann@far.example>", ["example.test"]),
        Case(.passedOn, srs, "From: <ann@far.example> <alice@example.test>", []),
        Case(.passedOn, srs, "From: ann@far.example (alice@example.test", []),
        Case(.passedOn, srs, "From: ann", []),
        Case(.passedOn, srs, "Subject: nobody", []),
        Case(.passedOn, nil, "From: ann@far.example", []),
        Case(.passedOn, "ann@far.example", "From: ann@far.example", []),
        // Names below and above ours, of which nobody has asked us.
        Case(.passedOn, srs, "From: x@evil.sub.example.test", []),
        Case(.passedOn, "x@lists.example.test", "From: x@example.test", []),
        Case(.passedOn, "x@lists.example.test", "From: x@evil.example.test", []),
        Case(.passedOn, srs, "From: x@test", []),
        // A program's of this machine: as the author's where all of From is ours, or else as what is passed on.
        Case(.local, "www-data@example.test", "From: alice@example.test", ["example.test"]),
        Case(.local, "www-data@mail.second.example", "From: root@mail.second.example", ["second.example"]),
        Case(.local, "www-data@second.example", "From: nobody-there@example.test", ["example.test", "second.example"]),
        Case(.local, nil, "From: root@example.test", ["example.test"]),
        Case(.local, "www-data@example.test", "From: customer@far.example", ["example.test"]),
        Case(.local, "customer@far.example", "From: customer@far.example", []),
        Case(.local, "www-data@example.test", "From: alice@example.test, customer@far.example", []),
        Case(.local, "www-data@example.test", "From: alice@example.test\r\nFrom: alice@example.test", []),
        Case(.local, "www-data@example.test", "From: <alice@example.test> <ann@far.example>", []),
        Case(.local, "www-data@example.test", "Subject: nobody", []),
        // Somebody's whom we only carry.
        Case(.others, "alice@example.test", "From: alice@example.test", []),
        Case(.others, srs, "From: ann@far.example", []),
    ]

    @Test("by whom, for each origin, envelope and From: TRAPS §2.1", arguments: cases)
    func names(_ row: Case) async throws {
        #expect(try await domains(row.header + "\r\nTo: ben@far.example\r\n\r\nx\r\n", row.origin, from: row.sender) == row.domains)
        #expect(try await domains("Received: by x\r\n\tfor y\r\n" + row.header + "\r\n\r\n", row.origin, from: row.sender) == row.domains)
    }

    @Test("with the null reverse-path it is signed by the address that sends it on, as our head says, never as the text does")
    func forwardedReports() async throws {
        let report = "Delivered-To: x@second.example\r\nFrom: mailer@far.example\r\n\r\nx\r\n"
        let head = "Delivered-To: alice@example.test\r\nReceived: from x\r\n by y\r\n"
        #expect(try await domains(report, .passedOn, from: nil, head: head) == ["example.test"])
        #expect(try await domains(report, .passedOn, from: nil, head: "Received: from x\r\n").isEmpty)
        #expect(try await domains(report, .passedOn, from: nil).isEmpty)
        #expect(try await domains(report, .others, from: nil, head: head).isEmpty)
        #expect(try await domains("From: mailer@mail.example.test\r\n\r\nx\r\n", .passedOn, from: nil, head: head).isEmpty)
        let results = "Authentication-Results: mail.second.example; arc=none; spf=pass smtp.helo=far.example\r\n"
        let sealed = try await fields(report, .passedOn, from: nil, head: head + results)
        #expect(sealed.contains("ARC-Seal:") && sealed.components(separatedBy: "d=example.test").count == 4)
    }

    @Test("results that came with the text are believed by nobody, whose ever name they have: only what this house wrote before it is sealed")
    func forgedResults() async throws {
        let results = "Authentication-Results: mail.second.example; arc=none; dmarc=pass header.from=far.example\r\n"
        let text = "From: ann@far.example\r\n\r\nx\r\n"
        for (head, text, isSealed) in [
            (results, text, true), ("", results + text, false), ("Received: by x\r\n", results + text, false), (results, results + text, true),
            ("", text + results, false),
        ] {
            let fields = try await fields(text, .passedOn, from: SigningDeskTests.srs, head: head)
            #expect(fields.contains("ARC-Seal:") == isSealed && fields.contains("DKIM-Signature:"), "\(head) | \(text)")
        }
        let both = try await fields(
            results.replacing("pass", with: "fail") + text, .passedOn, from: SigningDeskTests.srs, head: "Received: by x\r\n" + results)
        #expect(both.contains("dmarc=pass") && !both.contains("dmarc=fail"))
    }

    @Test("a header that is longer than is held goes unsigned; one that has no end but the message's is signed")
    func length() async throws {
        let long = "X-Long: " + String(repeating: String(repeating: "x", count: 70) + "\r\n\t", count: 4_000) + "x\r\n"
        #expect(try await domains(long + "From: alice@example.test\r\n\r\nx\r\n", .own, from: "alice@example.test").isEmpty)
        #expect(try await domains("From: alice@example.test\r\n" + long + "\r\nx\r\n", .own, from: "alice@example.test").isEmpty)
        #expect(try await domains("From: alice@example.test\r\n", .own, from: "alice@example.test") == ["example.test"])
    }

    @Test("a message that cannot be read, or keys that cannot, are no reason to send it unsigned: it is tried again")
    func unreadable() async throws {
        let short = OutgoingMessage(
            try message("From: alice@example.test\r\n\r\n", .own, from: "alice@example.test"), size: 100_000, read: { _ in ByteBuffer() })
        await #expect(throws: StorageFault.self) { try await desk.signer(for: short) }
        try await house.store.change([KeyValueChange(.signingKeys, "example.test", [0x7B])])
        await #expect(throws: StorageFault.self) { try await domains("From: alice@example.test\r\n\r\n", .own, from: "alice@example.test") }
    }

    @Test("where no domain has keys, nothing is read for it")
    func keyless() async throws {
        let other = try KeyHouse()
        let clock = other.clock
        let desk = SigningDesk(
            keys: other.keys, serverName: other.domain, clock: { clock.now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { _ in true }
        let unreadable = OutgoingMessage(
            try message("From: alice@example.test\r\n\r\n", .own, from: "alice@example.test"), size: 100, read: { _ in throw StorageFault.closed })
        let signer = try await desk.signer(for: unreadable)
        #expect(signer == nil)
    }

    @Test("names that one owner could have end in the same two labels")
    func alignment() throws {
        func may(_ a: String, _ b: String) throws -> Bool { SigningDesk.mayAlign(try #require(Domain(a)), try #require(Domain(b))) }
        #expect(try may("a.example.org", "example.org") && may("a.example.org", "b.example.org") && may("x.co.uk", "y.co.uk") && may("org", "example.org"))
        #expect(try !may("example.org", "example.net") && !may("anexample.org", "example.org"))
    }
}
