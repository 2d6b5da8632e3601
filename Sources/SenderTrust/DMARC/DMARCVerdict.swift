package import MailModel

/// What DMARC says of one author domain (RFC 9989 §5).
package struct DMARCVerdict: Hashable, Sendable {
    /// As `Authentication-Results` writes it.
    package enum Result: String, Hashable, Sendable, CaseIterable {
        /// No policy applies.
        case none
        case pass
        case fail
        case temperror
        case permerror
    }

    package let result: Result
    /// The domain in From, as DNS has it (A-labels).
    package let author: Domain
    /// Of the author domain; the author domain itself where nothing asked for more: it has a record of its own, and who vouches for the message has its name.
    package let organizationalDomain: Domain
    /// The policy record that applies, and where it was found.
    package let record: DMARCRecord?
    package let recordDomain: Domain?
    /// What is wished for mail that fails: p=, sp= or np=, after `t=y` has made it milder. `none` where there is no record.
    package let policy: DMARCRecord.Policy
    /// SPF of MAIL FROM (or of HELO with a null reverse-path) passes, and is aligned.
    package let isSPFAligned: Bool
    /// Some signature passes, and is aligned.
    package let isDKIMAligned: Bool
    /// Why, in one line.
    package let reason: String?

    package init(
        _ result: Result, author: Domain, organizationalDomain: Domain, record: DMARCRecord? = nil, recordDomain: Domain? = nil,
        policy: DMARCRecord.Policy = .none, isSPFAligned: Bool = false, isDKIMAligned: Bool = false, reason: String? = nil
    ) {
        self.result = result
        self.author = author
        self.organizationalDomain = organizationalDomain
        self.record = record
        self.recordDomain = recordDomain
        self.policy = policy
        self.isSPFAligned = isSPFAligned
        self.isDKIMAligned = isDKIMAligned
        self.reason = reason
    }
}
