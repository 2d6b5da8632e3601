import Glibc
import Threading

/// A system call that failed on a path.
struct SystemFault: Error, Equatable, CustomStringConvertible {
    /// What was tried, as a verb: `open`, `create`.
    let call: String
    let path: String
    /// errno.
    let code: Int32

    /// With what errno says now.
    init(_ call: String, _ path: String, code: Int32 = errno) {
        self.call = call
        self.path = path
        self.code = code
    }

    init(_ fault: BlockingThread.Fault) { self.init("start", "a thread", code: fault.code) }

    var isMissing: Bool { code == ENOENT || code == ENOTDIR }
    /// The device did not give what is there: nothing is known of the file, least of all that it is missing or malformed.
    var isOfDevice: Bool { [EIO, ENXIO, ENODEV, ESTALE, EUCLEAN, EREMOTEIO].contains(code) }
    var reason: String { String(cString: strerror(code)) }
    var description: String { "cannot \(call) \(path): \(reason)" }
}

/// What the machine calls itself.
enum SystemName {
    /// Who runs the program: their login name, or where the system knows none, their number.
    static func user() -> String {
        guard let entry = getpwuid(geteuid()), let name = entry.pointee.pw_name else { return "uid\(geteuid())" }
        return String(cString: name)
    }

    static func host() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, 255) == 0 else { return "localhost" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
