/// Networks in CIDR notation, such as those that no limit counts.
package struct NetworkList: Hashable, Sendable {
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
            guard IPAddress(halves[0]) != nil else { throw Fault(description: "no IP address: \(part)") }
            guard let network = Network(part) else {
                throw Fault(description: "no prefix length between 0 and \(halves[0].contains(":") ? 128 : 32): \(part)")
            }
            networks.append(network)
        }
        self.networks = networks
    }

    private init(networks: [Network]) { self.networks = networks }

    package static let none = NetworkList(networks: [])

    /// 127.0.0.0/8 and ::1.
    package static let loopback = NetworkList(
        networks: [Network(IPAddress(high: 0, low: 0xFFFF_7F00_0000), prefix: 8), Network(IPAddress(high: 0, low: 1), prefix: 128)].compactMap(\.self))

    package func contains(_ address: IPAddress) -> Bool { networks.contains { $0.contains(address) } }
}
