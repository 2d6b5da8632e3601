package import MailModel

/// How things are with a certificate, for `martlet certificate list`.
package struct CertificateStatus: Hashable, Sendable {
    package enum State: String, Hashable, Sendable, CaseIterable {
        /// There has never been one.
        case missing
        case valid
        /// Its time has not begun.
        case early
        case expired
        /// Taken back, and not yet replaced.
        case revoked
        /// What is kept cannot be read.
        case damaged
    }

    package struct Present: Hashable, Sendable {
        package let names: [CertificateName]
        package let notBefore: Timestamp
        package let notAfter: Timestamp
        package let issuer: String
        /// Hexadecimal.
        package let serialNumber: String
        package let keyKind: CertificateKey.Kind
        /// SHA-256 of its public key, hexadecimal: for TLSA 3 1 1.
        package let publicKeyDigest: String
    }

    package struct Omitted: Hashable, Sendable {
        package let name: CertificateName
        /// In one line; nil: it was not asked for yet.
        package let reason: String?
        /// When it is tried again, at the earliest.
        package let until: Timestamp?
    }

    package let name: CertificateName
    /// The configuration names it.
    package let isWanted: Bool
    package let state: State
    package let present: Present?
    /// The same of the key that the next one will have, where it is another already.
    package let nextPublicKeyDigest: String?
    /// Names that are wanted and that it is not for.
    package let omitted: [Omitted]
    /// When it is renewed, if nothing comes between; nil: it is not wanted, or there is none that will do.
    package let renewal: Timestamp?
    /// Where the CA says why; a URL.
    package let explanation: String?
    /// When the CA is asked for one again after attempts that came to nothing; nil: nothing stands against it.
    package let heldUntil: Timestamp?
    package let lastAttempt: Timestamp?
    /// In a row.
    package let failures: Int
    /// What went wrong in the last attempt, in one line.
    package let fault: String?
}
