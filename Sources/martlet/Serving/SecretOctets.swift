import CLinux
import Glibc

/// Octets that nobody else is to see: in memory of their own, out of cores, kept out of swap as far as the system lets us, and overwritten when the value is gone.
///
/// `@unchecked Sendable`: they are written by the initialisers alone.
final class SecretOctets: @unchecked Sendable, Equatable {
    private let room: UnsafeMutableRawBufferPointer
    let count: Int

    /// - parameters:
    ///   - capacity: octets, at least 1.
    ///   - fill: writes them, and says how many they are.
    init(capacity: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(SystemFault) -> Int) throws(SystemFault) {
        guard let start = clinux_secret_new(capacity) else { throw SystemFault("get", "memory for a key") }
        room = UnsafeMutableRawBufferPointer(start: start, count: capacity)
        do throws(SystemFault) { count = min(try fill(room), capacity) } catch {
            clinux_secret_free(start, capacity)
            throw error
        }
    }

    /// Takes them over: they are overwritten where they were, if `octets` is all that holds them.
    convenience init(taking octets: inout [UInt8]) throws(SystemFault) {
        defer { octets.withUnsafeMutableBytes { octets in octets.baseAddress.map { clinux_wipe($0, octets.count) } } }
        try self.init(capacity: max(1, octets.count)) { room in
            room.copyBytes(from: octets)
            return octets.count
        }
    }

    deinit { clinux_secret_free(room.baseAddress, room.count) }

    func withUnsafeBytes<Value, Fault: Error>(_ body: (UnsafeRawBufferPointer) throws(Fault) -> Value) throws(Fault) -> Value {
        try body(UnsafeRawBufferPointer(rebasing: room[..<count]))
    }

    static func == (a: SecretOctets, b: SecretOctets) -> Bool { a.withUnsafeBytes { a in b.withUnsafeBytes { a.elementsEqual($0) } } }

    /// A small file's, at most `most`.
    static func read(_ path: String, most: Int) throws(SystemFault) -> SecretOctets {
        let file = clinux_open(path, O_RDONLY, 0)
        guard file >= 0 else { throw SystemFault("open", path) }
        defer { close(file) }
        return try SecretOctets(capacity: most + 1) { room throws(SystemFault) in
            var done = 0
            while let start = room.baseAddress, done < room.count {
                let count = Glibc.read(file, start + done, room.count - done)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw SystemFault("read", path) }
                guard count > 0 else { return done }
                done += count
            }
            throw SystemFault("read", path, code: EFBIG)
        }
    }
}
