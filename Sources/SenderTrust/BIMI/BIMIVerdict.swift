package import MailModel

/// What a domain shows of itself beside its mail (Brand Indicators for Message Identification, draft-brand-indicators-for-message-identification). Nothing of
/// it is fetched or verified here.
package struct BIMIVerdict: Hashable, Sendable {
    /// As `Authentication-Results` writes it.
    package enum Result: String, Hashable, Sendable, CaseIterable {
        /// No record.
        case none
        /// A mark certificate has been verified; never said by `BIMIEvaluation` alone.
        case pass
        /// The record cannot be understood, or there are several.
        case fail
        case temperror
        /// The domain says that it shows nothing.
        case declined
        /// The message is not entitled to it, or there is an indicator whose mark certificate nobody has verified.
        case skipped
    }

    package let result: Result
    /// Where the record was found.
    package let domain: Domain?
    package let selector: String
    /// l=: where the picture lies, an `https` URI.
    package let indicator: String?
    /// a=: where the mark certificate lies, an `https` URI.
    package let authority: String?
    /// Why, in one line.
    package let reason: String?

    package init(
        _ result: Result, domain: Domain? = nil, selector: String = "default", indicator: String? = nil, authority: String? = nil, reason: String? = nil
    ) {
        self.result = result
        self.domain = domain
        self.selector = selector
        self.indicator = indicator
        self.authority = authority
        self.reason = reason
    }
}
