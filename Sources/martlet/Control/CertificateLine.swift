import ACME
import MailModel
import Transport

/// A certificate as `certificate list` shows it. Times are ISO 8601, UTC.
struct CertificateLine: Codable, Sendable, Hashable {
    struct Omitted: Codable, Sendable, Hashable {
        let name: String
        let reason: String?
        let until: String?
    }

    let name: String
    /// acme, file or self-signed.
    let source: String
    /// missing, valid, early, expired, revoked or damaged.
    let state: String
    var names: [String] = []
    var notBefore: String?
    var notAfter: String?
    /// The organisation that issued it, or what else is known of who did.
    var issuer: String?
    var serial: String?
    var key: String?
    /// SHA-256 of the public key, hexadecimal: for TLSA 3 1 1.
    var publicKeyDigest: String?
    /// The same of the key that the next one will have, where it is another already.
    var nextPublicKeyDigest: String?
    /// Names that are wanted and that it is not for.
    var omitted: [Omitted] = []
    /// When it is renewed, if nothing comes between.
    var renewal: String?
    /// Until when the CA is left alone after what went wrong.
    var heldUntil: String?
    var fault: String?
}

extension CertificateLine {
    init(_ status: CertificateStatus) {
        name = status.name.description
        source = "acme"
        state = status.state.rawValue
        names = status.present?.names.map(\.description) ?? []
        notBefore = status.present?.notBefore.description
        notAfter = status.present?.notAfter.description
        issuer = status.present.map { CertificateLine.organisation($0.issuer) }
        serial = status.present?.serialNumber
        key = status.present?.keyKind.rawValue
        publicKeyDigest = status.present?.publicKeyDigest
        nextPublicKeyDigest = status.nextPublicKeyDigest
        omitted = status.omitted.map { Omitted(name: $0.name.description, reason: $0.reason, until: $0.until?.description) }
        renewal = status.renewal?.description
        heldUntil = status.heldUntil?.description
        fault = status.fault
    }

    init(_ certificate: CertificateExamination, at now: Timestamp) {
        name = certificate.names.first ?? ""
        source = certificate.trust == .selfSigned ? "self-signed" : "file"
        let state: CertificateStatus.State = now < certificate.notBefore ? .early : now < certificate.notAfter ? .valid : .expired
        self.state = state.rawValue
        names = certificate.names
        notBefore = certificate.notBefore.description
        notAfter = certificate.notAfter.description
        issuer = certificate.issuer
        publicKeyDigest = RecordMakers.hex(certificate.keyDigest)
    }

    /// Of a distinguished name as it is written (RFC 4514).
    private static func organisation(_ name: String) -> String {
        name.split(separator: ",").first { $0.hasPrefix("O=") }.map { String($0.dropFirst(2)) } ?? name
    }
}
