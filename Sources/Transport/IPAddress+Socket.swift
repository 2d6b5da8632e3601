package import MailModel
package import NIOCore

extension IPAddress {
    /// What a peer that came by a UNIX socket counts as: 127.0.0.1.
    static let localPeer = IPAddress(octets: [127, 0, 0, 1])

    /// Nil for a UNIX socket.
    package init?(_ address: SocketAddress?) {
        switch address {
        case .v4(let address): self.init(octets: withUnsafeBytes(of: address.address.sin_addr) { Array($0) })
        case .v6(let address): self.init(octets: withUnsafeBytes(of: address.address.sin6_addr) { Array($0) })
        default: return nil
        }
    }
}
