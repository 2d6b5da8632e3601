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
        let contexts: [Face: NIOSSLContext]
    }

    /// For whom a context is. A session that was begun with one is resumed with no other, so nobody who was not asked for a certificate comes in where one is
    /// demanded.
    private struct Face: Hashable {
        let inside: TLSDoor.Inside
        let clients: ClientCertificates
    }

    private struct State {
        var entries: [Entry] = []
        /// Of clients; nil: none is asked for a certificate.
        var authorities: [NIOSSLCertificate]?
    }

    private let files: [Files]
    private let authoritiesPath: String?
    private let policy: TLSPolicy
    private let state: Mutex<State>
    /// Held by who changes it.
    private let changing = Mutex(())
    /// Of names that are being proved to a certificate authority (RFC 8737 §3), by name.
    private let challenges = Mutex<[String: NIOSSLContext]>([:])

    /// - parameters:
    ///   - files: at least one; the first serves whoever asks for no name, or for one that none covers.
    ///   - clientAuthorities: a file in PEM, of roots whose certificates clients may show; nil: no listener asks for them.
    /// - throws: `TLSIdentity.Fault`, which names the file.
    package convenience init(_ files: [Files], policy: TLSPolicy = TLSPolicy(), clientAuthorities: String? = nil) throws {
        try self.init(files, Self.load(files), policy, clientAuthorities)
    }

    /// Certificates that are in no file; `reload` keeps them.
    package convenience init(_ identities: [TLSIdentity], policy: TLSPolicy = TLSPolicy(), clientAuthorities: String? = nil) throws {
        try self.init([], identities, policy, clientAuthorities)
    }

    private init(_ files: [Files], _ identities: [TLSIdentity], _ policy: TLSPolicy, _ authoritiesPath: String?) throws {
        self.files = files
        self.policy = policy
        self.authoritiesPath = authoritiesPath
        state = Mutex(try Self.state(identities, policy, authoritiesPath.map { try TLSIdentity.certificates(inFile: $0) }))
    }

    /// Whether a file holds certificates that could be authorities.
    package static func checkAuthorities(inFile path: String) throws(TLSIdentity.Fault) { _ = try TLSIdentity.certificates(inFile: path) }

    package var identities: [TLSIdentity] { state.withLock { $0.entries.map(\.identity) } }

    /// Reads all files again. What cannot be used holds nothing else up: of it stays what was read before. Then the first `TLSIdentity.Fault` is thrown, when all
    /// others are in use.
    package func reload() throws {
        try changing.withLock { _ in
            var fault: TLSIdentity.Fault?
            let (before, known) = state.withLock { ($0.entries.map(\.identity), $0.authorities) }
            var authorities = known
            if let authoritiesPath {
                do throws(TLSIdentity.Fault) { authorities = try TLSIdentity.certificates(inFile: authoritiesPath) } catch { fault = error }
            }
            var identities = before
            for (place, files) in files.enumerated() {
                do throws(TLSIdentity.Fault) {
                    identities[place] = try TLSIdentity(certificatePath: files.certificatePath, keyPath: files.keyPath)
                } catch { fault = fault ?? error }
            }
            let fresh = try Self.state(identities, policy, authorities)
            state.withLock { $0 = fresh }
            if let fault { throw fault }
        }
    }

    /// Puts other certificates in the place of all.
    package func replace(with identities: [TLSIdentity]) throws {
        try changing.withLock { _ in
            let fresh = try Self.state(identities, policy, state.withLock { $0.authorities })
            state.withLock { $0 = fresh }
        }
    }

    /// Shows a certificate to those who ask for `name` by the protocol `acme-tls/1` alone (RFC 8737 §3); nil: no longer.
    package func show(challenge identity: TLSIdentity?, for name: String) throws {
        let context = try identity?.context(policy, protocols: [CertificateShelf.challengeProtocol])
        challenges.withLock { $0[name.lowercased()] = context }
    }

    static let challengeProtocol = "acme-tls/1"
    private static let webProtocols = ["h2", "http/1.1"]

    /// Nil: nothing that the client would speak is spoken here.
    func context(for hello: ClientHello, _ inside: TLSDoor.Inside, _ clients: ClientCertificates) -> NIOSSLContext? {
        if hello.protocols == [CertificateShelf.challengeProtocol] {
            return challenges.withLock { challenges in hello.serverName.flatMap { challenges[$0] } }
        }
        let isForWeb = hello.protocols.contains(where: CertificateShelf.webProtocols.contains)
        if !hello.protocols.isEmpty, isForWeb != (inside == .web) { return nil }
        return state.withLock { state in
            let entries = state.entries
            let entry = hello.serverName.flatMap { name in entries.count > 1 ? entries.first { $0.identity.covers(name) } : nil } ?? entries[0]
            return entry.contexts[Face(inside: inside, clients: clients)]
        }
    }

    private static func load(_ files: [Files]) throws -> [TLSIdentity] {
        try files.map { try TLSIdentity(certificatePath: $0.certificatePath, keyPath: $0.keyPath) }
    }

    private static func state(_ identities: [TLSIdentity], _ policy: TLSPolicy, _ authorities: [NIOSSLCertificate]?) throws -> State {
        guard !identities.isEmpty else { throw TLSIdentity.Fault(description: "no certificate is configured") }
        let faces = ClientCertificates.allCases.filter { authorities != nil || $0 == .off }.flatMap { clients in
            [Face(inside: .line, clients: clients), Face(inside: .web, clients: clients)]
        }
        let entries = try identities.map { identity in
            let contexts = try faces.map { face in
                let protocols = face.inside == .web ? webProtocols : []
                return (face, try identity.context(policy, protocols: protocols, clients: face.clients, of: authorities ?? []))
            }
            return Entry(identity: identity, contexts: Dictionary(contexts) { first, _ in first })
        }
        return State(entries: entries, authorities: authorities)
    }
}
