package import MailModel

/// What SPF says of one identity (RFC 7208 §2.6).
package struct SPFVerdict: Hashable, Sendable {
    /// As `Authentication-Results` and `Received-SPF` write it (RFC 8601 §2.7.2).
    package enum Result: String, Hashable, Sendable, CaseIterable {
        case none, neutral, pass, fail, softfail, temperror, permerror
    }

    /// Whose domain was asked (RFC 7208 §2.3, §2.4).
    package enum Identity: Hashable, Sendable {
        /// MAIL FROM; with the null reverse-path, `postmaster` at the domain of HELO.
        case mailFrom
        case helo
    }

    package let result: Result
    package let identity: Identity
    /// The domain whose record was asked for; nil: the identity has none that DNS could be asked for.
    package let domain: Domain?
    /// `local-part@domain`, or what HELO said; as macros have it.
    package let sender: String
    /// The term that decided, as the record has it: `include:_spf.example.org`; nil: none did.
    package let mechanism: String?
    /// What the domain has to say to whoever failed (`exp=`), in US-ASCII.
    package let explanation: String?
    /// Why, in one line, where the result does not say it all: what is wrong with the record, whom nobody could ask.
    package let reason: String?

    package init(
        _ result: Result, _ identity: Identity, domain: Domain?, sender: String, mechanism: String? = nil, explanation: String? = nil, reason: String? = nil
    ) {
        self.result = result
        self.identity = identity
        self.domain = domain
        self.sender = sender
        self.mechanism = mechanism
        self.explanation = explanation
        self.reason = reason
    }
}
