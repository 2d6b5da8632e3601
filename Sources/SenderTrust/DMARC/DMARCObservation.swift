package import MailModel

/// One message as an aggregate report counts it (RFC 9990 §3.1).
package struct DMARCObservation: Hashable, Sendable {
    package enum Disposition: String, Hashable, Sendable, CaseIterable {
        case none, pass, quarantine, reject
    }

    /// Why the policy was not followed (`PolicyOverrideType`).
    package struct Override: Hashable, Sendable {
        package enum Kind: String, Hashable, Sendable, CaseIterable {
            case localPolicy = "local_policy"
            case mailingList = "mailing_list"
            case other
            case policyTestMode = "policy_test_mode"
            case trustedForwarder = "trusted_forwarder"
        }

        package let kind: Kind
        package let comment: String?

        package init(_ kind: Kind, comment: String? = nil) {
            self.kind = kind
            self.comment = comment
        }
    }

    /// Of the server that brought it.
    package let source: IPAddress
    package let verdict: DMARCVerdict
    /// Of MAIL FROM; nil: the null reverse-path.
    package let envelopeFrom: Domain?
    /// Of the recipients.
    package let envelopeTo: Domain?
    package let spf: SPFVerdict?
    package let dkim: [DKIMVerdict]
    package let disposition: Disposition
    package let overrides: [Override]

    package init(
        source: IPAddress, verdict: DMARCVerdict, envelopeFrom: Domain?, envelopeTo: Domain?, spf: SPFVerdict?, dkim: [DKIMVerdict],
        disposition: Disposition, overrides: [Override] = []
    ) {
        self.source = source
        self.verdict = verdict
        self.envelopeFrom = envelopeFrom
        self.envelopeTo = envelopeTo
        self.spf = spf
        self.dkim = dkim
        self.disposition = disposition
        self.overrides = overrides
    }
}
