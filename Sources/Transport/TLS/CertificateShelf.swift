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
        /// Those that can be used, in the order of their files.
        var entries: [Entry] = []
        /// One for each pair of files; nil: it could not be used yet. Of certificates that are in no file all are there.
        var identities: [TLSIdentity?] = []
        /// What is wrong with files as they are now; of what was read of them before, if ever, the last stays in use.
        var faults: [TLSIdentity.Fault] = []
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
    /// - throws: `TLSIdentity.Fault`, which names the file: the first pair has to be good. Of the others one that cannot be used holds nothing up; see `faults`.
    package convenience init(_ files: [Files], policy: TLSPolicy = TLSPolicy(), clientAuthorities: String? = nil) throws {
        var identities: [TLSIdentity?] = []
        var faults: [TLSIdentity.Fault] = []
        for (place, files) in files.enumerated() {
            do throws(TLSIdentity.Fault) {
                identities.append(try TLSIdentity(certificatePath: files.certificatePath, keyPath: files.keyPath))
            } catch {
                guard place > 0 else { throw error }
                identities.append(nil)
                faults.append(error)
            }
        }
        try self.init(files, identities, faults, policy, clientAuthorities)
    }

    /// Certificates that are in no file; `reload` keeps them.
    package convenience init(_ identities: [TLSIdentity], policy: TLSPolicy = TLSPolicy(), clientAuthorities: String? = nil) throws {
        try self.init([], identities, [], policy, clientAuthorities)
    }

    private init(
        _ files: [Files], _ identities: [TLSIdentity?], _ faults: [TLSIdentity.Fault], _ policy: TLSPolicy, _ authoritiesPath: String?
    ) throws {
        self.files = files
        self.policy = policy
        self.authoritiesPath = authoritiesPath
        state = Mutex(try Self.state(identities, faults, policy, authoritiesPath.map { try TLSIdentity.certificates(inFile: $0) }))
    }

    /// Whether a file holds certificates that could be authorities.
    package static func checkAuthorities(inFile path: String) throws(TLSIdentity.Fault) { _ = try TLSIdentity.certificates(inFile: path) }

    package var identities: [TLSIdentity] { state.withLock { $0.entries.map(\.identity) } }

    /// Why files cannot be used as they are now: each names its file.
    package var faults: [TLSIdentity.Fault] { state.withLock { $0.faults } }

    /// Reads all files again. What cannot be used holds nothing else up: of it stays what was read before. Then a `TLSIdentity.Fault` is thrown that names all
    /// that is wrong, when all others are in use.
    package func reload() throws {
        try changing.withLock { _ in
            var faults: [TLSIdentity.Fault] = []
            var (identities, authorities) = state.withLock { ($0.identities, $0.authorities) }
            if let authoritiesPath {
                do throws(TLSIdentity.Fault) { authorities = try TLSIdentity.certificates(inFile: authoritiesPath) } catch { faults.append(error) }
            }
            for (place, files) in files.enumerated() {
                do throws(TLSIdentity.Fault) {
                    identities[place] = try TLSIdentity(certificatePath: files.certificatePath, keyPath: files.keyPath)
                } catch { faults.append(error) }
            }
            let fresh = try Self.state(identities, faults, policy, authorities)
            state.withLock { $0 = fresh }
            guard let first = faults.first else { return }
            throw faults.count == 1 ? first : TLSIdentity.Fault(description: faults.map(\.description).joined(separator: "; "), code: first.code)
        }
    }

    /// Puts other certificates in the place of all.
    package func replace(with identities: [TLSIdentity]) throws {
        try changing.withLock { _ in
            let fresh = try Self.state(identities, [], policy, state.withLock { $0.authorities })
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

    /// What a client is shown.
    struct Chosen {
        let context: NIOSSLContext
        /// As `TLSFacts` has it. A session that is resumed was begun with the same context, and so with the same certificate.
        let endPoint: [UInt8]?
    }

    /// Nil: nothing that the client would speak is spoken here.
    func context(for hello: ClientHello, _ inside: TLSDoor.Inside, _ clients: ClientCertificates) -> Chosen? {
        if hello.protocols == [CertificateShelf.challengeProtocol] {
            return challenges.withLock { challenges in hello.serverName.flatMap { challenges[$0] } }.map { Chosen(context: $0, endPoint: nil) }
        }
        let isForWeb = hello.protocols.contains(where: CertificateShelf.webProtocols.contains)
        if !hello.protocols.isEmpty, isForWeb != (inside == .web) { return nil }
        return state.withLock { state in
            let entries = state.entries
            let entry = hello.serverName.flatMap { name in entries.count > 1 ? entries.first { $0.identity.covers(name) } : nil } ?? entries[0]
            return entry.contexts[Face(inside: inside, clients: clients)].map { Chosen(context: $0, endPoint: entry.identity.endPoint) }
        }
    }

    private static func state(
        _ known: [TLSIdentity?], _ faults: [TLSIdentity.Fault], _ policy: TLSPolicy, _ authorities: [NIOSSLCertificate]?
    ) throws -> State {
        let identities = known.compactMap(\.self)
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
        return State(entries: entries, identities: known, faults: faults, authorities: authorities)
    }
}
