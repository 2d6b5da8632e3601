import Crypto

/// HMAC-SHA-256 (RFC 2104) under one key, whose two padded blocks are hashed once and not for every text.
struct KeyedHash: Sendable {
    private let inner: SHA256
    private let outer: SHA256

    /// A block of SHA-256, in octets; the key is shorter.
    private static let block = 64

    init(_ key: SymmetricKey) {
        func begin(_ pad: UInt8) -> SHA256 {
            var block = [UInt8](repeating: pad, count: KeyedHash.block)
            key.withUnsafeBytes { for (index, octet) in $0.prefix(KeyedHash.block).enumerated() { block[index] ^= octet } }
            var hash = SHA256()
            block.withUnsafeBytes { hash.update(bufferPointer: $0) }
            return hash
        }
        inner = begin(0x36)
        outer = begin(0x5C)
    }

    /// The first 64 bits of the code.
    func callAsFunction(_ text: String) -> Int64 {
        var text = text
        var inner = inner
        text.withUTF8 { inner.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        var outer = outer
        inner.finalize().withUnsafeBytes { outer.update(bufferPointer: $0) }
        return outer.finalize().withUnsafeBytes { Int64(bitPattern: $0.loadUnaligned(as: UInt64.self)) }
    }
}
