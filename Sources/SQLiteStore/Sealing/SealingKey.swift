import CSealing
import Crypto
import Storage

/// A key of AES-256-GCM that is set up for many seals. Several threads may use it at a time.
///
/// `@unchecked Sendable`: what `key` points at is never changed.
final class SealingKey: @unchecked Sendable {
    private let key: OpaquePointer

    static let tag = Int(CSEALING_TAG)

    /// `key`: 256 bits.
    init(_ key: SymmetricKey) throws {
        let made = key.withUnsafeBytes { octets in
            octets.count == Int(CSEALING_KEY) ? octets.baseAddress.flatMap { csealing_key_new($0.assumingMemoryBound(to: UInt8.self)) } : nil
        }
        guard let made else { throw StorageFault.unavailable("no key to seal with") }
        self.key = made
    }

    deinit { csealing_key_free(key) }

    /// Writes the ciphertext of `plain`, and a tag of it and of what is authenticated. `nonce`: 12 octets that the key has not been used with.
    /// `sealed`: as large as `plain`, which it may be itself. `tag`: 16 octets.
    func seal(
        _ plain: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer, authenticating octets: UnsafeRawBufferPointer,
        into sealed: UnsafeMutableRawBufferPointer,
        tag: UnsafeMutableRawBufferPointer
    ) throws {
        guard nonce.count == Int(CSEALING_NONCE), sealed.count >= plain.count, tag.count >= SealingKey.tag, let nonce = nonce.baseAddress,
            let tag = tag.baseAddress,
            csealing_seal(
                key, nonce.assumingMemoryBound(to: UInt8.self), plain.baseAddress, plain.count, octets.baseAddress, octets.count, sealed.baseAddress,
                tag.assumingMemoryBound(to: UInt8.self)) == 0
        else { throw StorageFault.unavailable("nothing was sealed") }
    }

    /// Writes what was sealed. False: tag, ciphertext or what is authenticated are not what they were, and nothing is to be taken from `plain`, which is
    /// as large as `sealed`.
    func open(
        _ sealed: UnsafeRawBufferPointer, tag: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer, authenticating octets: UnsafeRawBufferPointer,
        into plain: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard nonce.count == Int(CSEALING_NONCE), plain.count >= sealed.count, tag.count == SealingKey.tag, let nonce = nonce.baseAddress,
            let tag = tag.baseAddress
        else { return false }
        return csealing_open(
            key, nonce.assumingMemoryBound(to: UInt8.self), sealed.baseAddress, sealed.count, tag.assumingMemoryBound(to: UInt8.self), octets.baseAddress,
            octets.count, plain.baseAddress) == 0
    }

    /// The tag of octets that are only authenticated (GMAC).
    func authenticate(_ octets: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer, into tag: UnsafeMutableRawBufferPointer) throws {
        let nothing = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        try seal(UnsafeRawBufferPointer(nothing), nonce: nonce, authenticating: octets, into: nothing, tag: tag)
    }
}
