import Conversation
import Crypto
import Foundation
import Logging
import MailModel
import NIOSSL
import X509

extension ClientCertificate {
    /// One that was good, and is no more: what a session was resumed with may be older than it says.
    struct Expired: Error {}

    /// - parameter certificate: one that TLS has verified, in this handshake or in the one whose session is resumed.
    init(_ certificate: NIOSSLCertificate, at now: Date = Date()) throws {
        let octets = try certificate.toDERBytes()
        let leaf = try Certificate(derEncoded: octets)
        guard leaf.notValidBefore <= now, now <= leaf.notValidAfter else { throw Expired() }
        var hosts: [String] = []
        var addresses: [String] = []
        var uris: [String] = []
        for name in try leaf.extensions.subjectAlternativeNames ?? SubjectAlternativeNames() {
            switch name {
            case .dnsName(let name): hosts.append(name)
            case .rfc822Name(let name): addresses.append(name)
            case .uniformResourceIdentifier(let name): uris.append(name)
            default: break
            }
        }
        let names = leaf.subject.flatMap { $0 }.filter { $0.type == .RDNAttributeType.commonName }
        self.init(
            subject: "\(leaf.subject)", issuer: "\(leaf.issuer)", commonNames: names.compactMap { String($0.value) }, hosts: hosts, addresses: addresses,
            uris: uris, serial: Array(leaf.serialNumber.bytes), digest: Array(SHA256.hash(data: octets)))
    }

    /// Says whose it is.
    func tell(_ log: Logger, _ facts: ConnectionFacts) {
        log.info(
            "A client has shown a certificate",
            metadata: [
                "connection": "\(facts.id)", "peer": "\(facts.peerAddress)", "subject": "\(LogText.quoted(subject))",
                "serial": "\(ClientCertificate.hex(serial))",
                "sha256": "\(ClientCertificate.hex(digest))",
            ])
    }

    private static func hex(_ octets: [UInt8]) -> String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
