import MailModel
import PostOffice

/// One of our domains as the world is to see it: what its zone's records are made of, and what the doctor compares them with.
struct MailSite: Hashable, Sendable {
    /// What other servers can be told of our certificate.
    struct Key: Hashable, Sendable {
        /// SHA-256 of the public key.
        let digest: [UInt8]
        /// The organisation that issued it.
        let issuer: String
        /// Made by this server, or issued to it; it keeps the key when there is another.
        let isOwn: Bool
        /// The same of the key that the next certificate will have, where it is another already.
        var nextDigest: [UInt8]?

        /// Whether the data of a TLSA record fit, as far as the key alone tells: of what stands behind the certificate nothing is known here.
        func fits(tlsa octets: [UInt8]) -> Bool { octets.prefix(3) == [3, 1, 1] && octets.dropFirst(3).elementsEqual(digest) }
    }

    /// In ASCII.
    let domain: Domain
    /// The name that the domain's MX gives, in ASCII.
    let host: Domain
    /// At which the world reaches us; none: they are not known from inside.
    let addresses: [IPAddress]
    /// As whom mail of the domain goes out, in ASCII.
    let senderName: Domain
    /// Where it comes from, as others see it; none: not known from inside.
    let senderAddresses: [IPAddress]
    /// Servers that mail for everybody goes by instead of coming from us.
    let smarthosts: [String]
    /// Ports of the services that listen.
    let ports: [Service: Int]
    let isTLS: Bool
    /// Nil: TLS is off, or the certificate cannot be read yet.
    let key: Key?
    /// By which its mail is signed, or was or will be; nil: not known.
    var signingKeys: [SigningKeyLine]?
    /// Where others' reports are read; none: at two addresses of each domain.
    var reportAddresses: [Address] = []
    /// By which others see that it has another policy for TLS (RFC 8461 §3.1); nil: it has none.
    var transportPolicyID: String?

    /// Where others' reports on the domain are read.
    var mailReports: String { report(ReportAddresses.reportsOnMail) }
    var tlsReports: String { report(ReportAddresses.reportsOnTLS) }

    private func report(_ standard: String) -> String {
        (reportAddresses.first { $0.domain == domain } ?? reportAddresses.first)?.written ?? "\(standard)@\(domain)"
    }

    /// Whether a name lies in the zone of the domain, as far as names tell.
    func holds(_ name: Domain) -> Bool { name.isWithin(domain) }
}

extension Configuration {
    /// - parameter machine: all addresses that this machine has.
    func site(of domain: Domain, machine: Set<IPAddress>, key: MailSite.Key?) -> MailSite {
        let identity = outbound.identities.first { ($0.key.asciiForm ?? $0.key) == domain }?.value ?? outbound.identity
        let addresses = publicAddresses(machine)
        var senders: [IPAddress] = []
        for family in outbound.families {
            // What stands behind a NAT is not what others see.
            if let source = identity.sources[family], source.scope == .global {
                senders.append(source)
            } else {
                senders += addresses.filter { $0.isIPv4 == (family == .ipv4) }
            }
        }
        var smarthosts: [String] = []
        if case .route(let name)? = outbound.ways[.everybody] {
            smarthosts = outbound.routes.first { $0.name == name }?.hosts.map(\.name.value) ?? []
        }
        return MailSite(
            domain: domain, host: hostname.asciiForm ?? hostname, addresses: addresses, senderName: identity.name.asciiForm ?? identity.name,
            senderAddresses: MailSite.sorted(senders), smarthosts: smarthosts,
            ports: Dictionary(listeners.map { ($0.service, $0.port) }, uniquingKeysWith: { first, _ in first }), isTLS: tls.enabled, key: key,
            reportAddresses: reports.addresses, transportPolicyID: web.strictTransport.map(RecordMakers.transportPolicyID))
    }

    /// Those at which SMTP listens and that are reached from everywhere, and those that the configuration adds.
    private func publicAddresses(_ machine: Set<IPAddress>) -> [IPAddress] {
        var addresses = outbound.ownAddresses
        for listener in listeners where listener.service == .smtp {
            guard let address = IPAddress(listener.address) else { continue }
            // `::` takes IPv4 too.
            addresses.formUnion(address.scope == .unspecified ? (address.isIPv4 ? machine.filter(\.isIPv4) : machine) : [address])
        }
        return MailSite.sorted(addresses.filter { $0.scope == .global })
    }
}

extension MailSite {
    /// IPv4 first.
    fileprivate static func sorted(_ addresses: some Sequence<IPAddress>) -> [IPAddress] {
        Set(addresses).sorted { ($0.isIPv4 ? 0 : 1, $0.description) < ($1.isIPv4 ? 0 : 1, $1.description) }
    }
}
