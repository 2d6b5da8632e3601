package import MailModel

/// What became of a message's Authenticated Received Chain (RFC 8617 §5.2).
package struct ARCVerdict: Hashable, Sendable {
    /// As `Authentication-Results` writes it.
    package enum Result: String, Hashable, Sendable, CaseIterable {
        /// There is no chain.
        case none
        case pass
        case fail
        /// DNS could not be asked: nothing is known of the chain.
        case temperror
    }

    /// What one server of the chain has said.
    package struct Link: Hashable, Sendable {
        /// i=, from 1.
        package let instance: Int
        /// Of its ARC-Seal.
        package let domain: Domain
        package let selector: String
        /// The value of its ARC-Authentication-Results behind i=, unfolded: what it had found when the message came to it.
        package let results: String

        package init(instance: Int, domain: Domain, selector: String, results: String) {
            self.instance = instance
            self.domain = domain
            self.selector = selector
            self.results = results
        }
    }

    package let result: Result
    /// By instance; empty where the chain is not whole.
    package let links: [Link]
    /// The first instance whose ARC-Message-Signature still holds; 0: all of them do. Nil: the newest does not (RFC 8617 §5.2, step 5).
    package let oldestPass: Int?
    /// It holds, and some set of it does not cover From (RFC 6376 §5.4, §6.1.1): whoever had it in between could name another author, so it speaks for none. RFC 8617
    /// takes such a set for a whole one.
    package let isWeak: Bool
    /// Why, in one line.
    package let reason: String?

    package init(_ result: Result, links: [Link] = [], oldestPass: Int? = nil, isWeak: Bool = false, reason: String? = nil) {
        self.result = result
        self.isWeak = isWeak
        self.links = links
        self.oldestPass = oldestPass
        self.reason = reason
    }
}
