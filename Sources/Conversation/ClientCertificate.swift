/// What a client has proved of itself by a certificate (RFC 5280): its leaf, whose chain leads to an authority of ours, which is in its time, and whose key the
/// client has. No certificate that fails any of these is ever one of these.
package struct ClientCertificate: Hashable, Sendable {
    /// The subject as text, in the order of RFC 4514: `CN=jo,O=Example`. Empty where there is none.
    package let subject: String
    /// Of the issuer, alike.
    package let issuer: String
    /// The subject's common names, in its order.
    package let commonNames: [String]
    /// Alternative names, as they are written in it: compare them as the things that they are. Any character may be in them.
    package let hosts: [String]
    package let addresses: [String]
    package let uris: [String]
    /// Its octets, the first one first; an issuer gives each once.
    package let serial: [UInt8]
    /// SHA-256 of the certificate; 32 octets.
    package let digest: [UInt8]

    package init(
        subject: String, issuer: String, commonNames: [String], hosts: [String], addresses: [String], uris: [String], serial: [UInt8], digest: [UInt8]
    ) {
        (self.subject, self.issuer, self.commonNames) = (subject, issuer, commonNames)
        (self.hosts, self.addresses, self.uris) = (hosts, addresses, uris)
        (self.serial, self.digest) = (serial, digest)
    }
}
