import NIOCore

/// Who runs the program at the other end of a UNIX socket, as the system says it (SO_PEERCRED, unix(7)).
struct PeerCredentials: Sendable {
    // As `struct ucred` has them.
    let process: Int32
    let user: UInt32
    let group: UInt32

    /// Linux's numbers (socket(7)); Swift does not see them, or `ucred`, without _GNU_SOURCE.
    private static let socketLevel = NIOBSDSocket.OptionLevel(rawValue: 1)
    private static let peerCredentials = NIOBSDSocket.Option(rawValue: 17)

    static func ask(_ channel: any Channel) -> EventLoopFuture<PeerCredentials> {
        guard let provider = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        return provider.unsafeGetSocketOption(level: socketLevel, name: peerCredentials)
    }
}
