import Gatehouse
import MailModel
import Testing

@Suite struct ExternalTests {
    private func verdict(_ gate: Gate, _ addresses: [String], as authorization: String? = nil) async -> Verdict? {
        let question = LoginQuestion.certificate(addresses: addresses, authorization: authorization)
        guard case .verdict(let verdict) = await gate.keeper.answer(LoginAttempt(question, setbacks: 0), over: .smtp, from: "192.0.2.7") else { return nil }
        return verdict
    }

    private func alice(_ gate: Gate) -> Principal { Principal(account: gate.alice.id, name: gate.alice.name, credential: .certificate) }

    @Test("a certificate for an account's address is a login of that account, and nothing is hashed: RFC 4422 appendix A")
    func right() async throws {
        let gate = try await Gate()
        for addresses in [["alice@example.org"], ["ALICE@Example.ORG"], ["somebody@elsewhere.example", "alice@example.org", "Alice@example.org"]] {
            #expect(await verdict(gate, addresses) == .admitted(alice(gate)))
        }
        for name in ["alice", "alice@example.org", "ALICE"] { #expect(await verdict(gate, ["alice@example.org"], as: name) == .admitted(alice(gate))) }
        #expect(gate.keeper.hashCount == 0)
        #expect(gate.log.lines.first == "[INFO] Successful SMTP login for user: alice@example.org peer=192.0.2.7")
    }

    @Test("nobody's certificate, another's name, a name without a domain, and a disabled account are refused as a wrong password is")
    func wrong() async throws {
        let gate = try await Gate()
        _ = try await gate.store.add(account: AccountName("bob@example.org"), passwordHash: Gate.rightHash)
        for addresses in [[], ["nobody@example.org"], ["alice"], ["alice@example.com"], ["alice@example.org\0"], ["alice@example.org", "bob@example.org"]] {
            #expect(await verdict(gate, addresses) == .refused, "\(addresses)")
        }
        #expect(await verdict(gate, ["alice@example.org"], as: "bob@example.org") == .refused)
        #expect(await verdict(gate, ["alice@example.org"], as: "nobody") == .refused)
        // Who has both says which.
        #expect(await verdict(gate, ["alice@example.org", "bob@example.org"], as: "alice") == .admitted(alice(gate)))
        try await gate.store.set(enabled: false, of: gate.alice.id)
        #expect(await verdict(gate, ["alice@example.org"]) == .refused)
        #expect(gate.log.lines.last?.contains("AccountDisabled") == true)
    }
}
