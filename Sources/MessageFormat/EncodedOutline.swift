package import NIOCore

/// An outline as `MessageOutline.encode()` writes it, to be read in place: lists show thousands of them, and values would cost dozens of small
/// arrays each. Many may share one array.
package struct EncodedOutline: Sendable, Equatable {
    package let octets: ArraySlice<UInt8>

    /// Octets that `encode()` wrote; anything else is noticed when it is read.
    package init(_ octets: ArraySlice<UInt8>) { self.octets = octets }

    package init(_ outline: MessageOutline) { octets = Array(buffer: outline.encode())[...] }

    package func decoded() throws(OutlineCorrupt) -> MessageOutline {
        // Closures of the library do not hand on what they throw as its own type.
        let result = octets.withUnsafeBytes { octets -> Result<MessageOutline, OutlineCorrupt> in
            Result { () throws(OutlineCorrupt) in try MessageOutline(decoding: octets) }
        }
        return try result.get()
    }

    /// `body` reads from the start of the outline; neither the reader nor what it gives may outlive the call. Without a value of its own: what is
    /// generic is not specialised across modules, and this is called for each message of a list.
    package func read(_ body: (inout OutlineReader) throws(OutlineCorrupt) -> Void) throws(OutlineCorrupt) {
        let corrupt = octets.withUnsafeBytes { octets -> OutlineCorrupt? in
            var reader = OutlineReader(octets)
            do throws(OutlineCorrupt) {
                try body(&reader)
                return nil
            } catch {
                return error
            }
        }
        if let corrupt { throw corrupt }
    }

    /// A copy of the top header; nil when the outline does not hold it.
    package func header() throws(OutlineCorrupt) -> ByteBuffer? {
        var header: ByteBuffer?
        try read { (reader) throws(OutlineCorrupt) in header = try reader.head().header.map { ByteBuffer(bytes: $0) } }
        return header
    }

    /// What `Date:` says, as `MessageOutline.sentDate`.
    package func sentDate() throws(OutlineCorrupt) -> MessageDate? {
        var date: MessageDate?
        try read { (reader) throws(OutlineCorrupt) in
            _ = try reader.head()
            _ = try reader.envelopeView()
            date = try reader.sentDate()
        }
        return date
    }
}
