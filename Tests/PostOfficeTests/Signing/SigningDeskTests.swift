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

    private func message(_ text: String, _ origin: QueueDraft.Origin, from sender: String?) throws -> OutgoingMessage {
        let octets = ByteBuffer(string: text)
        return OutgoingMessage(
            reversePath: try sender.map { .mailbox(try #require(Address($0))) } ?? .null,
            recipients: [QueuedRecipient(.mailbox(try #require(Address("ben@far.example"))))], traits: [], origin: origin, envelopeID: nil,
            size: octets.readableBytes,
            read: { range in octets.getSlice(at: range.lowerBound, length: min(range.count, octets.readableBytes - range.lowerBound)) ?? ByteBuffer() })
    }

    /// d= of the signatures.
    private func domains(_ text: String, _ origin: QueueDraft.Origin, from sender: String?) async throws -> [String] {
        guard var signer = try await desk.signer(for: try message(text, origin, from: sender)) else { return [] }
        signer.take(ByteBuffer(string: text))
        let fields = String(buffer: signer.finish()).replacing("\r\n", with: "")
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
        // Somebody's whom we only carry.
        Case(.others, "alice@example.test", "From: alice@example.test", []),
        Case(.others, srs, "From: ann@far.example", []),
    ]

    @Test("by whom, for each origin, envelope and From: TRAPS §2.1", arguments: cases)
    func names(_ row: Case) async throws {
        #expect(try await domains(row.header + "\r\nTo: ben@far.example\r\n\r\nx\r\n", row.origin, from: row.sender) == row.domains)
        #expect(try await domains("Received: by x\r\n\tfor y\r\n" + row.header + "\r\n\r\n", row.origin, from: row.sender) == row.domains)
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
