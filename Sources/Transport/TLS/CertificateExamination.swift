import Crypto
import Foundation
package import MailModel
import NIOSSL
import X509

/// What others make of a certificate of ours, and of the chain behind it.
package struct CertificateExamination: Sendable {
    /// Who vouches for it.
    package enum Trust: Hashable, Sendable {
        /// An authority that the system knows.
        case vouched
        /// Nobody but itself.
        case selfSigned
        /// The file has no certificate of the one who signed the last in it, and neither has the system: clients that do not know that one cannot go on.
        case incomplete(issuer: String)
        /// The chain ends in a root that the system does not know.
        case unknownRoot(String)
        /// Complete, and yet not good: why, in one line.
        case refused(String)
    }

    private struct Link: Sendable {
        let certificate: [UInt8]
        let publicKey: [UInt8]
    }

    /// The DNS names, in lower case.
    package let names: [String]
    package let notBefore: Timestamp
    package let notAfter: Timestamp
    /// The organisation that issued it, or what else its issuer is called.
    package let issuer: String
    package let trust: Trust
    private let links: [Link]
    private let identity: TLSIdentity

    /// Reads both files and looks who vouches for the certificate. One that is not valid now is `refused`, whoever does. Throws `TLSIdentity.Fault`.
    package init(certificatePath: String, keyPath: String) async throws {
        try await self.init(TLSIdentity(certificatePath: certificatePath, keyPath: keyPath), roots: .systemTrustRoots)
    }

    /// - parameter rootsPEM: the authorities that are believed.
    package init(certificatePEM: String, keyPEM: String, rootsPEM: [String]) async throws {
        try await self.init(
            TLSIdentity(certificatePEM: certificatePEM, keyPEM: keyPEM), roots: CertificateStore(rootsPEM.map { try Certificate(pemEncoded: $0) }))
    }

    private init(_ identity: TLSIdentity, roots: CertificateStore) async throws {
        let chain: [Certificate]
        do {
            links = try identity.chain.map { try Link(certificate: $0.toDERBytes(), publicKey: $0.extractPublicKey().toSPKIBytes()) }
            chain = try identity.chain.map { try Certificate(derEncoded: $0.toDERBytes()) }
        } catch {
            throw TLSIdentity.Fault(description: "a certificate of the chain cannot be read")
        }
        guard let leaf = chain.first else { throw TLSIdentity.Fault(description: "there is no certificate") }
        self.identity = identity
        names = identity.names
        notBefore = identity.notBefore
        notAfter = identity.notAfter
        issuer = Self.name(leaf.issuer)
        trust = await Self.trust(leaf, Array(chain.dropFirst()), roots)
    }

    /// Whether a client that looks for `name`, in lower case, takes it (RFC 6125 §6.4).
    package func covers(_ name: String) -> Bool { identity.covers(name) }

    /// SHA-256 of the certificate itself.
    package var leafDigest: [UInt8] { identity.leafDigest }

    /// SHA-256 of the public key, as TLSA 3 1 1 has it (RFC 7671 §5.1).
    package var keyDigest: [UInt8] { links.first.map { Array(SHA256.hash(data: $0.publicKey)) } ?? [] }

    /// Whether the data of a TLSA record fit: those of usage 3 our certificate, those of usage 2 one that stands behind it (RFC 6698 §2.1, RFC 7672 §3.1).
    package func fits(tlsa octets: [UInt8]) -> Bool {
        guard octets.count > 3 else { return false }
        let candidates: ArraySlice<Link> =
            switch octets[0] {
            case 3: links.prefix(1)
            case 2: links.dropFirst()
            default: []
            }
        return candidates.contains { link in
            let selected = octets[1] == 0 ? link.certificate : link.publicKey
            guard octets[1] <= 1 else { return false }
            switch octets[2] {
            case 0: return octets[3...].elementsEqual(selected)
            case 1: return octets[3...].elementsEqual(SHA256.hash(data: selected))
            case 2: return octets[3...].elementsEqual(SHA512.hash(data: selected))
            default: return false
            }
        }
    }

    private static func trust(_ leaf: Certificate, _ others: [Certificate], _ roots: CertificateStore) async -> Trust {
        var verifier = Verifier(rootCertificates: roots) {
            RFC5280Policy()
            ServerPurposePolicy()
        }
        let result = await verifier.validate(leaf: leaf, intermediates: CertificateStore(others))
        if case .validCertificate = result { return .vouched }
        if leaf.issuer == leaf.subject { return .selfSigned }
        var top = leaf
        for _ in others {
            guard top.issuer != top.subject, let next = others.first(where: { $0.subject == top.issuer }) else { break }
            top = next
        }
        guard case .couldNotValidate(let failures) = result, let failure = failures.first else {
            return top.issuer == top.subject ? .unknownRoot(name(top.subject)) : .incomplete(issuer: name(top.issuer))
        }
        return .refused(reason([leaf] + others, "\(failure.policyFailureReason)"))
    }

    /// In words for people: the library names whole certificates, and its rules by its own names.
    private static func reason(_ chain: [Certificate], _ text: String) -> String {
        let now = Date()
        if let old = chain.first(where: { $0.notValidAfter < now }) { return "the certificate of \(name(old.subject)) has expired" }
        if let early = chain.first(where: { now < $0.notValidBefore }) { return "the certificate of \(name(early.subject)) is not valid yet" }
        if text.contains(ServerPurposePolicy.reason) { return ServerPurposePolicy.reason }
        if text.contains("not marked as a CA") { return "one that has signed another may not do that" }
        if text.contains("name constraints") { return "an authority may not issue certificates for these names" }
        return "it breaks the rules for chains (RFC 5280 §6)"
    }

    /// The organisation, or the common name, or all of it.
    private static func name(_ name: DistinguishedName) -> String {
        var organisation: String?
        var commonName: String?
        for part in name {
            for attribute in part {
                // `O` is 2.5.4.10, `CN` is 2.5.4.3.
                switch "\(attribute.type)" {
                case "2.5.4.10": organisation = "\(attribute.value)"
                case "2.5.4.3": commonName = "\(attribute.value)"
                default: break
                }
            }
        }
        return organisation ?? commonName ?? "\(name)"
    }
}
