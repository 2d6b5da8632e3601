package import Conversation
package import MailModel
import SenderTrust

/// Whether the record of a key is in DNS, as those who verify see it (RFC 6376 §3.6.2).
package enum KeyPublication: Hashable, Sendable {
    /// The key's own.
    case published
    /// There is none, or an empty p= says that the key is destroyed.
    case absent
    /// Another key's, or one that nobody can use.
    case differs(String)

    /// Of the texts at a key's name.
    /// - parameter record: the key's own.
    package init(_ texts: [String], record own: String) {
        // Texts that stand there for something else do no harm.
        let records = texts.compactMap { DKIMKeyRecord($0) }
        guard let record = records.first, let known = DKIMKeyRecord(own) else {
            self = .absent
            return
        }
        if records.count > 1 {
            // RFC 6376 §3.6.2.2: what is taken then is not defined.
            self = .differs("there are \(records.count) records")
        } else if record.key.isEmpty {
            self = .absent
        } else if known.key != record.key {
            self = .differs("it has another key")
        } else if record.keyType != known.keyType {
            self = .differs("it says k=\(record.keyType)")
        } else if let hashes = record.hashes, !hashes.contains("sha256") {
            self = .differs("it says h=\(hashes.joined(separator: ":"))")
        } else if !record.services.contains(where: { $0 == "*" || $0 == "email" }) {
            self = .differs("it says s=\(record.services.joined(separator: ":"))")
        } else {
            self = .published
        }
    }

    /// Asks for it. Throws `ResolverFault`.
    package static func of(_ key: SigningKey, in domain: Domain, _ resolver: any Resolver) async throws -> KeyPublication {
        guard let name = Domain(key.recordName(in: domain)) else { return .absent }
        return KeyPublication(try await resolver.rdata(.txt, of: name).map(RecordData.text).records, record: key.record)
    }
}
