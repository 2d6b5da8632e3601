/// A signing key as `dkim list` shows it.
struct SigningKeyLine: Codable, Sendable, Hashable {
    let domain: String
    let selector: String
    /// As a= writes it.
    let algorithm: String
    /// Of RSA; 256 of Ed25519; nil: it is destroyed.
    let bits: Int?
    /// pending, active, retiring or revoked.
    let state: String
    /// ISO 8601, UTC.
    let made: String
    let since: String
    /// Until when its record has to stay; nil: as long as nobody says otherwise.
    let recordNeededUntil: String?
    /// Where its TXT record stands, and the record's text, in one piece.
    let name: String
    let record: String
}

/// What `dkim rotate` saw and did.
struct SigningRotationLine: Codable, Sendable, Hashable {
    struct Sight: Codable, Sendable, Hashable {
        let selector: String
        /// published, absent, differs or unknown.
        let record: String
        let reason: String?
    }

    /// Of records that keys wait for.
    let sights: [Sight]
    /// Selectors of keys that are new.
    let made: [String]
    /// All keys of the domain now.
    let keys: [SigningKeyLine]
    /// DNS was not asked: outbound.enabled is false.
    let isBlind: Bool
}
