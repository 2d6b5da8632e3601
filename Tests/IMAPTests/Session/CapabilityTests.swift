import Gatehouse
import Testing

@testable import IMAP

@Suite("Capabilities and legality")
struct CapabilityTests {
    @Test("no capability is listed twice, each has its RFC")
    func table() {
        let names = Capability.table.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(Capability.table.allSatisfy { $0.rfc > 2_000 })
    }

    @Test("STARTTLS, LOGINDISABLED and AUTH go by the state: RFC 9051 §6.1.1, §11.1", arguments: [true, false], [true, false])
    func stranger(isSecure: Bool, allowsLogin: Bool) {
        let list = Capability.list(
            .init(
                isAuthenticated: false, isSecure: isSecure, offersTLS: true,
                logins: LoginOffer(isSecure: allowsLogin, isLoopback: false, allowsPlaintextOnLoopback: false), messageLimit: 1))
        #expect(list.contains("STARTTLS") == !isSecure)
        #expect(list.contains("LOGINDISABLED") == !allowsLogin)
        #expect(list.contains("AUTH=PLAIN") == allowsLogin && list.contains("AUTH=LOGIN") == allowsLogin)
        #expect(!list.contains("IDLE"))
    }

    @Test("every command has its states", arguments: Verb.allCases)
    func legality(verb: Verb) {
        let states: [Legality.State] = [.notAuthenticated, .authenticated, .selected]
        #expect(states.contains { Legality.objection(to: verb, in: $0) == nil })
        #expect(states.allSatisfy { Legality.objection(to: verb, in: $0)?.condition != .no })
    }

    @Test("what logs in is refused once logged in: S3", arguments: ["LOGIN", "AUTHENTICATE", "STARTTLS"] as [Verb])
    func again(verb: Verb) {
        #expect(Legality.objection(to: verb, in: .selected) == .bad("Already authenticated"))
    }
}
