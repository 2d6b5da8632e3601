package import Conversation
package import Logging
package import MailModel

/// Moves keys on as their records come and go: what the running server does once an hour, and `martlet dkim rotate` when it is asked.
package struct KeyRotation: Sendable {
    private let keys: SigningKeys
    private let log: Logger

    package init(_ keys: SigningKeys, log: Logger) {
        self.keys = keys
        self.log = log
    }

    /// What a look at DNS showed of a key.
    package struct Sight: Hashable, Sendable {
        package let selector: String
        /// Nil: nobody knows; why, in one line.
        package let publication: KeyPublication?
        package let reason: String?
    }

    /// Looks for the records of keys that wait for that, of pending ones and of destroyed ones, and moves on what they allow. Answers what it saw, in order.
    package func advance(_ domain: Domain, _ resolver: any Resolver) async throws -> [Sight] {
        var sights: [Sight] = []
        for key in try await keys.keys(of: domain) where key.state == .pending || key.state == .revoked {
            let publication: KeyPublication
            do { publication = try await KeyPublication.of(key, in: domain, resolver) } catch let fault as ResolverFault {
                // catch: asked again in an hour; until then everything stays as it is.
                sights.append(Sight(selector: key.selector, publication: nil, reason: "\(fault)"))
                continue
            }
            sights.append(Sight(selector: key.selector, publication: publication, reason: nil))
            let fields: Logger.Metadata = ["domain": "\(domain)", "selector": "\(key.selector)"]
            switch (key.state, publication) {
            case (.pending, .published):
                try await keys.activate(key.selector, of: domain)
                log.notice("A signing key is published, and signs from now on", metadata: fields)
            case (.pending, .differs(let reason)):
                log.warning("The record of a signing key is another's, and the key does not sign: \(LogText.quoted(reason))", metadata: fields)
            case (.revoked, .absent): try await keys.forget(key.selector, of: domain)
            default: continue
            }
        }
        for selector in try await keys.tidy(domain) {
            log.notice(
                "A signing key has retired and is destroyed: remove its record, or empty its p=", metadata: ["domain": "\(domain)", "selector": "\(selector)"])
        }
        return sights
    }
}
