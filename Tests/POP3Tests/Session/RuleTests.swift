import Gatehouse
import Testing

@testable import POP3

@Suite("POP3 rules")
struct RuleTests {
    private func circumstances(_ isSecure: Bool, login: Bool = true) -> Capability.Circumstances {
        Capability.Circumstances(
            isAuthenticated: false, isSecure: isSecure, offersTLS: true,
            logins: LoginOffer(isSecure: login, isLoopback: false, allowsPlaintextOnLoopback: false))
    }

    @Test("every verb but APOP has its rule, and every capability that brings a verb is in the table of capabilities: RFC 2449 §5")
    func tables() {
        #expect(Set(Verb.allCases).subtracting(VerbRule.table.keys) == [.apop])
        let listed = Capability.table.map(\.name)
        #expect(Set(listed) == Set(Capability.Name.allCases) && listed.count == Set(listed).count)
        for (verb, rule) in VerbRule.table {
            if let name = rule.belongsTo { #expect(listed.contains(name), "\(verb)") }
        }
    }

    @Test("what is not offered is not served, and what is offered is: the two tables agree", arguments: Verb.allCases)
    func agreement(_ verb: Verb) {
        guard let rule = VerbRule.table[verb], let name = rule.belongsTo else { return }
        for isSecure in [false, true] {
            for login in [false, true] {
                let circumstances = circumstances(isSecure, login: login)
                let state = rule.states.contains(.authorization) ? VerbRule.State.authorization : .transaction
                let objection = VerbRule.objection(to: verb, in: state, circumstances, hasArgument: rule.argument == .required)
                #expect((objection == nil) == Capability.list(circumstances).contains { $0.name == name })
            }
        }
    }

    @Test("a response line is at most 512 octets and of printable ASCII: RFC 1939 §3, RFC 2449 §4")
    func replies() {
        for capability in Capability.table {
            #expect(capability.line.utf8.count < 500 && capability.line.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        }
    }
}
