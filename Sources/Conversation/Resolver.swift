package import MailModel

/// The domain name system, as whoever sends mail asks it.
package protocol Resolver: Sendable {
    /// Where mail for a domain goes (RFC 5321 §5.1), sorted by preference. Throws `ResolverFault`.
    func mailExchangers(of domain: Domain) async throws -> DNSAnswer<MailExchanger>

    /// IPv4 (A) or IPv6 (AAAA) addresses of a host, each as text. Throws `ResolverFault`.
    func addresses(of host: Domain, _ family: AddressFamily) async throws -> DNSAnswer<String>
}

package enum AddressFamily: Hashable, Sendable, CaseIterable {
    case ipv4
    case ipv6
}

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

package struct DNSAnswer<Record: Hashable & Sendable>: Hashable, Sendable {
    package enum Denial: Hashable, Sendable {
        /// The name is there, and has no record of that type (NODATA).
        case noRecords
        /// There is no such name (NXDOMAIN).
        case noSuchName
    }

    /// Empty exactly where `denial` is set.
    package let records: [Record]
    package let denial: Denial?
    /// DNSSEC has proved it, be it records or a denial.
    package let isSecure: Bool
    /// Behind all CNAMEs.
    package let canonicalName: Domain?

    package init(records: [Record], denial: Denial? = nil, isSecure: Bool, canonicalName: Domain? = nil) {
        self.records = records
        self.denial = denial
        self.isSecure = isSecure
        self.canonicalName = canonicalName
    }
}

/// Nobody knows: never the same as "there is none".
package enum ResolverFault: Error, Hashable, Sendable {
    /// SERVFAIL, REFUSED, NOTIMP or another code than NOERROR and NXDOMAIN.
    case failed(code: Int)
    case timedOut
    /// DNSSEC has shown it to be forged or broken: why, in one line.
    case bogus(String)
    /// Octets that are no records.
    case malformed
    /// The resolver itself cannot go on.
    case unavailable(String)
}
