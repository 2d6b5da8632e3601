import Conversation
import MailModel
import Rehearsal
import Storage
import Synchronization
import Testing

@testable import PostOffice

@Suite("TLS that is required, and what is told of it")
struct OutboxTLSTests {
    /// A domain with two servers, both proved, of which those named have records.
    private func domain(_ house: OutboxHouse, with records: [String] = ["mx1", "mx2"]) throws {
        try house.names.setExchangers(of: "a.example", [(10, "mx1.example"), (20, "mx2.example")], isSecure: true)
        for (index, host) in ["mx1", "mx2"].enumerated() {
            try house.names.setAddresses(of: "\(host).example", ["9.0.0.\(index + 1)"], isSecure: true)
            if records.contains(host) {
                try house.names.set(.tlsa, of: "_25._tcp.\(host).example", [DANETests.own], isSecure: true)
            } else {
                try house.names.setDenial(.tlsa, of: "_25._tcp.\(host).example", .noSuchName, isSecure: true)
            }
        }
    }

    @Test("who cannot prove who it is is passed over for the next, and never asked in clear: TRAPS §1.9")
    func next() async throws {
        let house = try await OutboxHouse()
        try domain(house)
        house.carrier.set(connecting: { if $0.host == "mx1.example" { throw CarrierFault.tls(TLSFailure(.notTrusted, "another key", source: "9.0.0.9")) } })
        try await house.send(["x@a.example"])
        #expect(house.carrier.recipients == ["x@a.example"] && house.carrier.attempts.map(\.host) == ["mx1.example", "mx2.example"])
        #expect(!house.carrier.attempts.contains { $0.encryption == .never || $0.encryption == .opportunistic })
        let observed = house.observations.all
        #expect(observed.map(\.host) == ["mx1.example", "mx2.example"] && observed.map(\.failure?.kind) == [.notTrusted, nil])
        #expect(observed.allSatisfy { $0.domain.value == "a.example" && $0.policy == .tlsa && $0.records.count == 1 && $0.address != nil })
        #expect(observed[0].source == "9.0.0.9")
    }

    @Test("where all fail the mail waits, with what each had against it; the hour without TLS never applies")
    func all() async throws {
        let house = try await OutboxHouse()
        try domain(house, with: ["mx2"])
        house.carrier.set(connecting: { server in
            if server.host == "mx1.example" { throw CarrierFault.unreachable("nobody there") }
            throw CarrierFault.tls(TLSFailure(.notOffered, "it does not offer STARTTLS"))
        })
        try await house.send(["x@a.example"])
        await house.pass(3_000)
        #expect(house.carrier.deliveries.isEmpty && house.carrier.attempts.count >= 4)
        #expect(!house.carrier.attempts.contains { $0.encryption == .never })
        let last = try #require(try await house.entries.first?.progress.first?.last)
        #expect(last.status?.description == "4.7.5" && last.host == "mx2.example" && last.reply == nil)
        #expect(last.reason == "TLS failed: it does not offer STARTTLS; mx1.example [9.0.0.1]: nobody there")
    }

    @Test("none may be asked: the mail waits, says why, and goes when DNS can say again")
    func passedOver() async throws {
        let house = try await OutboxHouse()
        try domain(house)
        for host in ["mx1", "mx2"] { try house.names.setFault(.tlsa, of: "_25._tcp.\(host).example", .failed(code: 2)) }
        try await house.send(["x@a.example"])
        #expect(house.carrier.attempts.isEmpty)
        let last = try #require(try await house.entries.first?.progress.first?.last)
        #expect(last.status?.description == "4.7.5" && last.reason?.contains("mx2.example: what its certificate has to be") == true)
        #expect(house.observations.all.map(\.failure?.kind) == [.dnssecInvalid, .dnssecInvalid] && house.observations.all.allSatisfy { $0.address == nil })
        try domain(house)
        await house.pass(3_000)
        #expect(house.carrier.recipients == ["x@a.example"])
    }

    @Test("one may not be asked and the other fails: both are told of")
    func half() async throws {
        let house = try await OutboxHouse()
        try domain(house)
        try house.names.setFault(.tlsa, of: "_25._tcp.mx1.example", .timedOut)
        house.carrier.set(connecting: { _ in throw CarrierFault.refused(RemoteReply(code: 554, status: nil, lines: ["no"])) })
        try await house.send(["x@a.example"])
        // A server that was not asked has not said no: it is no failure for good.
        let progress = try #require(try await house.entries.first?.progress.first)
        #expect(progress.phase == .waiting && progress.last?.host == "mx1.example")
        #expect(progress.last?.reason?.contains("no name server answered in time; mx2.example [9.0.0.2]: 554 no") == true)
    }

    @Test("nothing is published: in clear after a failure, which is told once; what is not offered is told as that")
    func opportunistic() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        house.carrier.set(connecting: { if $0.encryption != .never { throw CarrierFault.tls(TLSFailure(.validation, "no handshake")) } })
        try await house.send(["x@a.example"])
        #expect(house.carrier.attempts.map(\.encryption) == [.opportunistic, .never])
        #expect(house.observations.all.map(\.failure?.kind) == [.validation] && house.observations.all.map(\.policy) == [.none])
        try house.domain("b.example", at: "9.0.0.2")
        house.carrier.set(connecting: { _ in })
        house.carrier.set(tls: nil)
        try await house.send(["x@b.example"])
        #expect(house.observations.all.map(\.failure?.kind) == [.validation, .notOffered])
    }

    @Test("a policy that is only tried out is told of, and stands in nobody's way: RFC 8461 §5")
    func testing() async throws {
        let terms = TLSTerms(serverName: "mx.example", verification: .authorities(names: ["mx.example"]))
        #expect(MailServer.Encryption.published(TLSRequirement(.sts, terms, isEnforced: false)).fallback == .opportunistic)
        #expect(MailServer.Encryption.published(TLSRequirement(.sts, terms)).fallback == nil)
        #expect(MailServer.Encryption.required(implicit: false).fallback == nil && MailServer.Encryption.never.fallback == nil)
    }

    @Test("routes of the configuration are nobody's policy, and nothing is told of them")
    func routes() async throws {
        let domain = try #require(Domain("relay.example"))
        let house = try await OutboxHouse(
            routes: [OutgoingRoute(name: "smart", hosts: [.init(domain, port: 25)])], ways: [.everybody: .route("smart")])
        try house.names.setAddresses(of: "relay.example", ["9.0.0.1"])
        try await house.send(["x@a.example"])
        #expect(house.carrier.recipients == ["x@a.example"] && house.observations.all.isEmpty)
    }

    @Test("servers that were found out long ago are found out again before one message is tried again")
    func moved() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        house.carrier.set(connecting: { if $0.address == "9.0.0.1" { throw CarrierFault.unreachable("nobody there") } })
        try await house.send(["x@a.example"])
        #expect(house.carrier.attempts.map(\.address) == ["9.0.0.1"])
        try house.domain("a.example", at: "9.0.0.2")
        await house.pass(7_200)
        #expect(house.carrier.deliveries.map(\.server.address) == ["9.0.0.2"])
    }

    @Test("records that have changed are seen as soon as DNS says that the old ones have ended, though the next message came before")
    func rollover() async throws {
        let house = try await OutboxHouse()
        try house.names.setExchangers(of: "a.example", [(10, "mx.example")], isSecure: true)
        try house.names.setAddresses(of: "mx.example", ["9.0.0.1"], isSecure: true)
        func publish(_ octet: UInt8) throws {
            try house.names.set(.tlsa, of: "_25._tcp.mx.example", [[3, 1, 1] + [UInt8](repeating: octet, count: 32)], isSecure: true, ttl: 30)
        }
        try publish(1)
        try await house.send(["x@a.example"])
        try publish(2)
        await house.pass(31)
        try await house.send(["y@a.example"])
        let digests = house.carrier.deliveries.map { delivery -> UInt8? in
            guard case .published(let requirement) = delivery.server.encryption, case .dane(let records, _) = requirement.terms.verification else { return nil }
            return records.first?.data.first
        }
        #expect(digests == [1, 2])
    }
}
