import MailModel

/// What a CA says of itself and of what goes on there (RFC 8555 §7.1). Members that are not known here are passed over.

/// §7.1.1
struct ServiceDirectory: Decodable, Hashable {
    struct Meta: Decodable, Hashable {
        var termsOfService: String?
        var externalAccountRequired: Bool?
    }

    let newNonce: ResourceURL
    let newAccount: ResourceURL
    let newOrder: ResourceURL
    let revokeCert: ResourceURL
    /// RFC 9773 §4
    var renewalInfo: ResourceURL?
    var meta: Meta?
}

/// §7.1.2
struct AccountObject: Decodable {
    enum Status: String, Decodable { case valid, deactivated, revoked }
    let status: Status
}

/// §7.1.3
struct OrderObject: Decodable {
    enum Status: String, Decodable { case pending, ready, processing, valid, invalid }
    let status: Status
    let identifiers: [Identifier]
    let authorizations: [ResourceURL]
    let finalize: ResourceURL
    var certificate: ResourceURL?
    var error: Problem?
}

/// §7.1.4
struct AuthorizationObject: Decodable {
    enum Status: String, Decodable { case pending, valid, invalid, deactivated, expired, revoked }
    let status: Status
    let identifier: Identifier
    let challenges: [ChallengeObject]
    var wildcard: Bool?
}

/// §8. Of kinds that are not known here nothing is asked.
struct ChallengeObject: Decodable {
    let type: String
    var url: ResourceURL?
    var status: String?
    /// At least 128 bits in base64url (§8.3); what is no such text is none.
    var token: String?
    var error: Problem?

    private enum CodingKeys: String, CodingKey { case type, url, status, token, error }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        type = try container.decode(String.self, forKey: .type)
        // try?: a challenge of a kind of its own may have anything there.
        url = try? container.decodeIfPresent(ResourceURL.self, forKey: .url)
        // try?: as above.
        status = try? container.decodeIfPresent(String.self, forKey: .status)
        // try?: as above.
        let text = try? container.decodeIfPresent(String.self, forKey: .token)
        token = text.flatMap { (1...ChallengeObject.longestToken).contains($0.utf8.count) && Base64URL.isEncoded($0) ? $0 : nil }
        // try?: a reason that cannot be read is none.
        error = try? container.decodeIfPresent(Problem.self, forKey: .error)
    }

    /// Octets.
    private static let longestToken = 256
}

/// RFC 9773 §4.2
struct RenewalInfoObject: Decodable {
    struct Window: Decodable {
        let start: String
        let end: String
    }

    let suggestedWindow: Window
    var explanationURL: String?
}
