package import MailModel

extension RecordType {
    package static let srv = RecordType(rawValue: 33)
    package static let caa = RecordType(rawValue: 257)
}

/// SRV (RFC 2782): where a service is.
package struct ServiceLocation: Hashable, Sendable {
    package let priority: UInt16
    package let weight: UInt16
    package let port: UInt16
    /// Nil: the root, with which a domain says that it has no such service.
    package let host: Domain?

    package init(priority: UInt16, weight: UInt16, port: UInt16, host: Domain?) {
        self.priority = priority
        self.weight = weight
        self.port = port
        self.host = host
    }
}

/// CAA (RFC 8659 §4): a property of who may issue certificates.
package struct IssuerProperty: Hashable, Sendable {
    /// In lower case: `issue`, `issuewild`, `iodef`.
    package let tag: String
    package let value: String

    package init(tag: String, value: String) {
        self.tag = tag
        self.value = value
    }

    /// Of `issue`: the authority's domain, in lower case, without parameters; empty: nobody may (§4.2).
    package var authority: String {
        let name = value.split(separator: ";", omittingEmptySubsequences: false).first ?? ""
        return name.filter { $0 != " " && $0 != "\t" }.lowercased()
    }
}

extension RecordData {
    /// PTR (RFC 1035 §3.3.12).
    package static func pointer(_ octets: [UInt8]) -> Domain? { host(octets[...]) }

    /// RFC 2782.
    package static func service(_ octets: [UInt8]) -> ServiceLocation? {
        guard octets.count >= 7 else { return nil }
        func number(_ place: Int) -> UInt16 { UInt16(octets[place]) << 8 | UInt16(octets[place + 1]) }
        let target = octets[6...]
        if target.elementsEqual([0]) { return ServiceLocation(priority: number(0), weight: number(2), port: number(4), host: nil) }
        return host(target).map { ServiceLocation(priority: number(0), weight: number(2), port: number(4), host: $0) }
    }

    /// RFC 8659 §4.1.
    package static func issuer(_ octets: [UInt8]) -> IssuerProperty? {
        guard octets.count >= 2, octets[1] > 0, octets.count >= 2 + Int(octets[1]) else { return nil }
        let tag = octets[2..<(2 + Int(octets[1]))]
        return IssuerProperty(tag: String(decoding: tag, as: UTF8.self).lowercased(), value: String(decoding: octets[(2 + Int(octets[1]))...], as: UTF8.self))
    }
}

extension IPAddress {
    /// The name under which DNS says what an address is called (RFC 1035 §3.5, RFC 3596 §2.5).
    package var reverseName: String {
        if isIPv4 { return octets.reversed().map(String.init).joined(separator: ".") + ".in-addr.arpa" }
        return octets.reversed().map { String($0 & 15, radix: 16) + "." + String($0 >> 4, radix: 16) }.joined(separator: ".") + ".ip6.arpa"
    }
}
