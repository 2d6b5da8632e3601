import MailModel

/// What connections have taught of servers' addresses, for an hour at most; bounded.
struct AddressBook: Sendable {
    /// How a server can be reached: another port is another server.
    struct Key: Hashable, Sendable {
        let address: String
        let port: Int

        init(_ server: MailServer) {
            address = server.address
            port = server.port
        }
    }

    private var deadUntil: [Key: Timestamp] = [:]
    private var noTLSUntil: [Key: Timestamp] = [:]
    /// Connections, open or being opened.
    private var open: [Key: Int] = [:]

    /// Seconds.
    private static let dead: Int64 = 600
    private static let noTLS: Int64 = 3_600
    private static let most = 10_000

    /// Those that have room for one more connection: who answered lately first, otherwise as they come.
    func servers(of servers: [MailServer], most: Int, _ now: Timestamp) -> [MailServer] {
        let free = servers.filter { (open[Key($0)] ?? 0) < most }
        return free.filter { !isDead($0, now) } + free.filter { isDead($0, now) }
    }

    private func isDead(_ server: MailServer, _ now: Timestamp) -> Bool { deadUntil[Key(server)].map { now < $0 } ?? false }

    /// Encrypted where it is not known that this fails.
    func terms(_ server: MailServer, _ now: Timestamp) -> MailServer {
        guard server.encryption == .opportunistic, let until = noTLSUntil[Key(server)], now < until else { return server }
        var server = server
        server.encryption = .never
        return server
    }

    mutating func connecting(_ server: MailServer) { open[Key(server), default: 0] += 1 }

    mutating func disconnected(_ server: MailServer) {
        let left = (open[Key(server)] ?? 1) - 1
        open[Key(server)] = left > 0 ? left : nil
    }

    mutating func reached(_ server: MailServer) { deadUntil[Key(server)] = nil }

    mutating func unreachable(_ server: MailServer, _ now: Timestamp) {
        AddressBook.keep(&deadUntil, Key(server), Timestamp(rawValue: now.rawValue + AddressBook.dead), now)
    }

    mutating func failedTLS(_ server: MailServer, _ now: Timestamp) {
        AddressBook.keep(&noTLSUntil, Key(server), Timestamp(rawValue: now.rawValue + AddressBook.noTLS), now)
    }

    private static func keep(_ known: inout [Key: Timestamp], _ key: Key, _ until: Timestamp, _ now: Timestamp) {
        if known.count >= most { known = known.filter { now < $0.value } }
        if known.count >= most { known.removeAll() }
        known[key] = until
    }
}
