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

    /// `body` reads from the start of the outline; neither the reader nor what it gives may outlive the call.
    package func read<Value>(_ body: (inout OutlineReader) throws(OutlineCorrupt) -> Value) throws(OutlineCorrupt) -> Value {
        let result = octets.withUnsafeBytes { octets -> Result<Value, OutlineCorrupt> in
            var reader = OutlineReader(octets)
            return Result { () throws(OutlineCorrupt) in try body(&reader) }
        }
        return try result.get()
    }

    /// The top header; nil when the outline does not hold it. `body` as for `read`.
    package func withHeader<Value>(_ body: (OutlineHead) -> Value) throws(OutlineCorrupt) -> Value {
        try read { (reader) throws(OutlineCorrupt) in body(try reader.head()) }
    }

    /// What `Date:` says, as `MessageOutline.sentDate`.
    package func sentDate() throws(OutlineCorrupt) -> MessageDate? {
        try read { (reader) throws(OutlineCorrupt) in
            _ = try reader.head()
            _ = try reader.envelopeView()
            return try reader.sentDate()
        }
    }
}
