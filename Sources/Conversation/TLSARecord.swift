/// TLSA (RFC 6698 §2.1): what a server's certificate has to be, or one that vouches for it.
package struct TLSARecord: Hashable, Sendable {
    /// RFC 6698 §2.1.1, in RFC 7218's names; others there may be.
    package enum Usage {
        /// A certificate that vouches for the server's, whoever else knows it.
        package static let anchor: UInt8 = 2
        /// The server's own, whoever vouches for it.
        package static let endEntity: UInt8 = 3
    }

    package let usage: UInt8
    /// 0: the certificate. 1: its public key.
    package let selector: UInt8
    /// 0: as it is. 1: its SHA-256. 2: its SHA-512.
    package let matching: UInt8
    package let data: [UInt8]

    package init(usage: UInt8, selector: UInt8, matching: UInt8, data: [UInt8]) {
        self.usage = usage
        self.selector = selector
        self.matching = matching
        self.data = data
    }

    /// Mail servers know usages 2 and 3 alone (RFC 7672 §3.1.3); and a digest has its length.
    package var isUsable: Bool {
        guard usage == Usage.anchor || usage == Usage.endEntity, selector <= 1 else { return false }
        return switch matching {
        case 0: !data.isEmpty
        case 1: data.count == 32
        case 2: data.count == 64
        default: false
        }
    }

    /// Those that a certificate may match: of digests of the same thing the strongest alone (RFC 7671 §9).
    package static func usable(of records: [TLSARecord]) -> [TLSARecord] {
        let usable = records.filter(\.isUsable)
        return usable.filter { record in
            record.matching != 1 || !usable.contains { $0.matching == 2 && $0.usage == record.usage && $0.selector == record.selector }
        }
    }
}

extension TLSARecord: CustomStringConvertible {
    /// As zones have it: `3 1 1 0D6F...`, what is long cut.
    package var description: String {
        let digits = Array("0123456789abcdef".utf8)
        let octets = data.prefix(64).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return "\(usage) \(selector) \(matching) \(String(decoding: octets, as: UTF8.self))\(data.count > 64 ? "..." : "")"
    }
}
