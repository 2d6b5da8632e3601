import Crypto
import Foundation
package import MailModel
import NIOSSL
import X509

/// A certificate chain and its private key. Prints neither.
package struct TLSIdentity: Sendable, CustomStringConvertible {
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey
    /// The DNS names of the leaf, in lower case; `*.example.org` too.
    package let names: [String]
    /// As `TLSFacts` has it.
    let endPoint: [UInt8]?
    package let notBefore: Timestamp
    package let notAfter: Timestamp

    /// Why a certificate or key cannot be used; says which file.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
        /// errno, where a file could not be read: nothing is known of what it holds.
        package let code: Int32?

        init(description: String, code: Int32? = nil) {
            self.description = description
            self.code = code
        }
    }

    /// Reads both files, in PEM: the leaf first, then what leads to the root.
    package init(certificatePath: String, keyPath: String) throws(Fault) {
        try self.init(
            certificates: Self.read(certificatePath), key: Self.read(keyPath), places: (certificatePath, keyPath))
    }

    package init(certificatePEM: String, keyPEM: String) throws(Fault) {
        try self.init(
            certificates: Array(certificatePEM.utf8), key: Array(keyPEM.utf8), places: ("the certificate", "the private key"))
    }

    private init(certificates: [UInt8], key keyBytes: [UInt8], places: (String, String)) throws(Fault) {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMBytes(certificates) } catch {
            throw Fault(description: "\(places.0): no certificate in PEM")
        }
        guard let leaf = chain.first else { throw Fault(description: "\(places.0): no certificate in PEM") }
        do { key = try NIOSSLPrivateKey(bytes: keyBytes, format: .pem) } catch {
            throw Fault(description: "\(places.1): no private key in PEM that needs no passphrase")
        }
        let parsed: Certificate
        do { parsed = try Certificate(derEncoded: leaf.toDERBytes()) } catch {
            throw Fault(description: "\(places.0): not an X.509 certificate")
        }
        self.chain = chain
        let names: SubjectAlternativeNames?
        do { names = try parsed.extensions.subjectAlternativeNames } catch {
            throw Fault(description: "\(places.0): its names cannot be read")
        }
        self.names = (names ?? SubjectAlternativeNames()).compactMap { name in
            if case .dnsName(let name) = name { name.lowercased() } else { nil }
        }
        do { endPoint = try Self.endPoint(of: leaf, parsed.signatureAlgorithm) } catch {
            throw Fault(description: "\(places.0): it has no form that could be hashed: \(error)")
        }
        notBefore = Timestamp(rawValue: Int64(parsed.notValidBefore.timeIntervalSince1970))
        notAfter = Timestamp(rawValue: Int64(parsed.notValidAfter.timeIntervalSince1970))
        do { _ = try context(TLSPolicy()) } catch {
            throw Fault(description: "\(places.1): not the key of the certificate in \(places.0), or unfit for TLS (\(oneLine(error)))")
        }
    }

    /// `tls-server-end-point`: by the hash of the certificate's signature, SHA-256 in the place of weaker ones (RFC 5929 §4.1). Nil: the signature has no one
    /// hash, or one that is not known.
    static func endPoint(of leaf: NIOSSLCertificate, _ algorithm: Certificate.SignatureAlgorithm) throws -> [UInt8]? {
        let octets = try leaf.toDERBytes()
        return switch algorithm {
        case .sha1WithRSAEncryption, .sha256WithRSAEncryption, .ecdsaWithSHA256: Array(SHA256.hash(data: octets))
        case .sha384WithRSAEncryption, .ecdsaWithSHA384: Array(SHA384.hash(data: octets))
        case .sha512WithRSAEncryption, .ecdsaWithSHA512: Array(SHA512.hash(data: octets))
        default: nil
        }
    }

    /// SHA-256 of the leaf; empty where it has no form that could be hashed.
    package var leafDigest: [UInt8] {
        // try?: what was read has a form.
        guard let leaf = try? chain.first?.toDERBytes() else { return [] }
        return Array(SHA256.hash(data: leaf))
    }

    package var description: String { names.joined(separator: ", ") }

    /// Certificates of a file in PEM, one at least.
    static func certificates(inFile path: String) throws(Fault) -> [NIOSSLCertificate] {
        let octets = try read(path)
        do {
            let certificates = try NIOSSLCertificate.fromPEMBytes(octets)
            if !certificates.isEmpty { return certificates }
            // catch: told below.
        } catch {}
        throw Fault(description: "\(path): no certificate in PEM")
    }

    /// - parameters:
    ///   - protocols: what is offered by ALPN, the most wanted first.
    ///   - authorities: roots of the certificates that clients may show; they are told their names.
    func context(
        _ policy: TLSPolicy, protocols: [String] = [], clients: ClientCertificates = .off, of authorities: [NIOSSLCertificate] = []
    ) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = policy.minimum
        configuration.cipherSuiteValues = policy.suites
        configuration.applicationProtocols = protocols
        if clients != .off {
            // The library checks the chain, the time and that it is a client's (RFC 5280 §4.2.1.12); names are whoever's who maps them.
            configuration.certificateVerification = clients == .require ? .noHostnameVerification : .optionalVerification
            configuration.trustRoots = .certificates(authorities)
            configuration.sendCANameList = true
        }
        // Ours is the last word already; see `LineLimits.linger`.
        configuration.shutdownTimeout = .seconds(1)
        return try NIOSSLContext(configuration: configuration)
    }

    /// Whether a client that asks for `name`, in lower case, is served by this one (RFC 6125 §6.4.3: `*` is the whole leftmost label).
    func covers(_ name: String) -> Bool {
        names.contains { pattern in
            if pattern == name { return true }
            guard pattern.hasPrefix("*."), let dot = name.firstIndex(of: "."), dot != name.startIndex else { return false }
            return name[dot...] == pattern.dropFirst()
        }
    }

    private static func read(_ path: String) throws(Fault) -> [UInt8] {
        func fault() -> Fault {
            let code = errno
            return Fault(description: "\(path): \(String(cString: strerror(code)))", code: code)
        }
        guard let file = fopen(path, "re") else { throw fault() }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            errno = 0
            let count = fread(&chunk, 1, chunk.count, file)
            bytes += chunk[..<count]
            guard count < chunk.count else { continue }
            guard ferror(file) == 0 else { throw fault() }
            return bytes
        }
    }
}
