import CLinux
import Glibc
import MailModel
import Transport

/// Sockets that a service manager has opened for us (sd_listen_fds(3)): files from 3 on, said in `LISTEN_FDS`, `LISTEN_PID` and `LISTEN_FDNAMES`.
struct InheritedSockets: Sendable {
    /// Where one is bound.
    enum Place: Hashable, Sendable, CustomStringConvertible {
        case port(IPAddress, Int)
        /// Of a UNIX socket.
        case path(String)

        var description: String {
            switch self {
            case .port(let address, let port): "\(address) port \(port)"
            case .path(let path): path
            }
        }
    }

    private(set) var files: [Place: Int32] = [:]
    /// As the service manager calls them.
    private(set) var names: [Place: String] = [:]

    /// The first file that may be one (SD_LISTEN_FDS_START).
    private static let first: Int32 = 3
    /// More than all listeners there can be.
    private static let most = 1_024

    /// None.
    init() {}

    /// Those that are meant for this process; programs that it runs learn nothing of them, neither by their environment nor by open files. Throws `CommandFault` for what
    /// is no socket that waits for streams.
    static func take() throws -> InheritedSockets {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        let (process, count, names) = (variable("LISTEN_PID"), variable("LISTEN_FDS"), variable("LISTEN_FDNAMES"))
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
        guard let process, let count, Int32(process) == getpid() else { return InheritedSockets() }
        guard let number = Int32(count), (0...Int32(most)).contains(number) else {
            throw fault("LISTEN_FDS is \"\(count.prefix(20))\", and should say how many sockets there are")
        }
        let words = names?.split(separator: ":", omittingEmptySubsequences: false).map(String.init) ?? []
        var sockets = InheritedSockets()
        for index in 0..<number {
            try sockets.add(first + index, named: Int(index) < words.count ? words[Int(index)] : "unknown")
        }
        return sockets
    }

    private mutating func add(_ file: Int32, named name: String) throws {
        let what = "the service manager's socket \(file) (\(name))"
        guard fcntl(file, F_SETFD, FD_CLOEXEC) == 0 else { throw InheritedSockets.fault("\(what) is not open") }
        guard InheritedSockets.option(file, SO_TYPE) == Int32(SOCK_STREAM.rawValue) else {
            throw InheritedSockets.fault("\(what) is no stream socket (ListenStream=)")
        }
        var peer = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let isConnected = withUnsafeMutablePointer(to: &peer) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(file, $0, &length) == 0 }
        }
        guard !isConnected else { throw InheritedSockets.fault("\(what) is a connection: Accept=no is meant") }
        let place: Place
        if let port = PortSocket.place(of: file) {
            place = .port(port.address, port.port)
        } else if let path = InheritedSockets.path(of: file) {
            place = .path(path)
        } else {
            throw InheritedSockets.fault("\(what) is neither at an IP address nor at a path")
        }
        guard files.updateValue(file, forKey: place) == nil else { throw InheritedSockets.fault("\(what) is a second one at \(place)") }
        names[place] = name
    }

    private static func option(_ file: Int32, _ option: Int32) -> Int32? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(file, SOL_SOCKET, option, &value, &length) == 0 ? value : nil
    }

    /// Nil: it is no UNIX socket, or lies in no folder.
    private static func path(of file: Int32) -> String? {
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let found = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(file, $0, &length) == 0 }
        }
        guard found, Int32(address.sun_family) == AF_UNIX else { return nil }
        let octets = withUnsafeBytes(of: &address.sun_path) { octets in octets.prefix { $0 != 0 } + [] }
        return octets.isEmpty ? nil : String(decoding: octets, as: UTF8.self)
    }

    /// That each has somebody who serves it: a port that nobody answers at is worse than none. Throws `CommandFault`.
    func check(against configuration: Configuration) throws {
        let wanted = Set(configuration.listeners.compactMap { $0.place } + [.path(configuration.sendmailSocket)])
        for place in files.keys.sorted(by: { "\($0)" < "\($1)" }) where !wanted.contains(place) {
            var others: [String] = []
            if case .port(_, let port) = place {
                others = configuration.listeners.filter { $0.port == port }.map { "\($0.service.rawValue) is at \($0.address) port \($0.port)" }
            }
            throw InheritedSockets.fault(
                "the service manager's socket \(names[place] ?? "") is at \(place), where nothing is configured"
                    + (others.isEmpty ? "" : " (\(others.joined(separator: ", ")))") + "; give a listener that address and port, or take the socket away")
        }
    }

    private static func fault(_ text: String) -> CommandFault { CommandFault(code: Sysexit.configuration, text: text) }
}

extension Configuration.Listener {
    /// Nil for what is no IP address, which the configuration lets nobody write.
    var place: InheritedSockets.Place? { IPAddress(address).map { .port($0, port) } }
}
