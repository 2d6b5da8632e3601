import Conversation
import MailModel

// What is told of TLS to who counts.
extension Outbox {
    /// There is a connection.
    func observe(_ server: MailServer, _ facts: CarrierFacts, of domain: Domain?) {
        // None was asked for.
        guard server.encryption != .never else { return }
        let source = facts.source.isEmpty ? nil : facts.source
        observe(server, source: source, facts.tlsVersion == nil ? TLSFailure(.notOffered, "it does not offer STARTTLS, or refuses it") : nil, of: domain)
    }

    /// There is none, for want of TLS.
    func observe(_ server: MailServer, _ failure: TLSFailure, of domain: Domain?) { observe(server, source: failure.source, failure, of: domain) }

    /// What was found out before anybody was asked: a policy that could not be had, and servers that are not asked.
    func observe(_ route: DeliveryRoute, of hop: DeliverySchedule.HopName) {
        guard let domain = hop.policyDomain else { return }
        if let failure = route.policyFailure {
            around.observe(TLSObservation(domain: domain, policy: .sts, host: "mta-sts.\(domain)", time: now, failure: failure))
        }
        // What the sender alone demands is nobody's policy.
        for passed in route.passedOver where passed.policy != .none {
            around.observe(TLSObservation(domain: domain, policy: passed.policy, host: passed.host, time: now, failure: passed.failure))
        }
    }

    private func observe(_ server: MailServer, source: String?, _ failure: TLSFailure?, of domain: Domain?) {
        guard let domain else { return }
        if case .required = server.encryption { return }
        var policy = TLSPolicyType.none
        var records: [TLSARecord] = []
        if case .published(let requirement) = server.encryption {
            policy = requirement.policy
            if case .dane(let known, _) = requirement.terms.verification { records = known }
        }
        around.observe(
            TLSObservation(
                domain: domain, policy: policy, records: records, host: server.host, address: server.address, source: source, time: now, failure: failure))
    }
}

extension DeliverySchedule.HopName {
    /// Whose policies its servers are spoken to by; nil: nobody's, for there is none or nobody looks at them (`TLS-Required: No`).
    var policyDomain: Domain? {
        guard wish != .waived, case .exchangers(let domain) = next, !domain.isLiteral else { return nil }
        return domain
    }
}

extension MailServer.Encryption {
    /// Whether it is known afterwards who the other end is.
    var isAuthenticating: Bool {
        switch self {
        case .opportunistic, .never: false
        case .required: true
        case .published(let requirement): requirement.isEnforced && requirement.terms.verification.isAuthenticating
        }
    }

    /// Nothing goes without it, and the server speaks before it is there.
    var isDemandedAfterGreeting: Bool {
        switch self {
        case .opportunistic, .never: false
        case .required(let implicit): !implicit
        case .published(let requirement): requirement.isEnforced
        }
    }

    /// What is tried where it has failed; nil: nothing, for it is demanded.
    var fallback: MailServer.Encryption? {
        switch self {
        // RFC 7435 §3: better in clear than not at all, where nobody asks for more.
        case .opportunistic: .never
        case .published(let requirement): requirement.isEnforced ? nil : .opportunistic
        case .never, .required: nil
        }
    }
}
