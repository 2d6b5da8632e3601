import Glibc
import MailModel

/// What an address literal names (RFC 5321 §4.1.3).
enum AddressLiteral {
    // address-literal = "[" ( IPv4-address-literal / "IPv6:" IPv6-addr / General-address-literal ) "]"
    /// The 4 or 16 octets of `[192.0.2.1]` or `[IPv6:2001:db8::1]`; nil for other domains. Without `IPv6:` it is taken too, as many write it.
    static func octets(of domain: Domain) -> [UInt8]? {
        guard domain.isLiteral else { return nil }
        let text = domain.value.dropFirst().dropLast()
        return octets(ofAddress: text.hasPrefix("ipv6:") ? String(text.dropFirst(5)) : String(text))
    }

    /// Of an address without brackets; an IPv4 address within IPv6 is the IPv4 address.
    static func octets(ofAddress text: String) -> [UInt8]? {
        var octets = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &octets) == 1 { return Array(octets[..<4]) }
        guard inet_pton(AF_INET6, text, &octets) == 1 else { return nil }
        let isMapped = octets[..<10].allSatisfy { $0 == 0 } && octets[10] == 0xFF && octets[11] == 0xFF
        return isMapped ? Array(octets[12...]) : octets
    }
}
