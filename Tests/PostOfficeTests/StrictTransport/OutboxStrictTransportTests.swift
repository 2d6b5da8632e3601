import Conversation
import MailModel
import Rehearsal
import Storage
import Testing

@testable import PostOffice

@Suite("A domain's policy (MTA-STS) decides which of its servers are asked, and how: RFC 8461 §4, §5; TRAPS §1.21, §1.22")
struct OutboxStrictTransportTests {
    /// Two servers, and a policy.
    private func domain(
        _ house: OutboxHouse, _ mode: String, mx: [String] = ["mx1.example", "mx2.example"], id: String = "1", isSecure: Bool = false,
        of name: String = "a.example"
    ) throws {
        try house.names.setExchangers(of: name, [(10, "mx1.example"), (20, "mx2.example")], isSecure: isSecure)
        for (index, host) in ["mx1", "mx2"].enumerated() {
            try house.names.setAddresses(of: "\(host).example", ["9.0.0.\(index + 1)"], isSecure: isSecure)
        }
        let text = "v=STSv1; id=\(id);"
        try house.names.set(.txt, of: "_mta-sts.\(name)", [[UInt8(text.utf8.count)] + Array(text.utf8)])
        house.web.set(
            "mta-sts.\(name)", (["version: STSv1", "mode: \(mode)", "max_age: 86400"] + mx.map { "mx: \($0)" }).joined(separator: "\n"))
    }

    private func requirement(_ server: MailServer) -> TLSRequirement? {
        guard case .published(let requirement) = server.encryption else { return nil }
        return requirement
    }

    @Test("enforce: TLS with a certificate by authorities for the exchanger's name, which is asked for too; and it is counted")
    func enforced() async throws {
        let house = try await OutboxHouse()
        try domain(house, "enforce")
        try await house.send(["x@a.example"])
        let requirement = try #require(house.carrier.attempts.first.flatMap { self.requirement($0) })
        #expect(requirement.policy == .sts && requirement.isEnforced)
        #expect(requirement.terms == TLSTerms(serverName: "mx1.example", verification: .authorities(names: ["mx1.example"])))
        #expect(house.carrier.recipients == ["x@a.example"])
        #expect(house.observations.all.map(\.policy) == [.sts] && house.observations.all.allSatisfy { $0.failure == nil })
    }

    @Test("enforce: a server that fails is passed over, and where all do the mail waits: it never goes in clear")
    func failing() async throws {
        let house = try await OutboxHouse()
        try domain(house, "enforce")
        house.carrier.set(connecting: { if $0.host == "mx1.example" { throw CarrierFault.tls(TLSFailure(.hostMismatch, "for another")) } })
        try await house.send(["x@a.example"])
        #expect(house.carrier.deliveries.map(\.server.host) == ["mx2.example"])
        // The connection ends.
        await house.pass(10)
        house.carrier.set(connecting: { _ in throw CarrierFault.tls(TLSFailure(.notOffered, "no STARTTLS")) })
        try await house.send(["y@a.example"])
        await house.pass(3_000)
        #expect(!house.carrier.recipients.contains("y@a.example"))
        #expect(house.carrier.attempts.allSatisfy { requirement($0)?.isEnforced == true })
        #expect(try await house.entries.first?.progress.first?.last?.status?.description == "4.7.5")
    }

    @Test("enforce: servers that the policy does not name are not asked; none left: the mail waits and says why")
    func unnamed() async throws {
        let house = try await OutboxHouse()
        try domain(house, "enforce", mx: ["mx2.example"])
        try await house.send(["x@a.example"])
        #expect(house.carrier.attempts.map(\.host) == ["mx2.example"])
        #expect(house.observations.all.filter { $0.host == "mx1.example" }.map(\.failure?.kind) == [.validation])
        let other = try await OutboxHouse()
        try domain(other, "enforce", mx: ["*.other.example"])
        try await other.send(["x@a.example"])
        await other.pass(3_000)
        #expect(other.carrier.attempts.isEmpty)
        let last = try #require(try await other.entries.first?.progress.first?.last)
        #expect(last.status?.description == "4.7.5" && last.reason?.contains("none of the servers that the domain's policy names (MTA-STS)") == true)
    }

    @Test("enforce: who has the same exchangers and names fewer of them shares neither servers nor connections", arguments: [true, false])
    func omitted(isFirst: Bool) async throws {
        let house = try await OutboxHouse()
        try domain(house, "none", isSecure: true)
        try domain(house, "enforce", mx: ["mx1.example"], isSecure: true, of: "b.example")
        try house.names.set(.tlsa, of: "_25._tcp.mx1.example", [DANETests.own], isSecure: true)
        try house.names.setDenial(.tlsa, of: "_25._tcp.mx2.example", .noSuchName, isSecure: true)
        house.carrier.set(connecting: { if $0.host == "mx1.example" { throw CarrierFault.unreachable("nobody there") } })
        for name in isFirst ? ["b.example", "a.example"] : ["a.example", "b.example"] { try await house.send(["x@\(name)"]) }
        await house.pass(3_000)
        #expect(house.carrier.recipients == ["x@a.example"] && house.carrier.deliveries.map(\.server.host) == ["mx2.example"])
    }

    @Test("before mail fails a new policy is looked for, and found by its id: RFC 8461 §5.1")
    func changed() async throws {
        let house = try await OutboxHouse()
        try domain(house, "enforce", mx: ["old.example"])
        try await house.send(["x@a.example"])
        #expect(house.carrier.attempts.isEmpty)
        try domain(house, "enforce", id: "2")
        await house.pass(3_000)
        #expect(house.carrier.recipients == ["x@a.example"])
    }

    @Test("testing: what does not fit is counted, and the mail goes: RFC 8461 §5")
    func testing() async throws {
        let house = try await OutboxHouse()
        try domain(house, "testing", mx: ["mx2.example"])
        try await house.send(["x@a.example"])
        #expect(house.carrier.deliveries.map(\.server.host) == ["mx1.example"] && house.carrier.deliveries.map(\.server.encryption) == [.opportunistic])
        #expect(house.observations.all.map(\.failure?.kind) == [.validation] && house.observations.all.map(\.policy) == [.sts])
        let other = try await OutboxHouse()
        try domain(other, "testing")
        other.carrier.set(connecting: { server in
            if case .published = server.encryption { throw CarrierFault.tls(TLSFailure(.expired, "yesterday")) }
        })
        try await other.send(["x@a.example"])
        #expect(other.carrier.deliveries.map(\.server.encryption) == [.opportunistic])
        #expect(other.observations.all.map(\.failure?.kind) == [.expired] && other.observations.all.map(\.policy) == [.sts])
    }

    @Test("DANE wins where it is: for each server by itself, and its failure is not overridden: RFC 8461 §2; TRAPS §1.22")
    func dane() async throws {
        let house = try await OutboxHouse()
        try domain(house, "enforce", mx: ["mx2.example"], isSecure: true)
        try house.names.set(.tlsa, of: "_25._tcp.mx1.example", [DANETests.own], isSecure: true)
        try house.names.setDenial(.tlsa, of: "_25._tcp.mx2.example", .noSuchName, isSecure: true)
        house.carrier.set(connecting: { if $0.host == "mx1.example" { throw CarrierFault.tls(TLSFailure(.notTrusted, "another key")) } })
        try await house.send(["x@a.example"])
        // Named by DNS with a key, though the policy does not name it.
        #expect(house.carrier.attempts.map { requirement($0)?.policy } == [.tlsa, .sts])
        try house.names.setFault(.tlsa, of: "_25._tcp.mx2.example", .timedOut)
        await house.pass(1_000)
        try await house.send(["y@a.example"])
        #expect(!house.carrier.recipients.contains("y@a.example"))
    }

    @Test("REQUIRETLS: whose policy cannot be had now is asked again later; whose policy is known not to prove anything, not", arguments: [0, 1, 2])
    func demandedOfUnknown(_ how: Int) async throws {
        let house = try await OutboxHouse()
        try domain(house, how == 2 ? "none" : "enforce")
        if how == 0 { try house.names.setFault(.txt, of: "_mta-sts.a.example", .failed(code: 2)) }
        if how == 1 { house.web.set("mta-sts.a.example", .timedOut) }
        try await house.send(["x@a.example"]) { $0.traits.insert(.requiresTLS) }
        #expect(house.carrier.attempts.isEmpty && house.observations.all.map(\.failure?.kind) == (how == 1 ? [.stsFetchError] : []))
        guard how != 2 else {
            #expect(try await house.mail().first?.contains("Status: 5.7.10\r\n") == true)
            return
        }
        #expect(try await house.entries.first?.progress.first?.last?.status?.description == "4.7.5")
        try domain(house, "enforce")
        await house.pass(3_000)
        #expect(house.carrier.recipients == ["x@a.example"])
    }

    @Test("TLSA records that nobody can use leave it to a policy that is enforced, and not to one that is tried out", arguments: ["enforce", "testing"])
    func unusable(mode: String) async throws {
        let house = try await OutboxHouse()
        try domain(house, mode, mx: ["mx2.example"], isSecure: true)
        for host in ["mx1", "mx2"] { try house.names.set(.tlsa, of: "_25._tcp.\(host).example", [[1, 1, 1] + DANETests.digest], isSecure: true) }
        try await house.send(["x@a.example"])
        let attempt = try #require(house.carrier.attempts.first)
        let requirement = try #require(self.requirement(attempt))
        #expect(requirement.isEnforced && house.carrier.recipients == ["x@a.example"])
        if mode == "enforce" {
            #expect(attempt.host == "mx2.example" && requirement.policy == .sts && requirement.terms.verification.isAuthenticating)
        } else {
            #expect(attempt.host == "mx1.example" && requirement.policy == .tlsa)
        }
    }

    @Test("without a policy nothing changes, and that none could be had is counted: TRAPS §1.27")
    func none() async throws {
        let house = try await OutboxHouse()
        try domain(house, "none")
        try await house.send(["x@a.example"])
        #expect(house.carrier.attempts.map(\.encryption) == [.opportunistic])
        #expect(house.observations.all.map(\.policy) == [.none] && house.observations.all.first?.failure == nil)
        let other = try await OutboxHouse()
        try domain(other, "enforce")
        other.web.set("mta-sts.a.example", .tls("expired"))
        try await other.send(["x@a.example"])
        #expect(other.carrier.attempts.map(\.encryption) == [.opportunistic])
        let observed = other.observations.all
        #expect(observed.map(\.policy) == [.sts, .none] && observed.map(\.failure?.kind) == [.stsWebPKIInvalid, nil])
        #expect(observed.first?.host == "mta-sts.a.example")
    }
}
