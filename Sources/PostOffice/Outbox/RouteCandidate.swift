package import Conversation
package import MailModel

/// An exchanger while its addresses are looked for.
struct RouteCandidate {
    struct Found: Hashable {
        let address: IPAddress
        let canonicalName: Domain?
        let isSecure: Bool
    }

    let host: Domain
    let preference: UInt16
    private var found: [AddressFamily: [Found]] = [:]
    /// Of a family that could not be looked up.
    private(set) var fault: ResolverFault?

    init(_ host: Domain, preference: UInt16) {
        self.host = host
        self.preference = preference
    }

    /// Of both families.
    var addresses: [Found] { found.values.flatMap(\.self) }

    mutating func add(_ result: Result<DNSAnswer<IPAddress>, ResolverFault>, _ family: AddressFamily) {
        switch result {
        case .success(let answer):
            // An IPv4 address in IPv6's form is one of IPv4.
            for address in answer.records {
                found[address.family, default: []].append(
                    Found(address: address, canonicalName: answer.canonicalName, isSecure: answer.isSecure))
            }
        case .failure(let fault): self.fault = fault
        }
    }

    mutating func add(literal: Domain) {
        guard let address = IPAddress(literal: literal) else { return }
        found[address.family] = [Found(address: address, canonicalName: nil, isSecure: false)]
    }

    /// The families taking turns, each address once.
    func servers(_ families: [AddressFamily]) -> [MailRoute.Server] {
        let lists = families.map { found[$0] ?? [] }
        var servers: [MailRoute.Server] = []
        var known: Set<IPAddress> = []
        for turn in 0..<(lists.map(\.count).max() ?? 0) {
            for list in lists where turn < list.count && known.insert(list[turn].address).inserted {
                let found = list[turn]
                servers.append(
                    MailRoute.Server(
                        host: host, canonicalName: found.canonicalName, address: found.address, preference: preference, isSecure: found.isSecure))
            }
        }
        return servers
    }
}

extension IPAddress {
    var family: AddressFamily { isIPv4 ? .ipv4 : .ipv6 }

    /// `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
    package init?(literal: Domain) {
        guard literal.isLiteral else { return nil }
        let text = literal.value.dropFirst().dropLast()
        let tag = "ipv6:"
        if text.hasPrefix(tag) {
            guard text.dropFirst(tag.count).contains(":") else { return nil }
            self.init(text.dropFirst(tag.count))
        } else {
            guard !text.contains(":") else { return nil }
            self.init(text)
        }
    }
}
