import ACME

/// What may be asked of certificates. `name`: as the list has it; nil: the first.
enum CertificateOrder: Codable, Sendable {
    case list
    /// Makes the key that the next one will have, unless there is one; `another`: even so.
    case prepareKey(name: String?, another: Bool)
    /// Has one issued now.
    case renew(name: String?, hasNewKey: Bool)
    /// `reason`: one of `reasons`.
    case revoke(name: String?, reason: String)

    /// As RFC 5280 §5.3.1 calls them, in words.
    static let reasons: [(name: String, reason: RevocationReason)] = [
        ("unspecified", .unspecified), ("key-compromise", .keyCompromise), ("affiliation-changed", .affiliationChanged), ("superseded", .superseded),
        ("cessation-of-operation", .cessationOfOperation),
    ]
}

extension ACMEFault {
    var exitCode: Int32 {
        switch self {
        case .unknown: Sysexit.noUser
        case .limited, .unreachable, .undecided, .tooEarly: Sysexit.temporaryFailure
        case .refused, .malformed, .notProved, .notIssued, .unfit: Sysexit.unavailable
        }
    }
}
