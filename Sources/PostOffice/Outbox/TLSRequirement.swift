package import Conversation
package import MailModel

/// By what a domain says how its servers are to be spoken to, as reports name it (RFC 8460 §4.2).
package enum TLSPolicyType: String, Hashable, Sendable, CaseIterable {
    /// DANE (RFC 7672).
    case tlsa
    /// MTA-STS (RFC 8461).
    case sts
    /// It says nothing.
    case none = "no-policy-found"
}

/// What TLS with one server has to be, by what was published for it.
package struct TLSRequirement: Hashable, Sendable {
    package let policy: TLSPolicyType
    package let terms: TLSTerms
    /// False: a failure is told to who counts, and the mail goes as if nothing were published (RFC 8461 §5, `testing`).
    package let isEnforced: Bool
    /// What is known to be wrong before it is asked, where that is not enforced: then `terms` are not tried.
    package let knownFailure: TLSFailure?

    package init(_ policy: TLSPolicyType, _ terms: TLSTerms, isEnforced: Bool = true, knownFailure: TLSFailure? = nil) {
        self.policy = policy
        self.terms = terms
        self.isEnforced = isEnforced
        self.knownFailure = isEnforced ? nil : knownFailure
    }
}

/// What is known of one server before it is asked.
package enum TLSDecision: Hashable, Sendable {
    /// Nothing was published for it.
    case unpublished
    case required(TLSRequirement)
    /// It is not asked now: what was published for it is not known, or speaks against it.
    case passedOver(PassedServer)
}

/// A server to which no mail goes now, and why.
package struct PassedServer: Hashable, Sendable {
    /// As the exchanger's record names it.
    package let host: String
    package let policy: TLSPolicyType
    package let failure: TLSFailure
    /// To ask again is in vain.
    package let isPermanent: Bool

    package init(host: String, policy: TLSPolicyType, failure: TLSFailure, isPermanent: Bool = false) {
        self.host = host
        self.policy = policy
        self.failure = failure
        self.isPermanent = isPermanent
    }

    /// REQUIRETLS was demanded, and nothing proves that this server is the domain's.
    /// - parameter isPolicyUnknown: what would prove it may be there, and could not be had: later perhaps.
    init(unprotected host: String, domain: Domain?, isPolicyUnknown: Bool) {
        let whose = domain.map { "is a mail server of \($0)" } ?? "is who it says"
        let more = isPolicyUnknown ? ", and the domain's policy (MTA-STS) could not be looked up" : ""
        self.init(
            host: host, policy: .none, failure: TLSFailure(.validation, "nothing proves that it \(whose), which is demanded (REQUIRETLS)\(more)"),
            isPermanent: !isPolicyUnknown)
    }
}

/// How TLS with a domain's server went, or why it was not tried: what reports count (RFC 8460 §4.3). Of domains alone; routes of the configuration publish
/// nothing.
package struct TLSObservation: Hashable, Sendable {
    /// Recipients' domain, in ASCII. A connection that serves several is told once, for the first of them.
    package let domain: Domain
    package let policy: TLSPolicyType
    /// What it was, for `tlsa`: the records.
    package let records: [TLSARecord]
    /// As the exchanger's record names it.
    package let host: String
    /// Nil: it was not asked.
    package let address: String?
    /// Ours; nil: not known.
    package let source: String?
    package let time: Timestamp
    /// Nil: it went well.
    package let failure: TLSFailure?

    package init(
        domain: Domain, policy: TLSPolicyType, records: [TLSARecord] = [], host: String, address: String? = nil, source: String? = nil, time: Timestamp,
        failure: TLSFailure? = nil
    ) {
        self.domain = domain
        self.policy = policy
        self.records = records
        self.host = host
        self.address = address
        self.source = source
        self.time = time
        self.failure = failure
    }
}
