package import MailModel

/// What the octets of a record say (RDATA, RFC 1035 §3.3), as resolvers give them: names within are written out, without compression. Nil: they are no such
/// record, or name no host.
package enum RecordData {
    /// RFC 1035 §3.3.9.
    package static func mailExchanger(_ octets: [UInt8]) -> MailExchanger? {
        guard octets.count >= 3 else { return nil }
        let preference = UInt16(octets[0]) << 8 | UInt16(octets[1])
        // RFC 7505 §3
        if octets.count == 3, octets[2] == 0 { return MailExchanger(preference: preference, host: nil) }
        return host(octets[2...]).map { MailExchanger(preference: preference, host: $0) }
    }

    /// RFC 1035 §3.4.1, RFC 3596 §2.2.
    package static func address(_ octets: [UInt8], _ family: AddressFamily) -> IPAddress? {
        switch family {
        case .ipv4: octets.count == 4 ? IPAddress(octets: octets) : nil
        case .ipv6: octets.count == 16 ? IPAddress(octets: octets) : nil
        }
    }

    /// RFC 6698 §2.1. What its fields mean is not looked at.
    package static func tlsa(_ octets: [UInt8]) -> TLSARecord? {
        guard octets.count >= 3 else { return nil }
        return TLSARecord(usage: octets[0], selector: octets[1], matching: octets[2], data: Array(octets[3...]))
    }

    /// A name that fills `octets` (RFC 1035 §3.1, §2.3.4). What host names cannot have (a dot within a label, octets that are no letter, digit, hyphen or
    /// underscore) is refused, never escaped.
    package static func host(_ octets: ArraySlice<UInt8>) -> Domain? {
        guard (2...255).contains(octets.count) else { return nil }
        var name: [UInt8] = []
        name.reserveCapacity(octets.count)
        var rest = octets
        while let length = rest.popFirst(), length > 0 {
            guard length <= 63, rest.count > Int(length) else { return nil }
            let label = rest.prefix(Int(length))
            guard label.allSatisfy(isHostOctet) else { return nil }
            if !name.isEmpty { name.append(UInt8(ascii: ".")) }
            name += label
            rest = rest.dropFirst(Int(length))
        }
        return rest.isEmpty ? Domain(String(decoding: name, as: UTF8.self)) : nil
    }

    private static func isHostOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
