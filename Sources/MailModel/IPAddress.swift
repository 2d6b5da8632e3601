import Glibc

/// An IPv4 or IPv6 address as 128 bits; IPv4 is held in its IPv4-mapped form, so that `::ffff:192.0.2.1` is `192.0.2.1`.
package struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// `192.0.2.1` or `2001:db8::1`, without brackets, zone or prefix.
    package init?(_ text: some StringProtocol) {
        let text = String(text)
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self.init(v4)
        } else if inet_pton(AF_INET6, text, &v6) == 1 {
            self.init(v6)
        } else {
            return nil
        }
    }

    /// Four or sixteen octets in network order, as sockets and DNS records have them; nil for another count.
    package init?(octets: some Collection<UInt8>) {
        func word(_ octets: some Sequence<UInt8>) -> UInt64 { octets.reduce(0) { $0 << 8 | UInt64($1) } }
        switch octets.count {
        case 4: self.init(high: 0, low: 0xFFFF_0000_0000 | word(octets))
        case 16: self.init(high: word(octets.prefix(8)), low: word(octets.dropFirst(8)))
        default: return nil
        }
    }

    private init(_ address: in_addr) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(UInt32(bigEndian: address.s_addr)))
    }

    private init(_ address: in6_addr) {
        self = withUnsafeBytes(of: address) { bytes in
            IPAddress(
                high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }

    /// In network order: four for IPv4, sixteen for IPv6.
    package var octets: [UInt8] {
        let all = [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
        return isIPv4 ? Array(all[12...]) : all
    }

    package var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// 127.0.0.0/8 and ::1.
    package var isLoopback: Bool { isIPv4 ? (low >> 24) & 0xFF == 127 : high == 0 && low == 1 }

    /// Whether the first `length` of 128 bits are the same; of an IPv4 address the first 96 are those of its mapped form.
    package func sharesPrefix(of length: Int, with other: IPAddress) -> Bool {
        func mask(_ length: Int) -> UInt64 { length <= 0 ? 0 : length >= 64 ? .max : ~(UInt64.max >> UInt64(length)) }
        return (high ^ other.high) & mask(length) == 0 && (low ^ other.low) & mask(length - 64) == 0
    }

    /// What limits count by: an IPv4 address by itself, an IPv6 address by its /64, which one host has for itself.
    package var site: IPAddress { isIPv4 ? self : IPAddress(high: high, low: 0) }

    /// The shortest form, RFC 5952 §4.
    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        if isIPv4 {
            var address = in_addr(s_addr: UInt32(truncatingIfNeeded: low).bigEndian)
            inet_ntop(AF_INET, &address, &text, socklen_t(text.count))
        } else {
            var words = (high.bigEndian, low.bigEndian)
            inet_ntop(AF_INET6, &words, &text, socklen_t(text.count))
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
