package import MailModel
package import NIOCore

extension IPAddress {
    /// Nil for a UNIX socket.
    package init?(_ address: SocketAddress?) {
        switch address {
        case .v4(let address): self.init(octets: withUnsafeBytes(of: address.address.sin_addr) { Array($0) })
        case .v6(let address): self.init(octets: withUnsafeBytes(of: address.address.sin6_addr) { Array($0) })
        default: return nil
        }
    }
}
