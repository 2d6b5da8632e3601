package import MailModel

/// MX (RFC 1035 §3.3.9).
package struct MailExchanger: Hashable, Sendable {
    package let preference: UInt16
    /// Nil: the root, with which a domain says that it takes no mail (RFC 7505).
    package let host: Domain?

    package init(preference: UInt16, host: Domain?) {
        self.preference = preference
        self.host = host
    }
}

extension Resolver {
    /// Where mail for a domain goes (RFC 5321 §5.1), the lowest preference first. Records that name no host are left out; throws `ResolverFault.malformed`
    /// where there are no others; otherwise as `rdata`.
    package func mailExchangers(of domain: Domain) async throws -> DNSAnswer<MailExchanger> {
        let answer = try await rdata(.mx, of: domain).map(RecordData.mailExchanger)
        return answer.sorted { ($0.preference, $0.host?.value ?? "") < ($1.preference, $1.host?.value ?? "") }
    }

    /// The texts (TXT) of a name, each with its strings joined, in the order they came. Throws as `mailExchangers(of:)`.
    package func texts(of name: Domain) async throws -> DNSAnswer<String> {
        try await rdata(.txt, of: name).map(RecordData.text)
    }

    package func texts(of name: DNSName) async throws -> DNSAnswer<String> {
        try await rdata(.txt, of: name).map(RecordData.text)
    }

    /// IPv4 (A) or IPv6 (AAAA) addresses of a host, in the order they came. Throws as `mailExchangers(of:)`.
    package func addresses(of host: Domain, _ family: AddressFamily) async throws -> DNSAnswer<IPAddress> {
        try await rdata(family.recordType, of: host).map { RecordData.address($0, family) }
    }

    package func addresses(of host: DNSName, _ family: AddressFamily) async throws -> DNSAnswer<IPAddress> {
        try await rdata(family.recordType, of: host).map { RecordData.address($0, family) }
    }

    /// What the certificate of a server on TCP has to be (RFC 6698 §3); `base`: its name. A name that DNS cannot have has none. Throws as `mailExchangers(of:)`.
    package func tlsaRecords(of base: Domain, port: Int) async throws -> DNSAnswer<TLSARecord> {
        // RFC 1035 §2.3.4
        guard let name = Domain("_\(port)._tcp.\(base)"), name.value.utf8.count <= 253 else { return DNSAnswer(denial: .noSuchName, isSecure: false, ttl: 0) }
        return try await rdata(.tlsa, of: name).map(RecordData.tlsa)
    }
}
