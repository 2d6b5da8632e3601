import Conversation
import MailModel

/// What a name server, or nobody, said.
typealias Told<Record: Hashable & Sendable> = Result<DNSAnswer<Record>, ResolverFault>

/// What the world sees of one of our domains.
struct DomainFacts: Hashable, Sendable {
    /// A TLSA record, and whether it is of our certificate or one behind it.
    struct Key: Hashable, Sendable {
        let record: TLSARecord
        let fits: Bool
    }

    var site: MailSite
    /// An anchor is configured.
    var canProve = true
    var exchangers: Told<MailExchanger>
    /// Hosts that the MX records name and our certificate does not.
    var uncovered: Set<Domain> = []
    /// IPv4 and IPv6 of all hosts that the MX records name and that are no addresses.
    var hosts: [Domain: [Told<IPAddress>]]
    /// TXT of the domain.
    var texts: Told<String>
    /// What becomes of our addresses by the SPF record, where there is just one.
    var coverage: [IPAddress: SenderPolicyOutcome]
    /// TXT below `_dmarc`, of the domain or else of the closest above it that has one.
    var alignment: Told<String>
    /// TXT below `_smtp._tls`.
    var tlsReports: Told<String>
    /// TXT below `_mta-sts`; nil: it was not asked for.
    var transportPolicy: Told<String>?
    var keys: Told<Key>
    /// TXT of signing keys by their selector.
    var signing: [String: Told<String>] = [:]
    /// SRV by its name, `_imaps._tcp`.
    var services: [String: Told<ServiceLocation>]
    /// CAA of the host, or else of the closest above it that has one.
    var issuers: Told<IssuerProperty>
}

/// What the world sees of whoever brings our mail.
struct SenderFacts: Hashable, Sendable {
    struct Pointer: Hashable, Sendable {
        let address: IPAddress
        let names: Told<Domain>
        /// Addresses of these names, of the family of `address`.
        let confirmations: [Domain: Told<IPAddress>]
    }

    let name: Domain
    /// IPv4 and IPv6.
    let nameAddresses: [Told<IPAddress>]
    /// One an address; none: it cannot be seen from here.
    let pointers: [Pointer]
}

extension Result where Failure == ResolverFault {
    /// The records; none where there are none, or nobody knows.
    func records<Record>() -> [Record] where Success == DNSAnswer<Record> {
        switch self {
        case .success(let answer): answer.records
        case .failure: []
        }
    }

    /// DNS says that there is none.
    func isDenied<Record>() -> Bool where Success == DNSAnswer<Record> {
        if case .success(let answer) = self { answer.denial != nil } else { false }
    }

    func isSecure<Record>() -> Bool where Success == DNSAnswer<Record> {
        if case .success(let answer) = self { answer.isSecure } else { false }
    }

    /// Behind all aliases; nil: there is none, or nobody knows.
    func canonicalName<Record>() -> Domain? where Success == DNSAnswer<Record> {
        if case .success(let answer) = self { answer.canonicalName } else { nil }
    }

    var fault: ResolverFault? {
        if case .failure(let fault) = self { fault } else { nil }
    }
}
