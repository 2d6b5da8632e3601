package import MailModel
package import SenderTrust

/// A key by which a domain signs (RFC 6376 §3.1), and how far its life has come.
package struct SigningKey: Sendable {
    package enum State: String, Codable, Hashable, Sendable, CaseIterable {
        /// It does not sign yet: whoever looks for its record might not find it. It becomes `active`.
        case pending
        /// It signs. It becomes `retiring`.
        case active
        /// It signs no more, and its record has to stay: messages that it signed are on their way. It becomes `revoked`.
        case retiring
        /// It is destroyed, and its record is to go. Then nothing is known of it any more.
        case revoked
    }

    /// In small letters: letters, digits and hyphens, one label or more (RFC 6376 §3.1).
    package let selector: String
    package let algorithm: DKIMAlgorithm
    package let made: Timestamp
    package var state: State
    /// Since when it is in that state.
    package var since: Timestamp
    /// Nil: it is `revoked`.
    package var key: DKIMKey?

    /// Seconds for which the record of a key is needed that signs no more: mail waits in queues for five days (RFC 5321 §4.5.4.1), and is read once more behind them.
    package static let retirement: Int64 = 7 * 86_400
    /// Seconds for which a destroyed key is remembered in any case: its selector is not given again while others may have its record in their caches.
    package static let caution: Int64 = 2 * 86_400
    /// Seconds for which a destroyed key is remembered where nobody has seen its record go.
    package static let remembrance: Int64 = 90 * 86_400

    /// When its record is needed no more; nil: nobody knows yet.
    package var recordNeededUntil: Timestamp? {
        switch state {
        case .pending, .active: nil
        case .retiring: Timestamp(rawValue: since.rawValue + SigningKey.retirement)
        case .revoked: since
        }
    }

    /// The name of its record.
    package func recordName(in domain: Domain) -> String { "\(selector)._domainkey.\(domain)" }

    /// The text of its record; of a destroyed key the one that says so (RFC 6376 §3.6.1), which may be left out too.
    package var record: String { key?.record ?? "v=DKIM1; k=\(algorithm.keyType); p=" }

    // selector = sub-domain *( "." sub-domain )                                  (RFC 6376 §3.1)
    /// In small letters; nil: it is none, or longer than 63 octets.
    package static func selector(_ text: String) -> String? {
        let text = text.lowercased()
        guard (1...63).contains(text.utf8.count), let name = Domain(text), !name.isLiteral, name.isASCII, name.value == text, !text.contains("_") else {
            return nil
        }
        return text
    }

    /// `m20261129r`: the day in UTC, and the algorithm's letter; with a number behind it where the name is taken.
    static func selector(_ algorithm: DKIMAlgorithm, at time: Timestamp, taken: (String) -> Bool) -> String {
        let date = time.civil
        let day = date.year * 10_000 + date.month * 100 + date.day
        let name = "m\(day)\(algorithm == .rsaSHA256 ? "r" : "e")"
        var number = 1
        while taken(number == 1 ? name : "\(name)\(number)") { number += 1 }
        return number == 1 ? name : "\(name)\(number)"
    }
}

/// Why something is not done with a signing key.
package enum SigningFault: Error, Hashable, Sendable, CustomStringConvertible {
    case noSuchKey(String)
    /// In words for an administrator.
    case notAllowed(String)

    package var isAbsence: Bool { if case .noSuchKey = self { true } else { false } }

    package var description: String {
        switch self {
        case .noSuchKey(let selector): "there is no key with the selector \(selector); martlet dkim list shows those that there are"
        case .notAllowed(let reason): reason
        }
    }
}
