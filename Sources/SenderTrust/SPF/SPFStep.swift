package import Conversation

/// What an evaluation did, for whoever wants to see how a verdict came about.
package struct SPFStep: Hashable, Sendable {
    package enum Event: Hashable, Sendable {
        /// The record of a domain is read.
        case policy(String)
        /// A term was looked at: `+mx`, whether it matches.
        case term(String, isMatch: Bool)
        /// `redirect=`: where to.
        case redirect(String)
        /// DNS was asked: for what, and what it had, each record in words; none: a denial.
        case found(RecordType, DNSName, [String], DNSDenial?)
        /// DNS had no answer.
        case unknown(RecordType, DNSName, ResolverFault)
    }

    /// 0 for the domain that was asked for, one more within each `include` and `redirect`.
    package let depth: Int
    /// Whose record is followed.
    package let domain: String
    package let event: Event
}
