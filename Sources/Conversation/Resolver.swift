package import MailModel

/// The domain name system, as whoever sends mail asks it. What the records mean is read by `mailExchangers(of:)`, `addresses(of:_:)`, `texts(of:)` and
/// `tlsaRecords(of:port:)`, alike for every resolver.
package protocol Resolver: Sendable {
    /// The records of one type, each as its octets stand in an answer, with names written out (RFC 1035 §3.3, RFC 3597 §4), in the order they came.
    ///
    /// Throws `ResolverFault`, and `CancellationError` where the task is cancelled while it waits.
    func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]>
}

extension Resolver {
    /// - parameter domain: in ASCII (A-labels), no address literal; otherwise `ResolverFault.malformed`.
    package func rdata(_ type: RecordType, of domain: Domain) async throws -> DNSAnswer<[UInt8]> {
        guard let name = DNSName(domain) else { throw ResolverFault.malformed }
        return try await rdata(type, of: name)
    }
}

/// TYPE (RFC 1035 §3.2.2).
package struct RecordType: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let a = RecordType(rawValue: 1)
    package static let ns = RecordType(rawValue: 2)
    package static let cname = RecordType(rawValue: 5)
    package static let ptr = RecordType(rawValue: 12)
    package static let mx = RecordType(rawValue: 15)
    package static let txt = RecordType(rawValue: 16)
    package static let aaaa = RecordType(rawValue: 28)
    package static let tlsa = RecordType(rawValue: 52)
}

extension RecordType: CustomStringConvertible {
    /// As zones have it; `TYPE99` where it has no name here (RFC 3597 §5).
    package var description: String {
        switch self {
        case .a: "A"
        case .ns: "NS"
        case .cname: "CNAME"
        case .ptr: "PTR"
        case .mx: "MX"
        case .txt: "TXT"
        case .aaaa: "AAAA"
        case .tlsa: "TLSA"
        default: "TYPE\(rawValue)"
        }
    }
}

package enum AddressFamily: Hashable, Sendable, CaseIterable {
    case ipv4
    case ipv6

    /// A or AAAA.
    package var recordType: RecordType {
        switch self {
        case .ipv4: .a
        case .ipv6: .aaaa
        }
    }
}

/// There is none, and DNS says so.
package enum DNSDenial: Hashable, Sendable {
    /// The name is there, and has no record of that type (NODATA).
    case noRecords
    /// There is no such name (NXDOMAIN).
    case noSuchName
}

package struct DNSAnswer<Record: Hashable & Sendable>: Hashable, Sendable {
    /// Empty exactly where `denial` is set.
    package let records: [Record]
    package let denial: DNSDenial?
    /// DNSSEC has proved it, be it records or a denial, over all CNAMEs.
    package let isSecure: Bool
    /// Behind all CNAMEs; nil where there were none, or where it is no name of a host.
    package let canonicalName: Domain?
    /// For how many seconds it may be kept, 0 or more.
    package let ttl: Int

    package init(records: [Record], isSecure: Bool, canonicalName: Domain? = nil, ttl: Int) {
        self.init(records, records.isEmpty ? .noRecords : nil, isSecure, canonicalName, ttl)
    }

    package init(denial: DNSDenial, isSecure: Bool, canonicalName: Domain? = nil, ttl: Int) {
        self.init([], denial, isSecure, canonicalName, ttl)
    }

    private init(_ records: [Record], _ denial: DNSDenial?, _ isSecure: Bool, _ canonicalName: Domain?, _ ttl: Int) {
        self.records = records
        self.denial = denial
        self.isSecure = isSecure
        self.canonicalName = canonicalName
        self.ttl = max(0, ttl)
    }

    /// The same, to be kept for another time.
    package func kept(for seconds: Int) -> DNSAnswer { DNSAnswer(records, denial, isSecure, canonicalName, seconds) }

    /// The same in another order.
    package func sorted(by isBefore: (Record, Record) -> Bool) -> DNSAnswer {
        DNSAnswer(records.sorted(by: isBefore), denial, isSecure, canonicalName, ttl)
    }

    /// The same with records of another form; those that `read` makes nothing of are left out. Throws `ResolverFault.malformed` where none is left.
    package func map<Other>(_ read: (Record) -> Other?) throws(ResolverFault) -> DNSAnswer<Other> {
        let others = records.compactMap(read)
        guard denial != nil || !others.isEmpty else { throw .malformed }
        return DNSAnswer<Other>(others, denial, isSecure, canonicalName, ttl)
    }
}

/// Nobody knows: never the same as "there is none".
package enum ResolverFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// SERVFAIL, REFUSED, NOTIMP or another code than NOERROR and NXDOMAIN.
    case failed(code: Int)
    case timedOut
    /// DNSSEC has shown it to be forged or broken: why, in one line.
    case bogus(String)
    /// Octets that are no records, or a name that DNS cannot be asked for.
    case malformed
    /// The resolver itself cannot go on.
    case unavailable(String)

    package var description: String { words }

    /// For people, as the end of a sentence.
    package var words: String {
        switch self {
        case .failed(let code): "the name server answered \(ResolverFault.names[code] ?? "code \(code)")"
        case .timedOut: "no name server answered in time"
        case .bogus(let reason): "the answer is forged or broken (\(reason))"
        case .malformed: "the answer makes no sense"
        case .unavailable(let reason): "the resolver does not work (\(reason))"
        }
    }

    // RFC 1035 §4.1.1, RFC 6895 §2.3
    private static let names = [1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED", 9: "NOTAUTH"]
}
