package import NIOCore

/// Compressed octets, as reports come and go (RFC 1951, RFC 1952). What it is asked for it does at once: whoever has much of it asks on a thread that may burn.
package protocol Compressor: Sendable {
    /// As gzip, without a name and a time: the same octets give the same. Throws `CompressedFault.unavailable`.
    func gzip(_ octets: ByteBuffer) throws(CompressedFault) -> ByteBuffer

    /// What it holds: of a gzip all its members (RFC 1952 §2.2), of a raw stream the first. What else stands behind its end is not looked at. Never makes more than `most` octets and a little.
    func expand(_ octets: ByteBuffer, _ form: CompressedForm, most: Int) throws(CompressedFault) -> ByteBuffer
}

package enum CompressedForm: Hashable, Sendable, CaseIterable {
    /// RFC 1952.
    case gzip
    /// Without any frame (RFC 1951), as zip has it.
    case deflate
}

package enum CompressedFault: Error, Hashable, Sendable {
    /// It is no such stream, or ends too early.
    case malformed
    /// It holds more than was allowed.
    case tooLarge
    /// There is no memory.
    case unavailable
}
