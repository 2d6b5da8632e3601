import MailModel

extension ACMESession {
    private struct NewOrder: Encodable {
        let identifiers: [Identifier]
        /// RFC 9773 §5
        var replaces: String?
    }

    private struct Finalization: Encodable { let csr: String }

    private struct Revocation: Encodable {
        let certificate: String
        let reason: Int?
    }

    /// An order, and where it is.
    struct Order {
        let url: ResourceURL
        let object: OrderObject
    }

    /// RFC 8555 §7.4. Without `replaces` where the CA has something against that alone.
    func order(_ names: [CertificateName], replaces: String?) async throws -> Order {
        let service = try await service()
        let replaces = service.renewalInfo == nil ? nil : replaces
        let payload = NewOrder(identifiers: names.map(Identifier.init), replaces: replaces)
        let reply: ACMEReply
        do { reply = try await post(try JSONText.encode(payload), to: service.newOrder) } catch ACMEFault.refused(_, let problem)
            where replaces != nil && (problem.kind == .alreadyReplaced || problem.kind?.rawValue == "malformed")
        {
            return try await order(names, replaces: nil)
        }
        let object = try JSONText.decode(OrderObject.self, reply.content, "an order")
        guard let url = reply.field("location").flatMap(ResourceURL.init) else { throw ACMEFault.malformed("an order without a URL") }
        guard !object.authorizations.isEmpty, object.authorizations.count <= names.count, Set(object.authorizations).count == object.authorizations.count,
            Set(object.identifiers.map(\.value)) == Set(names.map(\.description))
        else { throw ACMEFault.malformed("an order that is not the one that was made") }
        return Order(url: url, object: object)
    }

    /// What is known of the right to a name, with the answer in which it stands.
    func authorization(_ url: ResourceURL) async throws -> (reply: ACMEReply, value: AuthorizationObject) {
        let reply = try await post(to: url)
        return (reply, try JSONText.decode(AuthorizationObject.self, reply.content, "an authorization"))
    }

    /// RFC 8555 §7.5.1: the response is in its place, have a look.
    func begin(_ challenge: ResourceURL) async throws { _ = try await post(Array("{}".utf8), to: challenge) }

    /// Has it issued, and fetches it: certificates in PEM (RFC 8555 §7.4, §7.4.2). Others that lead to other roots are not asked for.
    func finish(_ order: Order, csr: [UInt8]) async throws -> String {
        let ready: OrderObject = try await decision(on: order.url, "an order") { $0.status != .pending }
        var object = ready
        if ready.status == .ready {
            let payload = try JSONText.encode(Finalization(csr: Base64URL.encode(csr)))
            let reply = try await post(payload, to: ready.finalize)
            let first = try JSONText.decode(OrderObject.self, reply.content, "an order")
            object = try await decision(on: order.url, "an order", after: (reply, first)) { $0.status == .valid || $0.status == .invalid }
        } else if ready.status == .processing {
            object = try await decision(on: order.url, "an order") { $0.status == .valid || $0.status == .invalid }
        }
        guard object.status == .valid else { throw ACMEFault.notIssued(object.error ?? Problem(kind: nil, detail: "the order is \(object.status.rawValue)")) }
        guard let certificate = object.certificate else { throw ACMEFault.malformed("an order without its certificate") }
        let type = "application/pem-certificate-chain"
        let reply = try await post(to: certificate, accept: type, mostOctets: ACMESession.mostChainOctets)
        guard reply.mediaType == type else { throw ACMEFault.malformed("a certificate of another type") }
        return String(buffer: reply.content)
    }

    /// RFC 8555 §7.6, by the account that it was issued to. One that is revoked already stays so.
    /// - parameter certificate: in DER.
    func revoke(_ certificate: [UInt8], _ reason: RevocationReason) async throws {
        let payload = Revocation(certificate: Base64URL.encode(certificate), reason: reason == .unspecified ? nil : reason.rawValue)
        do { _ = try await post(try JSONText.encode(payload), to: try await service().revokeCert) } catch ACMEFault.refused(_, let problem)
            where problem.kind == .alreadyRevoked
        {}
    }
}

/// Why a certificate is taken back (RFC 5280 §5.3.1): those that a subscriber may give.
package enum RevocationReason: Int, Sendable, CaseIterable {
    case unspecified = 0
    /// Somebody else has, or may have, the private key.
    case keyCompromise = 1
    case affiliationChanged = 3
    case superseded = 4
    case cessationOfOperation = 5
}
