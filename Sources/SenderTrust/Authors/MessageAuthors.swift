package import MailModel

/// Whose message it is, by its From field (RFC 5322 §3.6.2): the domains that are judged are those that are shown, or there is nothing to judge
/// (RFC 9989 §4.4, §5.3.1).
package enum MessageAuthors: Hashable, Sendable {
    /// No From field, or one without an address.
    case none
    case one(Domain)
    /// In the order of their first addresses; each once, 2...`mostDomains`. Every one of them is judged.
    case several([Domain])
    /// Readers of the message could be shown different authors: why, in one line. It is to be refused.
    case unclear(String)

    /// Domains that are judged for one message. Honest mail of several authors has two or three.
    package static let mostDomains = 8

    /// As DNS has them (A-labels) where they are names.
    package var domains: [Domain] {
        switch self {
        case .none, .unclear: []
        case .one(let domain): [domain]
        case .several(let domains): domains
        }
    }
}
