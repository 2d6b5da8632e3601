import FoundationEssentials
import MailModel
import SenderTrust
import Storage

/// The keys of one domain as they are kept, all in one value: a change of them is whole or nothing.
struct StoredSigningKeys: Codable {
    struct Key: Codable {
        let selector: String
        let algorithm: String
        /// Seconds since 1970.
        let made: Int64
        let state: SigningKey.State
        let since: Int64
        /// PKCS #8 in base64; nil: it is destroyed.
        let secret: String?
    }

    let keys: [Key]

    init(_ keys: [SigningKey]) {
        self.keys = keys.map { key in
            Key(
                selector: key.selector, algorithm: key.algorithm.rawValue, made: key.made.rawValue, state: key.state, since: key.since.rawValue,
                secret: key.key.map { Data($0.stored).base64EncodedString() })
        }
    }

    /// `corrupt` where one of them cannot be read: an answer that is short of one would have others made in its place.
    func read(_ domain: String) throws -> [SigningKey] {
        try keys.map { stored in
            let damage = StorageFault.corrupt("the signing key \(stored.selector) of \(domain)")
            guard let algorithm = DKIMAlgorithm(rawValue: stored.algorithm) else { throw damage }
            var key = SigningKey(
                selector: stored.selector, algorithm: algorithm, made: Timestamp(rawValue: stored.made), state: stored.state,
                since: Timestamp(rawValue: stored.since), key: nil)
            if let secret = stored.secret {
                guard let octets = Data(base64Encoded: secret) else { throw damage }
                do { key.key = try DKIMKey(stored: Array(octets)) } catch { throw damage }
            }
            guard key.key?.algorithm ?? algorithm == algorithm, (key.key == nil) == (key.state == .revoked) else { throw damage }
            return key
        }
    }
}
