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
        let context: NIOSSLContext
    }

    private let files: [Files]
    private let policy: TLSPolicy
    private let entries: Mutex<[Entry]>

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

    /// - parameter name: in lower case.
    func context(for name: String?) -> NIOSSLContext {
        entries.withLock { entries in
            let first = entries[0].context
            guard entries.count > 1, let name else { return first }
            return entries.first { $0.identity.covers(name) }?.context ?? first
        }
    }

    private static func load(_ files: [Files], _ policy: TLSPolicy) throws -> [Entry] {
        try entries(files.map { try TLSIdentity(certificatePath: $0.certificatePath, keyPath: $0.keyPath) }, policy)
    }

    private static func entries(_ identities: [TLSIdentity], _ policy: TLSPolicy) throws -> [Entry] {
        guard !identities.isEmpty else { throw TLSIdentity.Fault(description: "no certificate is configured") }
        return try identities.map { Entry(identity: $0, context: try $0.context(policy)) }
    }
}
