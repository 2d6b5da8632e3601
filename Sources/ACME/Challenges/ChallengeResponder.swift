package import MailModel

/// A way in which a CA can see that a name is ours (RFC 8555 §8, RFC 8737 §3).
package enum ChallengeKind: String, Hashable, Sendable, CaseIterable {
    case http01 = "http-01"
    case tlsALPN01 = "tls-alpn-01"
    case dns01 = "dns-01"

    /// RFC 8555 §8.3, RFC 8737 §3: of all names below a domain only DNS can tell.
    package var provesWildcards: Bool { self == .dns01 }
}

/// Puts what a CA looks for where it looks for it.
package protocol ChallengeResponder: Sendable {
    var kind: ChallengeKind { get }

    /// On return the CA may look. Throws where it cannot be put there; then nothing is left of it.
    func place(_ response: ChallengeResponse) async throws

    /// The CA has looked, or will not: it goes. In no task that anybody cancels.
    func withdraw(_ response: ChallengeResponse) async
}

/// What a CA looks for, in the place that the kind of the challenge says.
package struct ChallengeResponse: Hashable, Sendable {
    /// Without `*.`.
    package let domain: Domain
    /// Letters, digits, `-` and `_`; at most 256.
    package let token: String
    /// The token, `.`, and the thumbprint of the account's key (RFC 8555 §8.1).
    package let keyAuthorization: String

    package init(domain: Domain, token: String, keyAuthorization: String) {
        (self.domain, self.token, self.keyAuthorization) = (domain, token, keyAuthorization)
    }
}
