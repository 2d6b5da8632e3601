import NIOSSL
import Synchronization

/// The certificates in use. New connections take what lies on it at that moment; those that are secured keep what they have.
package final class CertificateShelf: Sendable {
    /// Where a certificate and its key are, both in PEM.
    package struct Files: Hashable, Sendable {
        package let certificatePath: String
        package let keyPath: String

        package init(certificatePath: String, keyPath: String) {
            self.certificatePath = certificatePath
            self.keyPath = keyPath
        }
    }

    private struct Entry {
        let identity: TLSIdentity
        let line: NIOSSLContext
        let web: NIOSSLContext
    }

    private let files: [Files]
    private let policy: TLSPolicy
    private let entries: Mutex<[Entry]>
    /// Of names that are being proved to a certificate authority (RFC 8737 §3), by name.
    private let challenges = Mutex<[String: NIOSSLContext]>([:])

    /// - parameter files: at least one; the first serves whoever asks for no name, or for one that none covers.
    /// - throws: `TLSIdentity.Fault`, which names the file.
    package init(_ files: [Files], policy: TLSPolicy = TLSPolicy()) throws {
        self.files = files
        self.policy = policy
        entries = Mutex(try Self.load(files, policy))
    }

    /// Certificates that are in no file; `reload` keeps them.
    package init(_ identities: [TLSIdentity], policy: TLSPolicy = TLSPolicy()) throws {
        files = []
        self.policy = policy
        entries = Mutex(try Self.entries(identities, policy))
    }

    package var identities: [TLSIdentity] { entries.withLock { $0.map(\.identity) } }

    /// Reads all files again. When one cannot be used, nothing changes and the `TLSIdentity.Fault` is thrown.
    package func reload() throws {
        guard !files.isEmpty else { return }
        let fresh = try Self.load(files, policy)
        entries.withLock { $0 = fresh }
    }

    /// Puts other certificates in the place of all.
    package func replace(with identities: [TLSIdentity]) throws {
        let fresh = try Self.entries(identities, policy)
        entries.withLock { $0 = fresh }
    }

    /// Shows a certificate to those who ask for `name` by the protocol `acme-tls/1` alone (RFC 8737 §3); nil: no longer.
    package func show(challenge identity: TLSIdentity?, for name: String) throws {
        let context = try identity?.context(policy, protocols: [CertificateShelf.challengeProtocol])
        challenges.withLock { $0[name.lowercased()] = context }
    }

    static let challengeProtocol = "acme-tls/1"
    private static let webProtocols = ["h2", "http/1.1"]

    /// Nil: nothing that the client would speak is spoken here.
    func context(for hello: ClientHello, _ inside: TLSDoor.Inside) -> NIOSSLContext? {
        if hello.protocols == [CertificateShelf.challengeProtocol] {
            return challenges.withLock { challenges in hello.serverName.flatMap { challenges[$0] } }
        }
        let isForWeb = hello.protocols.contains(where: CertificateShelf.webProtocols.contains)
        if !hello.protocols.isEmpty, isForWeb != (inside == .web) { return nil }
        return entries.withLock { entries in
            let entry = hello.serverName.flatMap { name in entries.count > 1 ? entries.first { $0.identity.covers(name) } : nil } ?? entries[0]
            return inside == .web ? entry.web : entry.line
        }
    }

    private static func load(_ files: [Files], _ policy: TLSPolicy) throws -> [Entry] {
        try entries(files.map { try TLSIdentity(certificatePath: $0.certificatePath, keyPath: $0.keyPath) }, policy)
    }

    private static func entries(_ identities: [TLSIdentity], _ policy: TLSPolicy) throws -> [Entry] {
        guard !identities.isEmpty else { throw TLSIdentity.Fault(description: "no certificate is configured") }
        return try identities.map { identity in
            Entry(identity: identity, line: try identity.context(policy), web: try identity.context(policy, protocols: webProtocols))
        }
    }
}
