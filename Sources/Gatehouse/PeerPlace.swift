import Glibc

/// Where a peer is, as far as fairness counts it: an IPv4 address by itself, an IPv6 address by its /64, which one host has for itself.
enum PeerPlace: Hashable, Sendable {
    case v4(UInt32)
    /// The upper 64 bits.
    case v6(UInt64)
    /// What is no IP address, as a UNIX socket's.
    case other(String)

    /// From the text of an address; IPv4-mapped IPv6 addresses are IPv4's.
    init(_ peer: String) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, peer, &v4) == 1 {
            self = .v4(UInt32(bigEndian: v4.s_addr))
        } else if inet_pton(AF_INET6, peer, &v6) == 1 {
            let (high, low) = withUnsafeBytes(of: v6) { bytes in
                (
                    UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
            self = high == 0 && low >> 32 == 0xFFFF ? .v4(UInt32(truncatingIfNeeded: low)) : .v6(high)
        } else {
            self = .other(String(peer.prefix(64)))
        }
    }

    /// The network that somebody comes back from: IPv4's /24, IPv6's /64.
    var network: PeerPlace {
        if case .v4(let address) = self { .v4(address & 0xFFFF_FF00) } else { self }
    }
}
