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

    @Test("a refusal in clear, of who has to prove who it is, is none for good; without such a duty it is")
    func refusedInClear() async throws {
        for hasRecords in [true, false] {
            let house = try await OutboxHouse()
            try domain(house, with: hasRecords ? ["mx1", "mx2"] : [])
            house.carrier.set(connecting: { _ in throw CarrierFault.refused(RemoteReply(code: 554, status: nil, lines: ["no"])) })
            try await house.send(["x@a.example"])
            #expect(try await house.entries.contains { $0.progress.first?.phase == .waiting } == hasRecords)
        }
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

    // MARK: REQUIRETLS, and TLS-Required: RFC 8689

    private func demanded(_ house: OutboxHouse, to recipients: [String] = ["x@a.example"]) async throws {
        try await house.send(recipients) { $0.traits.insert(.requiresTLS) }
    }

    @Test("it goes to who has the records, or whom an authority vouches for where the name is proved, and has to offer it")
    func demanded() async throws {
        let house = try await OutboxHouse()
        try domain(house, with: ["mx2"])
        house.carrier.set(connecting: { if $0.host == "mx1.example" { throw CarrierFault.tls(TLSFailure(.hostMismatch, "for another")) } })
        try await demanded(house)
        #expect(house.carrier.recipients == ["x@a.example"] && house.carrier.attempts.map(\.demandsRequireTLS) == [true, true])
        #expect(house.carrier.attempts.first?.encryption == .required(implicit: false))
        guard case .published = house.carrier.attempts.last?.encryption else {
            Issue.record("not by its records")
            return
        }
        // What the sender alone demands is no policy of the domain.
        #expect(house.observations.all.map(\.host) == ["mx2.example"])
    }

    @Test("without a proof of the name it comes back at once, and nobody was asked; its report goes the same way")
    func unproved() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        try await demanded(house)
        #expect(house.carrier.attempts.isEmpty && house.observations.all.isEmpty)
        let report = try #require(try await house.mail().first)
        #expect(report.contains("Status: 5.7.10\r\n") && report.contains("REQUIRETLS"))
        try await house.send(["x@a.example"], from: "<far@b.example>") { $0.traits.insert(.requiresTLS) }
        // Of b.example nothing is known: a report that cannot be brought is dropped (RFC 5321 §6.1).
        #expect(try await house.entries.allSatisfy { $0.draft.traits.contains(.requiresTLS) })
    }

    @Test("records that nobody can use prove nothing: an authority has to vouch")
    func demandedOfUnusable() async throws {
        let house = try await OutboxHouse()
        try domain(house, with: [])
        try house.names.set(.tlsa, of: "_25._tcp.mx1.example", [[1, 1, 1] + DANETests.digest], isSecure: true)
        try await demanded(house)
        #expect(house.carrier.attempts.map(\.encryption) == [.required(implicit: false)])
    }

    @Test("who does not offer it, or cannot prove who it is: back at once where all are so, later where one was silent")
    func refused() async throws {
        for isSilent in [false, true] {
            let house = try await OutboxHouse()
            try domain(house)
            house.carrier.set(connecting: { server in
                if server.host == "mx2.example" { throw CarrierFault.unprotected("it does not offer REQUIRETLS") }
                throw isSilent ? CarrierFault.unreachable("nobody there") : CarrierFault.tls(TLSFailure(.notTrusted, "another key"))
            })
            try await demanded(house)
            if isSilent {
                let last = try #require(try await house.entries.first?.progress.first?.last)
                #expect(last.status?.description == "4.7.5" && last.reason == "it does not offer REQUIRETLS; mx1.example [9.0.0.1]: nobody there")
            } else {
                let report = try #require(try await house.mail().first)
                #expect(report.contains("Status: 5.7.30\r\n"))
                #expect(try await house.entries.isEmpty)
            }
        }
    }

    @Test("nobody knows the records: it waits")
    func demandedOfUnknown() async throws {
        let house = try await OutboxHouse()
        try domain(house)
        for host in ["mx1", "mx2"] { try house.names.setFault(.tlsa, of: "_25._tcp.\(host).example", .timedOut) }
        try await demanded(house)
        #expect(house.carrier.attempts.isEmpty)
        #expect(try await house.entries.first?.progress.first?.last?.status?.description == "4.7.5")
    }

    @Test("it shares no connection with mail that does not demand it, and stays where it is for us")
    func apart() async throws {
        let house = try await OutboxHouse()
        try domain(house)
        try await house.send(["x@a.example"])
        try await demanded(house, to: ["y@a.example", "alice@example.test"])
        #expect(Set(house.carrier.deliveries.map(\.connection)).count == 2 && house.carrier.attempts.map(\.demandsRequireTLS) == [false, true])
        #expect(try await house.mail().count == 1)
    }

    @Test("by a route that has TLS it goes as that says; by one without it comes back")
    func demandedByRoute() async throws {
        let host = OutgoingRoute.Host(try #require(Domain("relay.example")), port: 587)
        for (encryption, expected) in [
            (MailServer.Encryption.opportunistic, MailServer.Encryption.required(implicit: false)), (.required(implicit: true), .required(implicit: true)),
            (.never, nil),
        ] as [(MailServer.Encryption, MailServer.Encryption?)] {
            let house = try await OutboxHouse(
                routes: [OutgoingRoute(name: "smart", hosts: [host], encryption: encryption)], ways: [.everybody: .route("smart")])
            try house.names.setAddresses(of: "relay.example", ["9.0.0.1"])
            try await demanded(house)
            #expect(house.carrier.attempts.map(\.encryption) == (expected.map { [$0] } ?? []))
            #expect(try await house.mail().contains { $0.contains("Status: 5.7.10") } == (expected == nil))
        }
    }

    @Test("TLS-Required: No: nothing that the domain has published keeps it back; REQUIRETLS beside it does")
    func waived() async throws {
        let house = try await OutboxHouse()
        try domain(house)
        try house.names.setFault(.tlsa, of: "_25._tcp.mx1.example", .timedOut)
        try await house.send(["x@a.example"]) { $0.traits.insert(.waivesTLS) }
        #expect(house.carrier.recipients == ["x@a.example"])
        #expect(house.carrier.attempts.map(\.host) == ["mx1.example"] && house.carrier.attempts.map(\.encryption) == [.opportunistic])
        // Nobody has looked for a policy: that there is none is not to be told.
        #expect(house.observations.all.isEmpty)
        try await house.send(["y@a.example"]) { $0.traits.formUnion([.waivesTLS, .requiresTLS]) }
        #expect(house.carrier.attempts.last?.host == "mx2.example" && house.carrier.attempts.last?.demandsRequireTLS == true)
    }
}
