/// How far an address reaches (RFC 6890 and the registries of special-purpose addresses that came of it).
package enum AddressScope: String, Hashable, Sendable, CaseIterable {
    case global = "reached from everywhere"
    /// 127.0.0.0/8, ::1.
    case loopback = "a loopback address"
    /// 0.0.0.0/8, ::, which systems take for themselves.
    case unspecified = "no host's address"
    /// 169.254.0.0/16, fe80::/10.
    case linkLocal = "a link-local address"
    /// RFC 1918; fc00::/7 (RFC 4193), fec0::/10, 64:ff9b:1::/48 (RFC 8215).
    case privateUse = "a private address"
    /// 100.64.0.0/10 (RFC 6598).
    case carrierShared = "an address of a carrier's network"
    /// RFC 5737; 2001:db8::/32 (RFC 3849), 3fff::/20 (RFC 9637).
    case documentation = "an address for documentation"
    case multicast = "a multicast address"
    /// Everything else that is no host of the world's.
    case reserved = "a reserved address"
}

extension IPAddress {
    /// An IPv6 address that stands for an IPv4 address (mapped, NAT64, 6to4) has the scope of that.
    package var scope: AddressScope {
        if isIPv4 { return IPAddress.scope(ofIPv4: UInt32(truncatingIfNeeded: low)) }
        if high == 0 { return low == 0 ? .unspecified : low == 1 ? .loopback : .reserved }
        // 64:ff9b::/96 (RFC 6052), 2002::/16 (RFC 3056).
        if high == 0x0064_FF9B_0000_0000, low >> 32 == 0 { return IPAddress.scope(ofIPv4: UInt32(truncatingIfNeeded: low)) }
        if high >> 48 == 0x2002 { return IPAddress.scope(ofIPv4: UInt32(truncatingIfNeeded: high >> 16)) }
        for (prefix, length, scope) in IPAddress.specialIPv6 where (high ^ prefix) >> (64 - length) == 0 { return scope }
        // 2000::/3 is all that was ever given out.
        return high >> 61 == 1 ? .global : .reserved
    }

    private static func scope(ofIPv4 address: UInt32) -> AddressScope {
        for (prefix, length, scope) in specialIPv4 where (address ^ prefix) >> (32 - length) == 0 { return scope }
        return .global
    }

    private static let specialIPv4: [(prefix: UInt32, length: UInt32, AddressScope)] = [
        (0x0000_0000, 8, .unspecified),
        (0x0A00_0000, 8, .privateUse),
        (0x6440_0000, 10, .carrierShared),
        (0x7F00_0000, 8, .loopback),
        (0xA9FE_0000, 16, .linkLocal),
        (0xAC10_0000, 12, .privateUse),
        (0xC000_0000, 24, .reserved),
        (0xC000_0200, 24, .documentation),
        (0xC0A8_0000, 16, .privateUse),
        (0xC612_0000, 15, .reserved),
        (0xC633_6400, 24, .documentation),
        (0xCB00_7100, 24, .documentation),
        (0xE000_0000, 4, .multicast),
        (0xF000_0000, 4, .reserved),
    ]

    /// By their first 64 bits, the longer ones first.
    private static let specialIPv6: [(prefix: UInt64, length: UInt64, AddressScope)] = [
        (0x0064_FF9B_0001_0000, 48, .privateUse),
        (0x2001_0DB8_0000_0000, 32, .documentation),
        // IETF protocols: Teredo, benchmarking, ORCHID.
        (0x2001_0000_0000_0000, 23, .reserved),
        (0x3FFF_0000_0000_0000, 20, .documentation),
        (0xFC00_0000_0000_0000, 7, .privateUse),
        (0xFE80_0000_0000_0000, 10, .linkLocal),
        (0xFEC0_0000_0000_0000, 10, .privateUse),
        (0xFF00_0000_0000_0000, 8, .multicast),
    ]
}
