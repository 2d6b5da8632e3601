import Glibc

/// IP addresses as text, as far as the configuration must judge them before anything listens.
enum IPText {
    static func isAddress(_ text: String) -> Bool { octets(text) != nil }

    /// An address, or an address and a prefix length: `10.0.0.0/8`.
    static func isNetwork(_ text: String) -> Bool {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let octets = octets(String(parts[0])) else { return false }
        guard parts.count == 2 else { return true }
        guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let prefix = Int(parts[1]) else { return false }
        return prefix <= octets.count * 8
    }

    static func isLoopback(_ text: String) -> Bool {
        guard let octets = octets(text) else { return false }
        if octets.count == 4 { return octets[0] == 127 }
        if octets.prefix(10).allSatisfy({ $0 == 0 }), octets[10] == 0xFF, octets[11] == 0xFF {
            return octets[12] == 127
        }
        return octets.dropLast().allSatisfy { $0 == 0 } && octets[15] == 1
    }

    /// In network order: 4 or 16 of them.
    private static func octets(_ text: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: &four) { Array($0) } }
        var sixteen = in6_addr()
        if inet_pton(AF_INET6, text, &sixteen) == 1 { return withUnsafeBytes(of: &sixteen) { Array($0) } }
        return nil
    }
}
