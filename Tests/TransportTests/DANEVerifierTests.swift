import Conversation
import Crypto
import NIOCore
import NIOSSL
import Testing
import X509

@testable import Transport

@Suite("Who a server is by its TLSA records: RFC 7671 §5, RFC 7672 §3", .timeLimit(.minutes(20)))
struct DANEVerifierTests {
    private let root: IssuedCertificate
    private let middle: IssuedCertificate
    private let leaf: IssuedCertificate
    private static let names = ["mx.example.org", "example.org"]

    init() throws {
        root = try .make("Root", .authority)
        middle = try .make("Middle", .authority, by: root)
        leaf = try .make("mx.example.org", .server(["mx.example.org"]), by: middle)
    }

    private func fault(
        _ leaf: IssuedCertificate, _ records: [TLSARecord], names: [String] = names, _ change: (inout TLSConfiguration) -> Void = { _ in }
    )
        async throws -> TLSFailure?
    {
        try await fault(leaf, [], records, names: names, change)
    }

    /// A handshake with who shows those.
    private func fault(
        _ leaf: IssuedCertificate, _ others: [IssuedCertificate] = [], _ records: [TLSARecord], names: [String] = names,
        _ change: (inout TLSConfiguration) -> Void = { _ in }
    ) async throws -> TLSFailure? {
        let terms = TLSTerms(serverName: "mx.example.org", verification: .dane(records: records, names: names))
        guard let fault = try await StreamTLSTests.secured(try leaf.identity(with: others), terms, change) else { return nil }
        guard case .tls(let failure) = fault else {
            Issue.record("\(fault)")
            return nil
        }
        return failure
    }

    // MARK: Usage 3

    @Test("its own certificate or key, whole or as a digest; neither its names nor its dates, nor who vouches, are looked at", arguments: [0, 1], [0, 1, 2])
    func own(selector: UInt8, matching: UInt8) async throws {
        let odd = try IssuedCertificate.make("nobody", .server(["elsewhere.example"]), by: middle, flaw: .expired)
        #expect(try await fault(odd, [try odd.record(3, selector, matching)]) == nil)
        #expect(try await fault(odd, [try leaf.record(3, selector, matching)])?.kind == .notTrusted)
    }

    @Test("one record that fits is enough; that of another in the chain is none for the server's own")
    func rollover() async throws {
        let next = try IssuedCertificate.make("mx.example.org", .server(["mx.example.org"]), by: middle)
        let records = [try next.record(3, 1, 1), try leaf.record(3, 1, 1)]
        for leaf in [leaf, next] { #expect(try await fault(leaf, records) == nil) }
        #expect(try await fault(leaf, [middle], [try middle.record(3, 1, 1)])?.kind == .notTrusted)
        // The key stays, the certificate is another.
        let renewed = try IssuedCertificate.make("mx.example.org", .server(["mx.example.org"]), by: root, key: leaf.key)
        #expect(try await fault(renewed, [try leaf.record(3, 1, 1)]) == nil)
        #expect(try await fault(renewed, [try leaf.record(3, 0, 1)])?.kind == .notTrusted)
    }

    // MARK: Usage 2

    @Test("an anchor in the chain that was sent, by certificate or key: the root, or one between", arguments: [0, 1], [0, 1, 2])
    func anchor(selector: UInt8, matching: UInt8) async throws {
        for anchor in [root, middle] {
            #expect(try await fault(leaf, [middle, root], [try anchor.record(2, selector, matching)]) == nil)
            // In another order too.
            #expect(try await fault(leaf, [root, middle], [try anchor.record(2, selector, matching)]) == nil)
        }
    }

    @Test("an anchor that was not sent is known where the record has it whole, and not by its digest or key: RFC 7671 §5.2.2")
    func absent() async throws {
        #expect(try await fault(leaf, [middle], [try root.record(2, 0, 0)]) == nil)
        #expect(try await fault(leaf, [], [try middle.record(2, 0, 0)]) == nil)
        #expect(try await fault(leaf, [], [try root.record(2, 0, 0)])?.kind == .notTrusted)
        for (selector, matching) in [(0, 1), (1, 1), (1, 0)] as [(UInt8, UInt8)] {
            #expect(try await fault(leaf, [middle], [try root.record(2, selector, matching)])?.kind == .notTrusted)
        }
    }

    @Test("an anchor that has not vouched for the server's certificate, though it was sent, and a chain with a hole")
    func stranger() async throws {
        let other = try IssuedCertificate.make("Other", .authority)
        #expect(try await fault(leaf, [middle, root, other], [try other.record(2, 1, 1)])?.kind == .notTrusted)
        #expect(try await fault(leaf, [root], [try root.record(2, 1, 1)])?.kind == .notTrusted)
        // One that says that the anchor has signed it, and has its name.
        let forged = try IssuedCertificate.make("mx.example.org", .server(["mx.example.org"]), by: middle, flaw: .signature)
        #expect(try await fault(forged, [middle, root], [try root.record(2, 1, 1)])?.kind == .notTrusted)
        let twin = try IssuedCertificate.make("Middle", .authority)
        let bogus = try IssuedCertificate.make("mx.example.org", .server(["mx.example.org"]), by: twin)
        #expect(try await fault(bogus, [middle, root], [try middle.record(2, 1, 1)])?.kind == .notTrusted)
    }

    @Test("names: the host's, the recipients' domain, wildcards of one label; and no others: RFC 7672 §3.2.2, §3.2.3")
    func names() async throws {
        for (name, isRight) in [
            ("mx.example.org", true), ("example.org", true), ("*.example.org", true), ("other.example.org", false), ("*.org", true),
            ("*.mx.example.org", false),
        ] {
            let leaf = try IssuedCertificate.make("x", .server([name]), by: root)
            let failure = try await fault(leaf, [root], [try root.record(2, 1, 1)])
            #expect(failure?.kind == (isRight ? nil : .hostMismatch), "\(name)")
            if !isRight { #expect(failure?.reason == "the certificate is for \(name), not for mx.example.org, example.org") }
        }
    }

    @Test("names that are critical, for the subject is empty: RFC 5280 §4.2.1.6")
    func nameless() async throws {
        let leaf = try IssuedCertificate.make("", .nameless(["mx.example.org"]), by: root)
        #expect(try await fault(leaf, [root], [try root.record(2, 1, 1)]) == nil)
        let other = try IssuedCertificate.make("", .nameless(["other.example.org"]), by: root)
        #expect(try await fault(other, [root], [try root.record(2, 1, 1)])?.kind == .hostMismatch)
    }

    @Test("dates, purposes and who may sign are looked at")
    func flaws() async throws {
        let expired = try IssuedCertificate.make("x", .server(["mx.example.org"]), by: root, flaw: .expired)
        #expect(try await fault(expired, [root], [try root.record(2, 1, 1)])?.kind == .expired)
        let stale = try IssuedCertificate.make("Stale", .authority, by: root, flaw: .expired)
        let below = try IssuedCertificate.make("x", .server(["mx.example.org"]), by: stale)
        #expect(try await fault(below, [stale, root], [try root.record(2, 1, 1)])?.kind == .expired)
        let mail = try IssuedCertificate.make("x", .server(["mx.example.org"]), by: root, flaw: .purpose)
        let failure = try await fault(mail, [root], [try root.record(2, 1, 1)])
        #expect(failure?.kind == .notTrusted && failure?.reason.contains("not for servers") == true)
        let usurped = try IssuedCertificate.make("x", .server(["mx.example.org"]), by: leaf)
        #expect(try await fault(usurped, [leaf, middle, root], [try root.record(2, 1, 1)])?.kind == .notTrusted)
        // Another record that fits is enough.
        #expect(try await fault(expired, [root], [try root.record(2, 1, 1), try expired.record(3, 1, 1)]) == nil)
    }

    @Test("the server's own certificate is no anchor, be it that nobody else has signed it")
    func own() async throws {
        let own = try IssuedCertificate.make("mx.example.org", .server(["mx.example.org"]))
        for leaf in [own, leaf] { #expect(try await fault(leaf, [middle], [try leaf.record(2, 1, 1)])?.kind == .notTrusted) }
        #expect(try await fault(own, [try own.record(2, 0, 0)])?.kind == .notTrusted)
    }

    @Test("data that are no certificate match nothing")
    func garbage() async throws {
        for usage in [2, 3] as [UInt8] {
            for selector in [0, 1] as [UInt8] {
                let record = TLSARecord(usage: usage, selector: selector, matching: 0, data: [0x30, 0x80, 1, 2, 3])
                #expect(try await fault(leaf, [middle], [record])?.kind == .notTrusted)
            }
        }
    }

    @Test("certificates that have all signed each other end the search soon")
    func circles() async throws {
        // All have one name and one key, so that each could be the issuer of each; none of them has signed the anchor's way.
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let first = try IssuedCertificate.make("Circle", .authority, key: key)
        let circle = try (0..<30).map { _ in try IssuedCertificate.make("Circle", .authority, by: first, key: key) }
        let leaf = try IssuedCertificate.make("mx.example.org", .server(["mx.example.org"]), by: first)
        let chain = try ([leaf] + circle).map { try NIOSSLCertificate(bytes: $0.octets, format: .der) }
        // All ways of going round them would take years.
        #expect(await DANEVerifier(records: [try root.record(2, 0, 0)], names: ["mx.example.org"]).objection(to: chain)?.kind == .notTrusted)
        #expect(await DANEVerifier(records: [try first.record(2, 0, 0)], names: ["mx.example.org"]).objection(to: chain) == nil)
    }

    // MARK: The rest of the handshake

    @Test("no record that can be used: whoever it is, but no old TLS; and none with old TLS where there are some")
    func versions() async throws {
        #expect(try await fault(leaf, []) == nil)
        for records in [[], [try leaf.record(3, 1, 1)]] {
            let failure = try await fault(leaf, records) {
                $0.minimumTLSVersion = .tlsv1
                $0.maximumTLSVersion = .tlsv11
            }
            #expect(failure?.kind == .validation)
        }
        let older = try await fault(leaf, [middle], [try leaf.record(3, 1, 1)]) { $0.maximumTLSVersion = .tlsv12 }
        #expect(older == nil)
    }

    @Test("no certificate at all, and one that nobody can read")
    func none() async throws {
        let verifier = DANEVerifier(records: [try leaf.record(3, 1, 1)], names: [])
        #expect(await verifier.objection(to: [])?.kind == .notTrusted)
    }
}
