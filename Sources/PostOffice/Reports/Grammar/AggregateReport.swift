/// What came in the names of one domain, as its receiver tells its owner (RFC 9990 §3.1; RFC 7489 Appendix C). As read, a text may be anything; what was not there is
/// empty.
package struct AggregateReport: Hashable, Sendable {
    package struct Policy: Hashable, Sendable {
        package var domain = ""
        package var policy = ""
        package var subdomainPolicy = ""
        package var missingDomainPolicy = ""
        package var dkimAlignment = ""
        package var spfAlignment = ""
        package var failureOptions = ""
        package var testing = ""
        package var discoveryMethod = ""

        package init() {}
    }

    package struct Override: Hashable, Sendable {
        package var kind = ""
        package var comment = ""

        package init() {}
    }

    package struct Signature: Hashable, Sendable {
        package var domain = ""
        package var selector = ""
        package var result = ""

        package init() {}
    }

    package struct SPFCheck: Hashable, Sendable {
        package var domain = ""
        package var scope = ""
        package var result = ""

        package init() {}
    }

    package struct Record: Hashable, Sendable {
        package var source = ""
        package var count = 0
        package var disposition = ""
        package var dkim = ""
        package var spf = ""
        package var overrides: [Override] = []
        package var headerFrom = ""
        /// Nil: not said; empty: the null reverse-path.
        package var envelopeFrom: String?
        package var envelopeTo: String?
        package var signatures: [Signature] = []
        package var spfChecks: [SPFCheck] = []

        package init() {}
    }

    package var organization = ""
    package var email = ""
    package var contact = ""
    package var id = ""
    /// Seconds since 1970-01-01T00:00:00Z: the first of the time that it is on, and the last.
    package var begin: Int64 = 0
    package var end: Int64 = 0
    package var generator = ""
    package var errors: [String] = []
    package var policy = Policy()
    package var records: [Record] = []
    /// Records that were too many to be kept.
    package var leftOut = 0

    package init() {}

    /// Of what is read.
    package static let mostRecords = 50_000
    static let mostParts = 20
}
