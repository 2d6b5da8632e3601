/// A network in CIDR notation; an address by itself is one too.
package struct Network: Hashable, Sendable, CustomStringConvertible {
    /// Its first address.
    package let address: IPAddress
    private let length: UInt8

    /// Its prefix, of 128 bits: an IPv4 /8 is 104.
    package var bits: Int { Int(length) }

    /// The network of that prefix length that `address` is in, 0...32 of IPv4 and 0...128 of IPv6; nil for another length.
    package init?(_ address: IPAddress, prefix: Int) {
        let most = address.isIPv4 ? 32 : 128
        guard (0...most).contains(prefix) else { return nil }
        self.init(address, bits: 128 - most + prefix)
    }

    /// `bits`: 0...128.
    package init(_ address: IPAddress, bits: Int) {
        let bits = min(max(0, bits), 128)
        self.address = address.prefix(of: bits)
        length = UInt8(bits)
    }

    /// `192.0.2.0/24`, or an address alone. Nil for other text.
    package init?(_ text: some StringProtocol) {
        let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = halves.first, let address = IPAddress(first) else { return nil }
        let most = first.contains(":") ? 128 : 32
        guard let length = halves.count == 1 ? most : Int(halves[1]), (0...most).contains(length) else { return nil }
        self.init(address, bits: 128 - most + length)
    }

    package func contains(_ other: IPAddress) -> Bool { address.sharesPrefix(of: bits, with: other) }

    /// As its notation has it.
    package var prefix: Int { address.isIPv4 && bits >= 96 ? bits - 96 : bits }
    package var isSingleAddress: Bool { bits == 128 }

    package var description: String { isSingleAddress ? "\(address)" : "\(address)/\(prefix)" }

    // MARK: What limits count by

    /// The number of the network that one host has for itself (`IPAddress.site`) or that many may share: of IPv4 by address or by /24, of IPv6 by /64. The upper
    /// half of an IPv4 network's number is 0xFFFF_FF and the prefix length, where no IPv6 host is (ff00::/8 is multicast).
    package init(number: UInt64) {
        let prefix = Int(number >> 32 & 0xFF)
        guard number >> 40 == 0xFF_FFFF, prefix <= 32 else {
            self.init(IPAddress(high: number, low: 0), bits: 64)
            return
        }
        self.init(IPAddress(high: 0, low: 0xFFFF_0000_0000 | number & 0xFFFF_FFFF), bits: 96 + prefix)
    }
}

extension IPAddress {
    fileprivate func prefix(of bits: Int) -> IPAddress {
        func mask(_ length: Int) -> UInt64 { length <= 0 ? 0 : length >= 64 ? .max : ~(UInt64.max >> UInt64(length)) }
        return IPAddress(high: high & mask(bits), low: low & mask(bits - 64))
    }

    /// `Network(number:)` makes the address's own network of it: IPv4's /32, IPv6's /64.
    package var siteNumber: UInt64 { isIPv4 ? 0xFFFF_FF20 << 32 | low & 0xFFFF_FFFF : high }

    /// The same of the network that somebody comes back from: IPv4's /24, IPv6's /64.
    package var networkNumber: UInt64 { isIPv4 ? 0xFFFF_FF18 << 32 | low & 0xFFFF_FF00 : high }

    /// The numbers of the 256 sites in an IPv6 address's /56.
    package var siblingNumbers: ClosedRange<UInt64> { (high & ~0xFF)...(high | 0xFF) }
}
