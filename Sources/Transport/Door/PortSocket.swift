import Glibc
package import MailModel
import NIOCore

/// TCP sockets by their numbers, for those that are there before anybody serves them: given by who started the program, or bound while it was root.
package enum PortSocket {
    /// Connections that may wait to be taken, as the system's own limit (net.core.somaxconn) lets them.
    package static let backlog: CInt = 4_096

    /// Bound, closed in programs that this one runs, and not listening yet.
    /// - parameters:
    ///   - address: an IP address; `::` takes IPv4 too, unless the system says otherwise.
    ///   - isOnlyIPv6: it does not, for another socket has that port of IPv4's.
    package static func bind(_ address: String, port: Int, isOnlyIPv6: Bool = false) throws(Listener.Fault) -> CInt {
        let place: SocketAddress
        do { place = try SocketAddress(ipAddress: address, port: port) } catch {
            throw Listener.Fault(description: "cannot listen on \(address) port \(port): it is no IP address")
        }
        let family = place.protocol == .inet6 ? AF_INET6 : AF_INET
        let file = Glibc.socket(family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { throw fault(address, port) }
        var on: CInt = 1
        guard setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size)) == 0,
            !isOnlyIPv6 || family != AF_INET6 || setsockopt(file, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &on, socklen_t(MemoryLayout<CInt>.size)) == 0,
            place.withSockAddr({ Glibc.bind(file, $0, socklen_t($1)) }) == 0
        else {
            let found = fault(address, port)
            close(file)
            throw found
        }
        return file
    }

    /// Listens there from now on; nothing changes for one that does already, but for how many may wait.
    package static func listen(_ file: CInt, _ address: String, port: Int) throws(Listener.Fault) {
        guard Glibc.listen(file, backlog) == 0 else { throw fault(address, port) }
    }

    /// Where a TCP socket is bound; nil: it is none, or nowhere.
    package static func place(of file: CInt) -> (address: IPAddress, port: Int)? {
        var room = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &room) { bytes in
            guard let start = bytes.baseAddress, getsockname(file, start.assumingMemoryBound(to: sockaddr.self), &length) == 0 else { return nil }
            switch CInt(bytes.load(as: sockaddr.self).sa_family) {
            case AF_INET:
                let found = bytes.load(as: sockaddr_in.self)
                return IPAddress(octets: withUnsafeBytes(of: found.sin_addr) { Array($0) }).map { ($0, Int(UInt16(bigEndian: found.sin_port))) }
            case AF_INET6:
                let found = bytes.load(as: sockaddr_in6.self)
                return IPAddress(octets: withUnsafeBytes(of: found.sin6_addr) { Array($0) }).map { ($0, Int(UInt16(bigEndian: found.sin6_port))) }
            default: return nil
            }
        }
    }

    private static func fault(_ address: String, _ port: Int, code: CInt = errno) -> Listener.Fault {
        var words = "cannot listen on \(address) port \(port): \(String(cString: strerror(code)))"
        if code == EACCES {
            words += " (below 1024 it takes root and the setting user, CAP_NET_BIND_SERVICE, or a socket from systemd)"
        }
        return Listener.Fault(description: words, code: code)
    }
}
