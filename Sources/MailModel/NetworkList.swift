/// Networks in CIDR notation, such as those that no limit counts.
package struct NetworkList: Hashable, Sendable {
    private struct Network: Hashable {
        let address: IPAddress
        /// Of 128 bits: an IPv4 /8 is 104.
        let length: Int

        func contains(_ other: IPAddress) -> Bool { address.sharesPrefix(of: length, with: other) }
    }

    private let networks: [Network]

    /// Text that is no list of networks.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    /// `127.0.0.0/8, ::1`: addresses, each with an optional prefix length, between commas or spaces; empty text is the empty list.
    package init(_ text: String) throws(Fault) {
        var networks: [Network] = []
        for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            let halves = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let address = IPAddress(halves[0]) else { throw Fault(description: "no IP address: \(part)") }
            let most = halves[0].contains(":") ? 128 : 32
            guard let length = halves.count == 1 ? most : Int(halves[1]), (0...most).contains(length) else {
                throw Fault(description: "no prefix length between 0 and \(most): \(part)")
            }
            networks.append(Network(address: address, length: 128 - most + length))
        }
        self.networks = networks
    }

    private init(networks: [Network]) { self.networks = networks }

    package static let none = NetworkList(networks: [])

    /// 127.0.0.0/8 and ::1.
    package static let loopback = NetworkList(networks: [
        Network(address: IPAddress(high: 0, low: 0xFFFF_7F00_0000), length: 104),
        Network(address: IPAddress(high: 0, low: 1), length: 128),
    ])

    package func contains(_ address: IPAddress) -> Bool { networks.contains { $0.contains(address) } }
}
