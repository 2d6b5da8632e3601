package import Conversation
package import MailModel

/// What DANE says of a server (RFC 7672): which certificate it has to have, where DNSSEC has proved the way to it.
///
/// - Records are asked for only where the exchangers' names, and the host's addresses, were proved: servers of unsigned zones may answer such questions with
///   errors, and say nothing by that (§2.1.1, §2.2.1).
/// - Only a denial is "none". A server of which nobody can say what its certificate has to be is passed over (§2.1.2).
package struct DANE: Sendable {
    /// What was found for one host, and for how long it may be believed.
    package struct Finding: Hashable, Sendable {
        package let decision: TLSDecision
        /// Seconds.
        package let ttl: Int
    }

    private let resolver: any Resolver

    package init(_ resolver: any Resolver) { self.resolver = resolver }

    /// - parameter nextHop: the recipients' domain in ASCII, where its exchangers were asked for; its name is as good in a certificate as the host's (§3.2.2).
    /// - parameter isSecure: DNSSEC has proved, or the configuration says, that the server is the next hop's.
    ///
    /// Throws `CancellationError`.
    package func finding(for server: MailRoute.Server, port: Int, nextHop: Domain?, isSecure: Bool) async throws -> Finding {
        guard isSecure, !server.host.isLiteral else { return .nothing }
        var ttl = Int.max
        do {
            for base in try await bases(of: server) {
                let answer = try await resolver.tlsaRecords(of: base, port: port)
                ttl = min(ttl, answer.ttl)
                guard answer.isSecure, answer.denial == nil else { continue }
                return Finding(decision: .required(requirement(answer.records, server, base, nextHop)), ttl: ttl)
            }
            return Finding(decision: .unpublished, ttl: ttl)
        } catch let fault as ResolverFault {
            return passedOver(server, fault)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            return passedOver(server, .unavailable("\(error)"))
        }
    }

    /// The names below which records may stand, the better first (§2.2.2): that behind all aliases where all of them are proved, and the first one, which has to be
    /// in a signed zone itself.
    private func bases(of server: MailRoute.Server) async throws -> [Domain] {
        guard let canonicalName = server.canonicalName, canonicalName != server.host else { return server.isSecure ? [server.host] : [] }
        if server.isSecure { return [canonicalName, server.host] }
        let alias = try await resolver.rdata(.cname, of: server.host)
        return alias.isSecure && alias.denial == nil ? [server.host] : []
    }

    private func requirement(_ records: [TLSARecord], _ server: MailRoute.Server, _ base: Domain, _ nextHop: Domain?) -> TLSRequirement {
        let usable = TLSARecord.usable(of: records)
        // Usage 3 looks at no names: who has no others shares connections with all whose server it is.
        var names: [String] = []
        if usable.contains(where: { $0.usage == TLSARecord.Usage.anchor }) {
            for name in [base, server.host, nextHop].compactMap(\.self) where !names.contains(name.value) { names.append(name.value) }
        }
        return TLSRequirement(.tlsa, TLSTerms(serverName: base.value, verification: .dane(records: usable, names: names)))
    }

    private func passedOver(_ server: MailRoute.Server, _ fault: ResolverFault) -> Finding {
        let failure = TLSFailure(.init(fault), "what its certificate has to be (TLSA) could not be looked up: \(fault.words)")
        return Finding(decision: .passedOver(PassedServer(host: server.host.value, policy: .tlsa, failure: failure)), ttl: 60)
    }
}

extension DANE.Finding {
    fileprivate static let nothing = DANE.Finding(decision: .unpublished, ttl: .max)
}

extension TLSFailure.Kind {
    /// RFC 8460 §4.3.2.2.
    fileprivate init(_ fault: ResolverFault) {
        self = fault == .malformed ? .tlsaInvalid : .dnssecInvalid
    }
}
