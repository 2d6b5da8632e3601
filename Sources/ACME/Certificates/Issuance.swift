import MailModel

/// Has one certificate issued: makes the order, shows that the names are ours, and fetches what was issued (RFC 8555 §7.4).
struct Issuance {
    /// What is asked for.
    struct Wish {
        /// Without them there is no certificate.
        let required: [CertificateName]
        /// Those of which one is left out where the CA does not see that it is ours.
        let optional: [CertificateName]
        let key: CertificateKey
        /// The one that it takes the place of, as the CA knows it (RFC 9773 §5).
        let replaces: String?
        /// A certificate for no more than these is not worth an order: there is one already.
        let present: Set<CertificateName>
    }

    struct Outcome {
        /// Nil: it would have been for nothing new.
        let certificate: IssuedCertificate?
        let omitted: [NameFault]
    }

    private let session: ACMESession
    private let accountKey: AccountKey
    /// In order of preference.
    private let responders: [any ChallengeResponder]

    init(_ session: ACMESession, _ accountKey: AccountKey, _ responders: [any ChallengeResponder]) {
        (self.session, self.accountKey, self.responders) = (session, accountKey, responders)
    }

    /// `notProved` has every name that was looked at and is not proved, whether the certificate needs it or not.
    func issue(_ wish: Wish) async throws -> Outcome {
        var optional = wish.optional
        var omitted: [NameFault] = []
        while true {
            let names = wish.required + optional
            guard !Set(names).isSubset(of: wish.present) else { return Outcome(certificate: nil, omitted: omitted) }
            let (order, faults) = try await proved(names, wish.replaces)
            guard let order else {
                omitted += faults
                let failed = Set(faults.map(\.name))
                guard failed.isDisjoint(with: wish.required), !failed.isDisjoint(with: optional) else { throw ACMEFault.notProved(omitted) }
                optional.removeAll(where: failed.contains)
                continue
            }
            let chain = try await session.finish(order, csr: try wish.key.signingRequest(names))
            let certificate = try IssuedCertificate(chain: chain, key: wish.key)
            try certificate.check(names, at: await session.now())
            return Outcome(certificate: certificate, omitted: omitted)
        }
    }

    /// An order of which all is proved, or what is not.
    private func proved(_ names: [CertificateName], _ replaces: String?) async throws -> (order: ACMESession.Order?, faults: [NameFault]) {
        let order: ACMESession.Order
        do { order = try await session.order(names, replaces: replaces) } catch ACMEFault.refused(let status, let problem) {
            let faults = Issuance.rejected(names, problem)
            guard !faults.isEmpty else { throw ACMEFault.refused(status: status, problem) }
            return (nil, faults)
        }
        var faults: [NameFault] = []
        // One after the other: two of one domain have their records at the same name.
        for url in order.object.authorizations {
            if let fault = try await prove(url, names) { faults.append(fault) }
        }
        return (faults.isEmpty ? order : nil, faults)
    }

    /// The names that a CA has something against before it has looked for anything (RFC 8555 §6.7.1).
    private static func rejected(_ names: [CertificateName], _ problem: Problem) -> [NameFault] {
        problem.subproblems.compactMap { part in
            guard let value = part.identifier?.value.lowercased(), let name = names.first(where: { $0.description == value }) else { return nil }
            return NameFault(name, part.description)
        }
    }

    /// Nil: it is proved.
    private func prove(_ url: ResourceURL, _ names: [CertificateName]) async throws -> NameFault? {
        let (_, authorization) = try await session.authorization(url)
        let isWildcard = authorization.wildcard ?? false
        guard let name = names.first(where: { $0.domain.value == authorization.identifier.value.lowercased() && $0.isWildcard == isWildcard }) else {
            throw ACMEFault.malformed("an authorization for a name that was not asked for")
        }
        guard authorization.status == .pending else { return Issuance.fault(name, authorization) }
        guard let (challenge, responder, token) = choice(name, authorization) else {
            let offers = authorization.challenges.map { ACMEFault.oneLine($0.type) }.prefix(10).joined(separator: ", ")
            return NameFault(name, "none of the ways of the CA is open to us: it takes \(offers.isEmpty ? "none" : offers)")
        }
        let response = ChallengeResponse(domain: name.domain, token: token, keyAuthorization: try accountKey.keyAuthorization(of: token))
        do { try await responder.place(response) } catch {
            try Task.checkCancellation()
            return NameFault(name, "the response to \(responder.kind.rawValue) cannot be placed: \(ACMEFault.oneLine(String(describing: error)))")
        }
        let result = await decided(url, challenge)
        // Whoever has cancelled this still wants it withdrawn.
        await Task { await responder.withdraw(response) }.value
        switch result {
        case .success(let authorization): return Issuance.fault(name, authorization)
        case .failure(ACMEFault.undecided): return NameFault(name, "the CA does not decide")
        case .failure(let error): throw error
        }
    }

    private func decided(_ url: ResourceURL, _ challenge: ResourceURL) async -> Result<AuthorizationObject, any Error> {
        do {
            try await session.begin(challenge)
            return .success(try await session.decision(on: url, "an authorization") { $0.status != .pending })
        } catch { return .failure(error) }
    }

    private func choice(_ name: CertificateName, _ authorization: AuthorizationObject) -> (ResourceURL, any ChallengeResponder, token: String)? {
        for responder in responders where !name.isWildcard || responder.kind.provesWildcards {
            for challenge in authorization.challenges where challenge.type == responder.kind.rawValue {
                if let url = challenge.url, let token = challenge.token { return (url, responder, token) }
            }
        }
        return nil
    }

    private static func fault(_ name: CertificateName, _ authorization: AuthorizationObject) -> NameFault? {
        guard authorization.status != .valid else { return nil }
        let reasons = authorization.challenges.compactMap { challenge in challenge.error.map { "\(ACMEFault.oneLine(challenge.type)): \($0)" } }
        return NameFault(name, reasons.isEmpty ? "its authorization is \(authorization.status.rawValue)" : reasons.prefix(3).joined(separator: "; "))
    }
}
