import Logging
import MailModel
import Storage

extension CertificateKeeper {
    /// Orders a certificate, and keeps what came of it. Throws what went wrong, which is kept and logged already where it is an `ACMEFault`; of what a CA forbids,
    /// `limited`.
    /// - parameter isForced: what our own measure forbids is done too.
    /// - parameter takesPreparedKey: however short a time ago that was prepared.
    func attempt(_ wanted: WantedCertificate, _ step: Outlook.Step, isForced: Bool, takesPreparedKey: Bool = false) async throws {
        var stored = try archive.certificate(wanted.name) ?? StoredCertificate()
        let troubles = try archive.troubles()
        let now = world.clock()
        let optional = wanted.optional.filter { isForced || (troubles[$0]?.until ?? .min) <= now.rawValue }
        let present = step == .extend ? Set(try stored.issued?.read().names ?? []) : []
        let key = try await key(wanted, &stored, takesPreparedKey)
        stored.lastAttempt = now.rawValue
        try await archive.keep(stored, wanted.name)
        do {
            let outcome = try await order(wanted, optional, key, present, stored.issued)
            try await note(omitted: outcome.omitted, proved: wanted.required + optional, troubles)
            if let certificate = outcome.certificate { try await take(certificate, wanted, &stored) }
            (stored.failures, stored.backOff, stored.limit, stored.fault) = (0, nil, nil, nil)
            try await archive.keep(stored, wanted.name)
            if outcome.certificate != nil, !wanted.keepsKey, stored.nextKey == nil {
                stored.nextKey = StoredCertificate.Key(try await world.makeKey(wanted.keyKind))
                stored.prepared = world.clock().rawValue
                try await archive.keep(stored, wanted.name)
            }
        } catch let fault as ACMEFault {
            try Task.checkCancellation()
            if case .notProved(let names) = fault { try await note(omitted: names, proved: [], troubles) }
            try await note(fault, wanted, stored)
            throw fault
        }
    }

    /// The key that the next certificate has; a new one is kept before anybody hears of it.
    private func key(_ wanted: WantedCertificate, _ stored: inout StoredCertificate, _ takesPreparedKey: Bool) async throws -> CertificateKey {
        let present = stored.issued.flatMap { issued in
            issued.key.kind == wanted.keyKind && issued.revoked != RevocationReason.keyCompromise.rawValue ? issued.key : nil
        }
        if let next = stored.nextKey, next.kind == wanted.keyKind {
            let since = stored.prepared ?? .min
            // Who asks for its TLSA record may still be told of the one before: until nobody is, the key stays.
            if !takesPreparedKey, let present, world.clock().rawValue - CertificateKeeper.publication < since { return try present.read() }
            return try next.read()
        }
        if let present, wanted.keepsKey { return try present.read() }
        let key = try await world.makeKey(wanted.keyKind)
        stored.nextKey = StoredCertificate.Key(key)
        stored.prepared = nil
        return key
    }

    private func order(
        _ wanted: WantedCertificate, _ optional: [CertificateName], _ key: CertificateKey, _ present: Set<CertificateName>, _ issued: StoredCertificate.Issued?
    ) async throws -> Issuance.Outcome {
        let replaces = issued?.directory == setting.directory && issued?.revoked == nil ? try issued?.read().certificateID : nil
        let wish = Issuance.Wish(required: wanted.required, optional: optional, key: key, replaces: replaces, present: present)
        do { return try await issue(wish) } catch ACMEFault.refused(_, let problem) where problem.kind == .accountDoesNotExist {
            // The CA has forgotten it: it is made again, with the same key.
            if var account = try archive.account(setting.directory) {
                account.url = nil
                try await archive.keep(account, setting.directory)
            }
            return try await issue(wish)
        }
    }

    private func issue(_ wish: Issuance.Wish) async throws -> Issuance.Outcome {
        let (session, key) = try await session()
        return try await Issuance(session, key, world.responders).issue(wish)
    }

    /// A talk with the CA in the name of our account there, which is made where there is none.
    func session() async throws -> (ACMESession, AccountKey) {
        let session = ACMESession(world.transport, directory: setting.directory, clock: world.clock, pause: world.pause)
        var account: StoredAccount
        if let kept = try archive.account(setting.directory) {
            account = kept
        } else {
            account = StoredAccount(key: AccountKey().stored, url: nil, contact: [])
            try await archive.keep(account, setting.directory)
        }
        let key: AccountKey
        do { key = try AccountKey(stored: account.key) } catch { throw StorageFault.corrupt("the key of the account at \(setting.directory)") }
        let contact = setting.account.contact
        if let url = account.url {
            await session.sign(by: .account(key, url))
            if account.contact != contact {
                try await session.update(url, contact: contact)
                account.contact = contact
                try await archive.keep(account, setting.directory)
            }
        } else {
            let url = try await session.register(key, setting.account)
            (account.url, account.contact) = (url, contact)
            try await archive.keep(account, setting.directory)
            await session.sign(by: .account(key, url))
            log.notice("There is an account at a CA", metadata: ["directory": "\(setting.directory)", "account": "\(url)"])
        }
        return (session, key)
    }

    /// Puts it into use, and then in the place of the one before.
    private func take(_ certificate: IssuedCertificate, _ wanted: WantedCertificate, _ stored: inout StoredCertificate) async throws {
        do { try await deliver(certificate) } catch {
            try Task.checkCancellation()
            throw ACMEFault.unfit(ACMEFault.oneLine(String(describing: error)))
        }
        // The CA is not asked at once when it wants this one renewed: were that long ago, there would be no end.
        stored.issued = StoredCertificate.Issued(
            chain: certificate.chainPEM, key: StoredCertificate.Key(certificate.key), directory: setting.directory, place: world.chance(), window: nil,
            nextLook: world.clock().rawValue + RenewalInfo.usualWait, revoked: nil)
        if stored.nextKey == StoredCertificate.Key(certificate.key) { (stored.nextKey, stored.prepared) = (nil, nil) }
        log.notice(
            "There is a new certificate",
            metadata: ["certificate": "\(wanted.name)", "names": "\(certificate)", "until": "\(certificate.notAfter)", "serial": "\(certificate.serialNumber)"])
    }

    // MARK: What went wrong

    private func note(_ fault: ACMEFault, _ wanted: WantedCertificate, _ before: StoredCertificate) async throws {
        var stored = before
        stored.fault = fault.description
        if case .limited(let until, _) = fault {
            stored.limit = until.rawValue
        } else {
            stored.failures = min(stored.failures, 1_000) + 1
            stored.backOff = world.clock().rawValue + BackOff.seconds(stored.failures, chance: world.chance())
        }
        try await archive.keep(stored, wanted.name)
        let next = Timestamp(rawValue: max(stored.backOff ?? .min, stored.limit ?? .min))
        log.warning(
            "No certificate was issued; what there is stays in use: \(LogText.quoted(prose: fault.description))",
            metadata: ["certificate": "\(wanted.name)", "next": "\(next)"])
    }

    private func note(omitted: [NameFault], proved: [CertificateName], _ troubles: [CertificateName: StoredTrouble]) async throws {
        var changes: [CertificateName: StoredTrouble?] = [:]
        for name in proved where troubles[name] != nil { changes.updateValue(nil, forKey: name) }
        for fault in omitted {
            let failures = min(troubles[fault.name]?.failures ?? 0, 1_000) + 1
            let until = world.clock().rawValue + BackOff.seconds(failures, chance: world.chance())
            changes[fault.name] = StoredTrouble(failures: failures, until: until, reason: fault.reason)
            log.warning("A CA does not see that a name is ours: \(LogText.quoted(prose: fault.reason))", metadata: ["name": "\(fault.name)"])
        }
        try await archive.keep(changes)
    }

    // MARK: What the CA suggests

    /// Asks when it should be renewed (RFC 9773 §4.1). What goes wrong with that stops nothing: it is asked again later, and until then holds what was said before.
    func look(_ wanted: WantedCertificate) async throws {
        guard var stored = try archive.certificate(wanted.name), var issued = stored.issued else { return }
        let now = world.clock().rawValue
        issued.nextLook = now + RenewalInfo.usualWait
        if let identifier = try issued.read().certificateID, issued.directory == setting.directory {
            let session = ACMESession(world.transport, directory: setting.directory, clock: world.clock, pause: world.pause)
            do {
                if let info = try await session.renewalInfo(of: identifier) {
                    let window = StoredCertificate.Window(start: info.start.rawValue, end: info.end.rawValue, explanation: info.explanation)
                    if window != issued.window, let explanation = info.explanation {
                        log.notice(
                            "A CA says when a certificate is to be renewed: \(LogText.quoted(prose: explanation))", metadata: ["certificate": "\(wanted.name)"])
                    }
                    (issued.window, issued.nextLook) = (window, info.nextLook.rawValue)
                } else {
                    issued.window = nil
                }
            } catch ACMEFault.limited(let until, _) {
                issued.nextLook = max(issued.nextLook, until.rawValue)
            } catch let fault as ACMEFault {
                log.info(
                    "A CA does not say when a certificate is to be renewed: \(LogText.quoted(prose: fault.description))",
                    metadata: ["certificate": "\(wanted.name)"])
            }
        }
        stored.issued = issued
        try await archive.keep(stored, wanted.name)
    }
}
