package import MailModel

/// What became of one DKIM-Signature (RFC 6376 §6.1, RFC 8601 §2.7.1).
package struct DKIMVerdict: Hashable, Sendable {
    /// As `Authentication-Results` writes it.
    package enum Result: String, Hashable, Sendable, CaseIterable {
        /// The message has no signature.
        case none
        case pass
        /// The signature does not fit the message.
        case fail
        /// It fits, and our own rules do not accept it: a key that is too short, say.
        case policy
        /// It cannot be understood.
        case neutral
        case temperror
        case permerror
    }

    package let result: Result
    /// d=
    package let domain: Domain?
    /// s=, without what no domain name can have.
    package let selector: String?
    /// i=, where it was there and lies within d=.
    package let identity: String?
    /// a=, in lower case.
    package let algorithm: String?
    /// Bits of the RSA key.
    package let keyBits: Int?
    /// b=, its first eight characters, by which a report tells signatures apart (RFC 6008).
    package let signature: String?
    /// Its l= leaves octets at the end unsigned: whoever added them is not known.
    package let isPartial: Bool
    /// The key says `t=y`: failure means nothing, and success neither.
    package let isTesting: Bool
    /// Why, in one line.
    package let reason: String?

    package init(
        _ result: Result, domain: Domain? = nil, selector: String? = nil, identity: String? = nil, algorithm: String? = nil, keyBits: Int? = nil,
        signature: String? = nil, isPartial: Bool = false, isTesting: Bool = false, reason: String? = nil
    ) {
        self.result = result
        self.domain = domain
        self.selector = selector
        self.identity = identity
        self.algorithm = algorithm
        self.keyBits = keyBits
        self.signature = signature
        self.isPartial = isPartial
        self.isTesting = isTesting
        self.reason = reason
    }
}
