import Conversation
import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import X509

/// Judges what a server has shown by the records that were published for it (RFC 6698 §2.1, RFC 7671, RFC 7672 §3).
///
/// Bounded, whatever is shown: by the number of certificates, and by their pairs, of which each signature is checked once.
struct DANEVerifier: Sendable {
    private let records: [TLSARecord]
    private let names: [String]

    /// Certificates of the chain that are looked at, the server's own among them.
    private static let mostCertificates = 10
    /// Anchors that are tried.
    private static let mostAnchors = 8

    init(records: [TLSARecord], names: [String]) {
        self.records = records
        self.names = names
    }

    /// - parameter chain: as it was sent, the server's own certificate first.
    /// Nil: it is who it has to be.
    func objection(to chain: [NIOSSLCertificate]) async -> TLSFailure? {
        let shown = chain.prefix(DANEVerifier.mostCertificates).compactMap { certificate in
            // try?: what cannot be written again matches nothing.
            (try? certificate.toDERBytes()).map { ShownCertificate($0) }
        }
        guard let leaf = shown.first, shown.count == min(chain.count, DANEVerifier.mostCertificates) else {
            return TLSFailure(.notTrusted, "no certificate was shown that can be read")
        }
        // RFC 7671 §5.1: neither its names nor its dates are looked at.
        if records.contains(where: { $0.usage == TLSARecord.Usage.endEntity && leaf.matches($0) }) { return nil }
        guard records.contains(where: { $0.usage == TLSARecord.Usage.anchor }) else {
            return TLSFailure(.notTrusted, "the certificate is none of those that DNS has (TLSA)")
        }
        return await objection(to: leaf, shown)
    }

    // MARK: Usage 2

    private func objection(to leaf: ShownCertificate, _ shown: [ShownCertificate]) async -> TLSFailure? {
        guard let own = leaf.certificate else { return TLSFailure(.notTrusted, "a certificate that cannot be read") }
        let anchors = anchors(shown)
        guard !anchors.isEmpty else { return TLSFailure(.notTrusted, "none of the certificates is one that DNS has (TLSA)") }
        let others = shown.dropFirst().compactMap(\.certificate)
        var failure = TLSFailure(.notTrusted, "what DNS has (TLSA) does not vouch for the certificate")
        for anchor in anchors.prefix(DANEVerifier.mostAnchors) {
            guard let path = DANEVerifier.path(from: own, over: others, to: anchor) else { continue }
            guard let objection = await DANEVerifier.objection(to: own, path, anchor) else { return nameObjection(own) }
            failure = objection
        }
        return failure
    }

    /// Those that a record means: of the ones that were shown, or in the record itself (RFC 7671 §5.2.2).
    private func anchors(_ shown: [ShownCertificate]) -> [Certificate] {
        let records = records.filter { $0.usage == TLSARecord.Usage.anchor }
        var anchors: [Certificate] = []
        // The server's own is none, whoever has signed it: for that there is usage 3.
        for certificate in shown.dropFirst() where records.contains(where: certificate.matches) {
            if let anchor = certificate.certificate, !anchors.contains(anchor) { anchors.append(anchor) }
        }
        for record in records where record.selector == 0 && record.matching == 0 {
            guard let anchor = ShownCertificate(record.data).certificate, !anchors.contains(anchor) else { continue }
            anchors.append(anchor)
        }
        return anchors
    }

    /// Who has signed whom, from the server's certificate to the anchor, over the fewest others; nil: there is no way.
    private static func path(from leaf: Certificate, over others: [Certificate], to anchor: Certificate) -> [Certificate]? {
        func hasSigned(_ issuer: Certificate, _ certificate: Certificate) -> Bool {
            certificate.issuer == issuer.subject && issuer.publicKey.isValidSignature(certificate.signature, for: certificate)
        }
        var paths: [[Certificate]] = [[]]
        var left = others.filter { $0 != leaf && $0 != anchor }
        while !paths.isEmpty {
            let path = paths.removeFirst()
            let last = path.last ?? leaf
            if hasSigned(anchor, last) { return path }
            for issuer in left where hasSigned(issuer, last) {
                paths.append(path + [issuer])
                left.removeAll { $0 == issuer }
            }
        }
        return nil
    }

    /// RFC 5280 §6, with the anchor for the root.
    private static func objection(to leaf: Certificate, _ path: [Certificate], _ anchor: Certificate) async -> TLSFailure? {
        var verifier = Verifier(rootCertificates: CertificateStore([anchor])) {
            RFC5280Policy()
            ServerPurposePolicy()
        }
        switch await verifier.validate(leaf: leaf, intermediates: CertificateStore(path)) {
        case .validCertificate: return nil
        case .couldNotValidate(let failures):
            let now = Date()
            if let old = ([leaf] + path + [anchor]).first(where: { $0.notValidAfter < now }) {
                return TLSFailure(.expired, "\(old == leaf ? "the certificate" : "a certificate that vouches for it") has expired")
            }
            // The library's own words print whole certificates.
            let reason = failures.first.map { String(describing: $0.policyFailureReason) }
            return TLSFailure(.notTrusted, reason == ServerPurposePolicy.reason ? ServerPurposePolicy.reason : "the chain of certificates breaks a rule")
        }
    }

    private func nameObjection(_ leaf: Certificate) -> TLSFailure? {
        do {
            let holder = try CertificateNames(leaf)
            if names.contains(where: holder.cover) { return nil }
            return TLSFailure(.hostMismatch, "the certificate is for \(holder.written), not for \(names.joined(separator: ", "))")
        } catch {
            return TLSFailure(.notTrusted, "a certificate that cannot be read: \(oneLine(error))")
        }
    }
}

/// A certificate as it came, and what records say of one.
private struct ShownCertificate {
    private let octets: [UInt8]
    /// Nil: it is none.
    let certificate: Certificate?
    /// subjectPublicKeyInfo, as it stands there.
    private let publicKey: ArraySlice<UInt8>?

    init(_ octets: [UInt8]) {
        self.octets = octets
        // try?: what cannot be read vouches for nobody.
        certificate = try? Certificate(derEncoded: octets)
        publicKey = ShownCertificate.publicKey(in: octets)
    }

    func matches(_ record: TLSARecord) -> Bool {
        let selected: ArraySlice<UInt8>
        switch record.selector {
        case 0: selected = octets[...]
        case 1:
            guard let publicKey else { return false }
            selected = publicKey
        default: return false
        }
        return switch record.matching {
        case 0: selected.elementsEqual(record.data)
        case 1: SHA256.hash(data: selected).elementsEqual(record.data)
        case 2: SHA512.hash(data: selected).elementsEqual(record.data)
        default: false
        }
    }

    // TBSCertificate ::= SEQUENCE { version [0] EXPLICIT DEFAULT v1, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, ... } (RFC 5280 §4.1)
    private static func publicKey(in octets: [UInt8]) -> ArraySlice<UInt8>? {
        // try?: what is no certificate has no key.
        guard let root = try? DER.parse(octets), case .constructed(let parts) = root.content, let signed = parts.first(where: { _ in true }),
            case .constructed(let fields) = signed.content
        else { return nil }
        let version = ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific)
        return fields.filter { $0.identifier != version }.dropFirst(5).first?.encodedBytes
    }
}
