import FoundationEssentials
import MailModel
import Storage

/// A certificate of a name as it is kept, with all that is known of the next one: in one value, so that a change is whole or nothing. Times are seconds since 1970.
struct StoredCertificate: Codable, Hashable {
    struct Key: Codable, Hashable {
        let kind: CertificateKey.Kind
        /// PKCS #8.
        let pem: String
    }

    struct Window: Codable, Hashable {
        let start: Int64
        let end: Int64
        let explanation: String?
    }

    struct Issued: Codable, Hashable {
        let chain: String
        let key: Key
        /// Of the CA.
        let directory: ResourceURL
        /// 0..<1: see `RenewalPlan`.
        let place: Double
        /// What the CA suggests; nil: nothing.
        var window: Window?
        /// When it is asked again what it suggests.
        var nextLook: Int64
        /// Why, by number; nil: it is not revoked.
        var revoked: Int?
    }

    var issued: Issued?
    /// The key of the next one, where it is another, and since when its TLSA record can be published; nil: it is for nobody to publish.
    var nextKey: Key?
    var prepared: Int64?
    /// Attempts in a row that came to nothing.
    var failures = 0
    /// No attempt is made before, by our own measure, and by the CA's.
    var backOff: Int64?
    var limit: Int64?
    var fault: String?
    var lastAttempt: Int64?
}

/// The account at one CA.
struct StoredAccount: Codable, Hashable {
    let key: String
    /// Nil: it is not made yet, or nobody has heard that it was.
    var url: ResourceURL?
    var contact: [String]
}

/// A name with which something went wrong at a CA.
struct StoredTrouble: Codable, Hashable {
    /// In a row.
    let failures: Int
    /// Seconds since 1970: no order has it before.
    let until: Int64
    let reason: String
}

/// What is kept of all this in a `KeyValueStore`, sealed. Each throws `corrupt` where what is there cannot be read: it is not nothing.
struct CertificateArchive: Sendable {
    private let store: any KeyValueStore

    init(_ store: any KeyValueStore) { self.store = store }

    private static func accountKey(_ directory: ResourceURL) -> String { "account \(directory)" }
    private static let certificatePrefix = "certificate "
    private static let namePrefix = "name "

    func account(_ directory: ResourceURL) throws -> StoredAccount? { try read(CertificateArchive.accountKey(directory)) }
    func keep(_ account: StoredAccount, _ directory: ResourceURL) async throws { try await write(account, CertificateArchive.accountKey(directory)) }

    func certificate(_ name: CertificateName) throws -> StoredCertificate? { try read(CertificateArchive.certificatePrefix + name.description) }
    func keep(_ certificate: StoredCertificate, _ name: CertificateName) async throws {
        try await write(certificate, CertificateArchive.certificatePrefix + name.description)
    }

    /// Of all certificates that anything is known of, in order.
    func names() throws -> [CertificateName] {
        try store.values(in: .certificates).keys.filter { $0.hasPrefix(CertificateArchive.certificatePrefix) }
            .compactMap { CertificateName($0.dropFirst(CertificateArchive.certificatePrefix.count)) }.sorted()
    }

    func troubles() throws -> [CertificateName: StoredTrouble] {
        var troubles: [CertificateName: StoredTrouble] = [:]
        for (key, value) in try store.values(in: .certificates) where key.hasPrefix(CertificateArchive.namePrefix) {
            guard let name = CertificateName(key.dropFirst(CertificateArchive.namePrefix.count)) else { continue }
            troubles[name] = try CertificateArchive.decode(value, key)
        }
        return troubles
    }

    /// Together; nil: there is none any more.
    func keep(_ troubles: [CertificateName: StoredTrouble?]) async throws {
        guard !troubles.isEmpty else { return }
        try await store.change(
            troubles.map { name, trouble in
                KeyValueChange(.certificates, CertificateArchive.namePrefix + name.description, try trouble.map { try JSONText.encode($0) })
            })
    }

    private func read<Value: Decodable>(_ key: String) throws -> Value? {
        try store.value(of: key, in: .certificates).map { try CertificateArchive.decode($0, key) }
    }

    private func write(_ value: some Encodable, _ key: String) async throws {
        try await store.change([KeyValueChange(.certificates, key, try JSONText.encode(value))])
    }

    private static func decode<Value: Decodable>(_ octets: [UInt8], _ key: String) throws -> Value {
        do { return try JSONDecoder().decode(Value.self, from: Data(octets)) } catch { throw StorageFault.corrupt("what is kept of \(key)") }
    }
}
