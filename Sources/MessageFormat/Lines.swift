import Glibc

/// Searches in octets, as fast as the machine's memchr.
enum Lines {
    static func index(of octet: UInt8, in octets: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < octets.count, let origin = octets.baseAddress else { return nil }
        guard let found = memchr(origin + start, CInt(octet), octets.count - start) else { return nil }
        return UnsafeRawPointer(found) - origin
    }

    /// After the next line feed, or the end.
    static func end(_ octets: UnsafeRawBufferPointer, from start: Int) -> Int {
        index(of: 0x0A, in: octets, from: start).map { $0 + 1 } ?? octets.count
    }

    /// Line feeds.
    static func count(_ octets: UnsafeRawBufferPointer) -> Int {
        var count = 0
        var start = 0
        while let found = index(of: 0x0A, in: octets, from: start) {
            count += 1
            start = found + 1
        }
        return count
    }

    static func isEqual(_ a: UnsafeRawBufferPointer, _ b: StaticString) -> Bool {
        guard a.count == b.utf8CodeUnitCount, let start = a.baseAddress else { return false }
        return memcmp(start, b.utf8Start, a.count) == 0
    }

    static func isEqual(_ a: UnsafeRawBufferPointer, _ b: [UInt8]) -> Bool {
        guard a.count == b.count, let start = a.baseAddress else { return a.isEmpty && b.isEmpty }
        return b.withUnsafeBytes { other in other.baseAddress.map { memcmp(start, $0, a.count) == 0 } ?? false }
    }
}
