import Conversation
import MailModel
import PostOffice
import SenderTrust
import Storage
import Transport

// Keys that domains sign with.
extension Administration {
    func carryOut(_ order: SigningOrder) async throws -> OrderResult {
        switch order {
        case .list(nil):
            var lines: [SigningKeyLine] = []
            for domain in try await signingKeys.domains() { lines += try await self.lines(of: domain) }
            return .signingKeys(lines: lines)
        case .list(let name?):
            let domain = try Administration.signingDomain(name)
            let lines = try await lines(of: domain)
            // Keys of a domain that was removed are still shown.
            return .signingKeys(lines: lines.isEmpty ? try await self.lines(of: servedDomain(name)) : lines)
        case .first(let name):
            let domain = try await servedDomain(name)
            _ = try await signingKeys.generateFirst(for: domain)
            return .signingKeys(lines: try await lines(of: domain))
        case .generate(let name, let algorithms, let selector):
            let domain = try await servedDomain(name)
            let wanted = try algorithms.map { text in
                guard let algorithm = DKIMAlgorithm(rawValue: text) else { throw SigningFault.notAllowed("\"\(text)\" is no algorithm") }
                return algorithm
            }
            let made = try await signingKeys.generate(wanted, selector: try selector.map(Administration.selector), for: domain)
            return .signingKeys(lines: made.map { SigningKeyLine($0, domain) })
        case .rotate(let name): return .signingRotated(rotation: try await rotate(try await servedDomain(name)))
        case .activate(let name, let selector):
            let domain = try Administration.signingDomain(name)
            return .signingKeys(lines: [SigningKeyLine(try await signingKeys.activate(selector, of: domain), domain)])
        case .remove(let name, let selector):
            let domain = try Administration.signingDomain(name)
            try await signingKeys.remove(selector, of: domain)
            return .signingKeys(lines: try await lines(of: domain))
        case .importKey(let name, let selector, let pem):
            let domain = try await servedDomain(name)
            let key: DKIMKey
            do { key = try DKIMKey(pem: pem) } catch { throw SigningFault.notAllowed(Administration.words(error)) }
            let added = try await signingKeys.add([key], selector: try Administration.selector(selector), to: domain)
            return .signingKeys(lines: added.map { SigningKeyLine($0, domain) })
        case .export(let name, let selector):
            let keys = try await signingKeys.keys(of: try Administration.signingDomain(name))
            guard let known = keys.first(where: { $0.selector == selector.lowercased() }) else { throw SigningFault.noSuchKey(selector) }
            guard let key = known.key else { throw SigningFault.notAllowed("the key \(selector) is destroyed") }
            return .signingSecret(pem: key.pem)
        }
    }

    private func lines(of domain: Domain) async throws -> [SigningKeyLine] { try await signingKeys.keys(of: domain).map { SigningKeyLine($0, domain) } }

    /// First what waits is moved on; only where nothing waits any more, keys are made: so it may be called again and again.
    private func rotate(_ domain: Domain) async throws -> SigningRotationLine {
        let waits = try await signingKeys.keys(of: domain).contains { $0.state == .pending }
        var sights: [KeyRotation.Sight] = []
        if let names {
            // Of its own, that remembers nothing.
            let resolver = try UnboundResolver(names.resolverSetting)
            do { sights = try await KeyRotation(signingKeys, log: log).advance(domain, CachedResolver(resolver)) } catch {
                await resolver.close()
                throw error
            }
            await resolver.close()
        }
        let made = waits ? [] : try await signingKeys.generateNext(for: domain)
        return SigningRotationLine(
            sights: sights.map(SigningRotationLine.Sight.init), made: made.map(\.selector), keys: try await lines(of: domain), isBlind: names == nil)
    }

    /// Mail for it is ours, or it is what this server is called.
    private func servedDomain(_ name: String) async throws -> Domain {
        let domain = try Administration.signingDomain(name)
        guard try await directory.domainsServed().contains(where: { ($0.asciiForm ?? $0) == domain }) || serverName == domain else {
            throw StorageFault.noSuchDomain
        }
        return domain
    }

    /// In ASCII.
    private static func signingDomain(_ name: String) throws -> Domain {
        guard let domain = Domain(name), !domain.isLiteral, let ascii = domain.asciiForm else { throw DirectoryFault.domain }
        return ascii
    }

    private static func selector(_ text: String) throws -> String {
        guard let selector = SigningKey.selector(text) else {
            throw SigningFault.notAllowed("\"\(RemoteReply.cleaned(text))\" is no selector: letters, digits and hyphens, 63 at most")
        }
        return selector
    }

    private static func words(_ fault: DKIMKey.Fault) -> String {
        switch fault {
        case .unreadable: "that is no private key of RSA or Ed25519 in PEM, or one that is encrypted"
        case .unsuitable(let bits): "an RSA key has 1024 to 4096 bits, better 2048; that one has \(bits == 0 ? "another number" : "\(bits)")"
        case .failed(let reason): reason
        }
    }
}

extension SigningKeyLine {
    init(_ key: SigningKey, _ domain: Domain) {
        self.init(
            domain: domain.value, selector: key.selector, algorithm: key.algorithm.rawValue, bits: key.key?.bits, state: key.state.rawValue,
            made: key.made.description, since: key.since.description, recordNeededUntil: key.recordNeededUntil?.description,
            name: key.recordName(in: domain), record: key.record)
    }
}

extension SigningRotationLine.Sight {
    fileprivate init(_ sight: KeyRotation.Sight) {
        switch sight.publication {
        case .published?: self.init(selector: sight.selector, record: "published", reason: nil)
        case .absent?: self.init(selector: sight.selector, record: "absent", reason: nil)
        case .differs(let reason)?: self.init(selector: sight.selector, record: "differs", reason: reason)
        case nil: self.init(selector: sight.selector, record: "unknown", reason: sight.reason)
        }
    }
}
