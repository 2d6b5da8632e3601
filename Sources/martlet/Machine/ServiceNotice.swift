import Glibc
import Transport

/// Tells the service manager how far the server is (sd_notify(3)), where one asks for it.
struct ServiceNotice: Sendable {
    /// Of a UNIX datagram socket; one that begins with `@` lies in no folder. Nil: nobody asks.
    private let address: String?
    /// A sign of life is due this often.
    let watchdog: Duration?

    /// Seconds that a manager may take to read.
    private static let patience = 5

    /// What the environment says; programs that we run learn nothing of it.
    static func take() -> ServiceNotice {
        func variable(_ name: String) -> String? {
            defer { unsetenv(name) }
            return getenv(name).map { String(cString: $0) }
        }
        let (address, interval, process) = (variable("NOTIFY_SOCKET"), variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"))
        let isOurs = process.map { Int32($0) == getpid() } ?? true
        let isPlace = address.map { ($0.hasPrefix("/") || $0.hasPrefix("@")) && $0.utf8.count > 1 } ?? false
        return ServiceNotice(
            address: isPlace ? address : nil, watchdog: isOurs ? interval.flatMap { Int64($0) }.flatMap { $0 > 0 ? .microseconds($0) : nil } : nil)
    }

    func ready() { send("READY=1\nSTATUS=Serving") }
    func stopping() { send("STOPPING=1\nSTATUS=Stopping") }

    /// Around what happens at SIGHUP.
    func reloading(_ reload: () -> Void) {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        send("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000)")
        reload()
        ready()
    }

    /// Gives signs of life, each after all event loops have answered, until it is cancelled.
    func keepAlive(_ threads: Threads) async {
        guard address != nil, let watchdog else { return }
        while !Task.isCancelled {
            await threads.answer()
            send("WATCHDOG=1")
            // try?: cancelled: the server stops.
            try? await Task.sleep(for: watchdog / 3)
        }
    }

    /// A manager that does not read hears nothing; mail does not wait for it.
    private func send(_ state: String) {
        guard let address else { return }
        let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { return }
        defer { close(file) }
        var patience = timeval(tv_sec: ServiceNotice.patience, tv_usec: 0)
        setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var place = sockaddr_un()
        place.sun_family = sa_family_t(AF_UNIX)
        // A name that lies in no folder begins with a zero octet and ends with its last (unix(7)).
        let name = address.hasPrefix("@") ? [0] + Array(address.utf8.dropFirst()) : Array(address.utf8) + [0]
        guard name.count <= MemoryLayout.size(ofValue: place.sun_path) else { return }
        withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size - MemoryLayout.size(ofValue: place.sun_path) + name.count)
        let octets = Array(state.utf8)
        withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = sendto(file, octets, octets.count, Int32(MSG_NOSIGNAL), $0, length) }
        }
    }
}
