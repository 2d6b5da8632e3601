package import MailModel
package import Storage

extension Gatekeeper {
    /// Answers what a session asks. What is no success is delayed, logged and counted as in `verify`, whatever it was asked by.
    /// - parameter peer: the address.
    package func answer(_ attempt: LoginAttempt, over protocolName: ProtocolName, from peer: String) async -> LoginAnswer {
        func judge(_ user: String, _ find: (PeerPlace) async -> Finding) async -> LoginAnswer {
            .verdict(await self.judge(user: user, over: protocolName, from: peer, setbacks: attempt.setbacks) { attempt, _, _ in await find(attempt.place) })
        }
        switch attempt.question {
        case .password(let credentials):
            return .verdict(
                await verify(user: credentials.user, password: credentials.password, over: protocolName, from: peer, setbacks: attempt.setbacks))
        case .certificate(let addresses, let authorization):
            return await judge(authorization ?? addresses.first ?? "") { place in await self.find(addresses, authorization, place) }
        case .mismatch(let user): return await judge(user) { _ in .wrong }
        case .scramOpening(let opening):
            do {
                let challenge = SCRAMChallenge(opening, try await scramKeys(for: opening.first.user), nonce: SCRAMText.base64(random(18)))
                return .challenge(challenge.message, SASLExchange(awaitingProofOf: challenge))
            } catch {
                return await judge(opening.first.user) { _ in .failed("\(error)") }
            }
        case .scramFinal(let challenge, let final):
            let user = challenge.opening.first.user
            switch await weigh(final, challenge, from: peer) {
            case .proved(let word, let proved): return .challenge(word, SASLExchange(challenge.opening.mechanism, ending: proved))
            case .not(let finding): return await judge(user) { _ in finding }
            }
        case .scramEnd(let proved): return await judge(proved.user) { place in await self.finish(proved, place) }
        }
    }

    /// Whether SCRAM is offered now.
    /// App passwords have no keys, and clients that are offered it try nothing else: so with the first of them it is offered by the administrator's word alone.
    package var offersSCRAM: Bool {
        guard let scram, scram.isOffered else { return false }
        return scram.offer == .on || credentials?.hasAppPasswords != true
    }

    /// As they are now.
    package var loginRules: LoginRules { LoginRules(offersSCRAM: offersSCRAM, acceptsCertificates: settings.acceptsCertificates) }

    /// The account whose name is one of a certificate's addresses: the one that is asked for, or the only one. Aliases are nobody's name.
    private func find(_ addresses: [String], _ authorization: String?, _ place: PeerPlace) async -> Finding {
        do {
            var found: [AccountRecord] = []
            for address in addresses.prefix(Gatekeeper.mostAddresses) {
                // try?: what is no name is nobody's; one without a domain neither.
                guard let name = try? AccountName(address, defaultDomain: nil), let record = try await accounts.account(named: name) else { continue }
                if !found.contains(where: { $0.id == record.id }) { found.append(record) }
            }
            if let authorization {
                let asked = try await lookUp(authorization)
                found.removeAll { $0.id != asked?.id }
            }
            // Whose certificate has two accounts has to say which it means.
            guard let record = found.first, found.count == 1 else { return .wrong }
            guard record.enabled else { return .disabled(Principal(account: record.id, name: record.name)) }
            return try await settle(record, .certificate, place)
        } catch {
            return .failed("\(error)")
        }
    }

    /// Of a certificate.
    private static let mostAddresses = 16
}

// SCRAM (RFC 5802, RFC 7677).
extension Gatekeeper {
    private enum Weighing {
        /// The server's last word.
        case proved([UInt8], SCRAMProved)
        case not(Finding)
    }

    /// Nil: there is no such account.
    fileprivate func lookUp(_ user: String) async throws -> AccountRecord? {
        // try?: what is no name is nobody's.
        guard let name = try? AccountName(user, defaultDomain: settings.defaultDomain) else { return nil }
        return try await accounts.account(named: name)
    }

    /// Those of the account, or what cannot be told from them. A disabled one is asked as any other.
    private func scramKeys(for user: String) async throws -> SCRAMKeys {
        guard let scram else { throw StorageFault.notAllowed("SCRAM is not served") }
        // try?: what is no name is nobody's.
        let decoy = scram.decoy(for: (try? AccountName(user, defaultDomain: settings.defaultDomain))?.folded ?? user)
        return try await lookUp(user).flatMap { try scram.keys(of: $0) } ?? decoy
    }

    /// Whether the proof is right, and the keys are still those of the account's password.
    private func weigh(_ final: SCRAMClientFinal, _ challenge: SCRAMChallenge, from peer: String) async -> Weighing {
        do {
            let user = challenge.opening.first.user
            let word = challenge.verdict(on: final)
            let account = try await lookUp(user)
            // try?: what is no name is nobody's.
            var trial = penalties.trial(of: user, name: try? AccountName(user, defaultDomain: settings.defaultDomain), secret: nil, from: peer)
            trial.isKnown = isKnown(account, PeerPlace(peer))
            guard !penalties.bars(trial) else { return .not(.barred) }
            guard let record = account, try scram?.keys(of: record) == challenge.keys, let word else { return .not(.wrong) }
            guard record.enabled else { return .not(.disabled(Principal(account: record.id, name: record.name))) }
            // Before the server's last word, which tells that the password is right.
            if let objection = try objection(toPasswordOf: record.id) { return .not(.withheld(objection)) }
            return .proved(word, SCRAMProved(user: user, record: record))
        } catch {
            return .not(.failed("\(error)"))
        }
    }

    private func finish(_ proved: SCRAMProved, _ place: PeerPlace) async -> Finding {
        do { return try await settle(proved.record, .password(nil, mark: nil), place) } catch { return .failed("\(error)") }
    }

    // MARK: Keys

    /// Looks at all accounts: SCRAM may be offered then. Where they cannot be read it is not.
    package func reviewKeys() async {
        guard let scram, scram.offer != .off else { return }
        do { scram.review(try await accounts.accounts()) } catch { log.note("Which accounts have keys for SCRAM is not known: \(error)") }
    }

    /// Looks at one that has been changed.
    package func reviewKeys(of id: AccountID) async {
        guard let scram, scram.offer != .off else { return }
        do { scram.review(id, try await accounts.account(id)) } catch { log.note("Whether an account has keys for SCRAM is not known: \(error)") }
    }

    /// Keeps keys of an account's password, of which `record` has the hash. They are durable on return, unless something is in their way, which is logged: the
    /// next login tries again.
    package func keepKeys(of password: Password, for record: AccountRecord) async {
        guard let scram, scram.lacksKeys(of: record) else { return }
        do {
            let keys = try await hasher.scramKeys(of: password, reference: SCRAMKeys.reference(to: record.passwordHash))
            let previous = try scram.value(of: record.id)
            // Somebody may have set another password meanwhile.
            guard let now = try await accounts.account(record.id), now.passwordHash == record.passwordHash else { return }
            try await scram.keep(keys, of: now, inPlaceOf: previous)
            // catch: another login of the same account was faster.
        } catch StorageFault.conflict, StorageFault.nameTaken {
        } catch {
            log.note("Keys for SCRAM were not kept: \(error)")
            scram.review(record.id, record)
        }
    }

    /// Behind a login, which does not wait for it.
    func adopt(_ password: Password, _ record: AccountRecord) {
        guard let scram, scram.lacksKeys(of: record) else { return }
        makingKeys.begin(record.id) { await self.keepKeys(of: password, for: record) }
    }

    /// Waits for keys that are being made.
    package func finishKeys() async { await makingKeys.finish() }
}
