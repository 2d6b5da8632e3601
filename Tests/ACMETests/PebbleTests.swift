import Foundation
import MailModel
import MemoryStore
import SwiftASN1
import Testing
import X509

@testable import ACME

@Suite(
    "Against pebble, a CA of strangers'",
    .enabled(if: Pebble.isThere, "pebble is not here: scripts/install-packages test"), .serialized,
    .timeLimit(.minutes(10)))
struct PebbleTests {
    private func keeper(
        _ pebble: Pebble, _ wanted: [WantedCertificate], _ responders: [any ChallengeResponder],
        _ deliveries: Scene.Deliveries
    )
        -> CertificateKeeper
    {
        let clock: Timestamp.Clock = { Timestamp(rawValue: Int64(Date().timeIntervalSince1970)) }
        // It waits as a running server does.
        let world = CertificateKeeper.World(
            transport: pebble.transport, responders: responders, clock: clock,
            makeKey: { try CertificateKey($0) })
        let setting = CertificateKeeper.Setting(
            directory: pebble.directory,
            account: AccountDetails(contact: ["mailto:postmaster@example.test"], agreesToTerms: true),
            wanted: wanted)
        return CertificateKeeper(
            setting, world, store: MemoryStore(clock: clock), log: Scene.log, deliver: deliveries.take)
    }

    private func wanted(
        _ required: [String], optional: [String] = [], _ kind: CertificateKey.Kind = .ecdsaP256
    ) throws -> WantedCertificate {
        try #require(
            WantedCertificate(
                try Scene.names(required), optional: try Scene.names(optional), keyKind: kind))
    }

    @Test(
        "half of all nonces are refused, and everything is issued, renewed and revoked nevertheless: RFC 8555 §6.5"
    )
    func nonces() async throws {
        try await Pebble.with([
            "PEBBLE_WFE_NONCEREJECT": "50", "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_VA_ALWAYS_VALID": "1",
        ]) { pebble in
            let deliveries = Scene.Deliveries()
            let all = [
                try wanted(["mx.example.test", "example.test"]), try wanted(["rsa.example.test"], .rsa2048),
            ]
            let keeper = keeper(pebble, all, [pebble.http], deliveries)
            for one in all { _ = try await keeper.keep(one) }
            #expect(try await keeper.status().map(\.fault) == [nil, nil])
            try await keeper.renew(all[0].name)
            try await keeper.revoke(all[0].name, .superseded)
            _ = try await keeper.keep(all[0])
            #expect(
                deliveries.all.map(\.description) == ["example.test, mx.example.test", "rsa.example.test"]
                    + Array(repeating: "example.test, mx.example.test", count: 2))
            #expect(try await keeper.status().map(\.state) == [.valid, .valid])
            let root = try Certificate(pemEncoded: try await pebble.root())
            for certificate in deliveries.all {
                let chain = try PEMDocument.parseMultiple(pemString: certificate.chainPEM).map {
                    try Certificate(pemDocument: $0)
                }
                var verifier = Verifier(rootCertificates: CertificateStore([root])) { RFC5280Policy() }
                let leaf = try #require(chain.first)
                guard
                    case .validCertificate = await verifier.validate(
                        leaf: leaf, intermediates: CertificateStore(chain.dropFirst()))
                else {
                    Issue.record("the chain does not lead to pebble's root")
                    continue
                }
            }
        }
    }

    @Test("pebble sees what is placed for HTTP-01, and not what is not: RFC 8555 §8.3")
    func http() async throws {
        try await Pebble.with(["PEBBLE_WFE_NONCEREJECT": "20", "PEBBLE_VA_NOSLEEP": "1"]) { pebble in
            let deliveries = Scene.Deliveries()
            let wanted = try wanted(["mx.example.test", "autoconfig.example.test"])
            let keeper = keeper(pebble, [wanted], [pebble.http], deliveries)
            _ = try await keeper.keep(wanted)
            let status = try await keeper.status()
            #expect(
                deliveries.all.map(\.description) == ["autoconfig.example.test, mx.example.test"],
                "\(status)")

            // Nothing is placed where it looks.
            let other = try self.wanted(["other.example.test"])
            let blind = self.keeper(pebble, [other], [HTTPChallenges()], deliveries)
            _ = try await blind.keep(other)
            let fault = try #require(try await blind.status().first?.fault)
            #expect(
                fault.contains("other.example.test: http-01: unauthorized") && deliveries.all.count == 1)
        }
    }

    @Test("pebble sees what is shown for TLS-ALPN-01: RFC 8737 §3")
    func tls() async throws {
        try await Pebble.with(["PEBBLE_WFE_NONCEREJECT": "20", "PEBBLE_VA_NOSLEEP": "1"]) { pebble in
            let deliveries = Scene.Deliveries()
            let wanted = try wanted([Pebble.alpnName])
            let keeper = keeper(pebble, [wanted], [pebble.tls], deliveries)
            _ = try await keeper.keep(wanted)
            let status = try await keeper.status()
            #expect(deliveries.all.map(\.description) == [Pebble.alpnName], "\(status)")
        }
    }

    @Test(
        "pebble sees the record of DNS-01, for all names below a domain too; a name that cannot be shown so is left out: RFC 8555 §8.4"
    )
    func dns() async throws {
        try await Pebble.with(["PEBBLE_WFE_NONCEREJECT": "20", "PEBBLE_VA_NOSLEEP": "1"]) { pebble in
            let deliveries = Scene.Deliveries()
            let all = [try wanted(["example.test", "*.example.test"])]
            let keeper = keeper(pebble, all, [DNSChallenges(pebble.hook)], deliveries)
            _ = try await keeper.keep(all[0])
            let status = try await keeper.status()
            #expect(deliveries.all.map(\.description) == ["example.test, *.example.test"], "\(status)")
            let mixed = try wanted(["mx.example.test"], optional: ["*.other.test"])
            let other = self.keeper(pebble, [mixed], [pebble.http], deliveries)
            _ = try await other.keep(mixed)
            let otherStatus = try await other.status()
            #expect(deliveries.all.map(\.description).last == "mx.example.test", "\(otherStatus)")
        }
    }
}
