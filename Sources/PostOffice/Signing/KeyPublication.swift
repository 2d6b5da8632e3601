package import Conversation
package import MailModel

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
        let records = texts.filter { KeyTags($0) != nil }
        guard let record = records.first, let tags = KeyTags(record) else {
            self = .absent
            return
        }
        let known = KeyTags(own)
        let wanted = known?["p"] ?? ""
        if records.count > 1 {
            // RFC 6376 §3.6.2.2: what is taken then is not defined.
            self = .differs("there are \(records.count) records")
        } else if tags["p"]?.isEmpty ?? true {
            self = .absent
        } else if wanted.isEmpty || tags["p"] != wanted {
            self = .differs("it has another key")
        } else if tags["k"] ?? "rsa" != known?["k"] ?? "rsa" {
            self = .differs("it says k=\(tags["k"] ?? "rsa")")
        } else if let hashes = tags["h"], !hashes.split(separator: ":").contains("sha256") {
            self = .differs("it says h=\(hashes)")
        } else if let services = tags["s"], !services.split(separator: ":").contains(where: { $0 == "*" || $0 == "email" }) {
            self = .differs("it says s=\(services)")
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

/// The tags of a key's record (RFC 6376 §3.2), without the white space that means nothing.
private struct KeyTags {
    private var values: [String: String] = [:]

    /// Nil: it is no key's record.
    init?(_ text: String) {
        for (place, item) in text.split(separator: ";", maxSplits: 64).enumerated() {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0].filter { !$0.isWhitespace }
            guard parts.count == 2 else {
                if name.isEmpty { continue }
                return nil
            }
            let value = parts[1].filter { !$0.isWhitespace }
            // §3.6.1: v= comes first, where it comes.
            if name == "v", place > 0 || value != "DKIM1" { return nil }
            values[name] = value
        }
        guard values["p"] != nil else { return nil }
    }

    subscript(_ name: String) -> String? { values[name] }
}
