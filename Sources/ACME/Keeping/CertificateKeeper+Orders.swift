import MailModel
import Storage

/// What administrators ask for.
extension CertificateKeeper {
    /// Has one issued now, whatever our own measure says; throws what came between.
    /// - parameter takesPreparedKey: however short a time ago that was prepared; otherwise the present key stays until the other can be known.
    package func renew(_ name: CertificateName, takesPreparedKey: Bool = false) async throws {
        guard let wanted = setting.wanted.first(where: { $0.name == name }) else { throw ACMEFault.unknown(name.description) }
        try await alone {
            if let limit = try archive.certificate(name)?.limit, limit > world.clock().rawValue { throw ACMEFault.tooEarly(Timestamp(rawValue: limit)) }
            try await attempt(wanted, .order, isForced: true, takesPreparedKey: takesPreparedKey)
        }
    }

    /// Makes the key that the next certificate will have, unless there is one, and answers the digest of its public key for TLSA 3 1 1, hexadecimal.
    /// - parameter another: in the place of one that there is, whose record may be published.
    package func prepareKey(_ name: CertificateName, another: Bool = false) async throws -> String {
        guard let wanted = setting.wanted.first(where: { $0.name == name }) else { throw ACMEFault.unknown(name.description) }
        return try await alone {
            var stored = try archive.certificate(name) ?? StoredCertificate()
            if !another, let next = stored.nextKey, next.kind == wanted.keyKind { return try next.read().publicKeyDigest }
            let key = try await world.makeKey(wanted.keyKind)
            stored.nextKey = StoredCertificate.Key(key)
            stored.prepared = world.clock().rawValue
            try await archive.keep(stored, name)
            return key.publicKeyDigest
        }
    }

    /// Takes one back (RFC 8555 §7.6). It stays in use until there is another, which is ordered at once where it is wanted; with `keyCompromise` that has another key.
    package func revoke(_ name: CertificateName, _ reason: RevocationReason) async throws {
        try await alone {
            guard var stored = try archive.certificate(name), var issued = stored.issued else { throw ACMEFault.unknown(name.description) }
            guard issued.directory == setting.directory else {
                throw ACMEFault.refused(status: 0, Problem(kind: nil, detail: "it is of another CA, \(issued.directory)"))
            }
            let (session, _) = try await session()
            try await session.revoke(try issued.read().leaf, reason)
            issued.revoked = reason.rawValue
            stored.issued = issued
            try await archive.keep(stored, name)
            log.notice("A certificate is revoked", metadata: ["certificate": "\(name)"])
        }
        wake()
    }

    /// Of all that are wanted, in the order of the configuration, and behind them those that are kept and not wanted.
    package func status() throws -> [CertificateStatus] {
        let wanted = setting.wanted
        let others = try archive.names().filter { name in !wanted.contains { $0.name == name } }
        let troubles = try archive.troubles()
        return wanted.map { status($0.name, $0, troubles) } + others.map { status($0, nil, troubles) }
    }

    private func status(_ name: CertificateName, _ wanted: WantedCertificate?, _ troubles: [CertificateName: StoredTrouble]) -> CertificateStatus {
        let stored: StoredCertificate
        let issued: IssuedCertificate?
        let nextKey: CertificateKey?
        do {
            stored = try archive.certificate(name) ?? StoredCertificate()
            issued = try stored.issued?.read()
            nextKey = try stored.nextKey?.read()
        } catch {
            return CertificateStatus(
                name: name, isWanted: wanted != nil, state: .damaged, present: nil, nextPublicKeyDigest: nil, omitted: [], renewal: nil, explanation: nil,
                heldUntil: nil, lastAttempt: nil, failures: 0, fault: ACMEFault.oneLine(String(describing: error)))
        }
        let now = world.clock()
        let names = Set(issued?.names ?? [])
        let omitted = ((wanted?.required ?? []) + (wanted?.optional ?? [])).filter { !names.contains($0) }.map { name in
            CertificateStatus.Omitted(name: name, reason: troubles[name]?.reason, until: troubles[name].map { Timestamp(rawValue: $0.until) })
        }
        let held = max(stored.backOff ?? .min, stored.limit ?? .min)
        return CertificateStatus(
            name: name, isWanted: wanted != nil, state: state(stored, issued, now), present: issued.map(CertificateStatus.Present.init),
            nextPublicKeyDigest: nextKey?.publicKeyDigest, omitted: omitted,
            renewal: wanted.flatMap { Outlook.due($0, stored, issued, setting.directory) }, explanation: stored.issued?.window?.explanation,
            heldUntil: held > now.rawValue ? Timestamp(rawValue: held) : nil, lastAttempt: stored.lastAttempt.map(Timestamp.init), failures: stored.failures,
            fault: stored.fault)
    }

    private func state(_ stored: StoredCertificate, _ issued: IssuedCertificate?, _ now: Timestamp) -> CertificateStatus.State {
        guard let issued else { return .missing }
        if stored.issued?.revoked != nil { return .revoked }
        if now < issued.notBefore { return .early }
        return now < issued.notAfter ? .valid : .expired
    }
}

extension CertificateStatus.Present {
    fileprivate init(_ certificate: IssuedCertificate) {
        self.init(
            names: certificate.names, notBefore: certificate.notBefore, notAfter: certificate.notAfter, issuer: certificate.issuer,
            serialNumber: certificate.serialNumber, keyKind: certificate.key.kind, publicKeyDigest: certificate.publicKeyDigest)
    }
}
