/// What a domain owner wants done with mail that is not theirs, and who is to hear of it (RFC 9989 §4.7).
package struct DMARCRecord: Hashable, Sendable {
    package enum Policy: String, Hashable, Sendable, CaseIterable {
        case none, quarantine, reject
    }

    package enum Alignment: String, Hashable, Sendable, CaseIterable {
        case relaxed = "r"
        case strict = "s"
    }

    /// psd=
    package enum SuffixMark: String, Hashable, Sendable, CaseIterable {
        case isSuffix = "y"
        case isNoSuffix = "n"
        case unknown = "u"
    }

    /// p=
    package var policy = Policy.none
    /// sp=, np=: nil where they are not there.
    package var subdomainPolicy: Policy?
    package var missingDomainPolicy: Policy?
    /// adkim=, aspf=
    package var dkimAlignment = Alignment.relaxed
    package var spfAlignment = Alignment.relaxed
    package var suffixMark = SuffixMark.unknown
    /// t=y
    package var isTesting = false
    /// False: its p=, sp= or np= cannot be understood, and it asks for no reports, so that DMARC does not apply where its policy would (RFC 9989 §4.10.1). It
    /// still says where an organization ends.
    package var isApplicable = true
    /// fo=, as it stands.
    package var failureOptions = "0"
    /// rua=, ruf=: URIs as they stand, some with the sizes of RFC 7489 behind a `!`.
    package var aggregateReports: [String] = []
    package var failureReports: [String] = []

    package init() {}
}
