extension ACMESession {
    private struct NewAccount: Encodable {
        let contact: [String]
        let termsOfServiceAgreed: Bool
        var externalAccountBinding: JSONWebSignature?
    }

    private struct Contacts: Encodable { let contact: [String] }

    /// Makes an account, or finds the one that the key has already (RFC 8555 §7.3, §7.3.1).
    func register(_ key: AccountKey, _ details: AccountDetails) async throws -> ResourceURL {
        let service = try await service()
        guard details.agreesToTerms else {
            let terms = service.meta?.termsOfService.map { ": \(ACMEFault.oneLine($0))" } ?? ""
            throw ACMEFault.refused(status: 403, Problem(kind: .init(rawValue: "userActionRequired"), detail: "its terms of service are not agreed to\(terms)"))
        }
        if service.meta?.externalAccountRequired == true, details.externalAccount == nil {
            throw ACMEFault.refused(
                status: 403, Problem(kind: .init(rawValue: "externalAccountRequired"), detail: "it wants an external account, and none is configured"))
        }
        let payload = NewAccount(
            contact: details.contact, termsOfServiceAgreed: true,
            externalAccountBinding: try details.externalAccount.map { try JSONWebSignature(binding: key, to: service.newAccount, by: $0) })
        let reply = try await post(try JSONText.encode(payload), to: service.newAccount, by: .key(key))
        guard try JSONText.decode(AccountObject.self, reply.content, "an account").status == .valid else {
            throw ACMEFault.refused(status: reply.status, Problem(kind: nil, detail: "the account is closed"))
        }
        guard let url = reply.field("location").flatMap(ResourceURL.init) else { throw ACMEFault.malformed("an account without a URL") }
        return url
    }

    /// Tells whom the CA may write to (RFC 8555 §7.3.2).
    func update(_ account: ResourceURL, contact: [String]) async throws { _ = try await post(try JSONText.encode(Contacts(contact: contact)), to: account) }
}

/// What an account at a CA is made with.
package struct AccountDetails: Sendable {
    /// URLs, `mailto:postmaster@example.org` (RFC 8555 §7.3); may be none.
    package var contact: [String]
    /// Somebody has read the CA's terms of service, and agrees.
    package var agreesToTerms: Bool
    package var externalAccount: ExternalAccount?

    package init(contact: [String] = [], agreesToTerms: Bool, externalAccount: ExternalAccount? = nil) {
        (self.contact, self.agreesToTerms, self.externalAccount) = (contact, agreesToTerms, externalAccount)
    }
}
