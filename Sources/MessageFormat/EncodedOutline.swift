package import NIOCore

/// An outline as `MessageOutline.encode()` writes it, to be read in place: lists show thousands of them, and values would cost dozens of small
/// arrays each. Many may share one array.
package struct EncodedOutline: Sendable, Equatable {
    package let octets: ArraySlice<UInt8>
    /// Octets of a head that stands before the text whose parts are told: so far behind what is told do they lie.
    package let shift: Int

    /// Octets that `encode()` or `append` wrote; anything else is noticed when it is read.
    package init(_ octets: ArraySlice<UInt8>, shift: Int = 0) {
        self.octets = octets
        self.shift = shift
    }

    package init(_ outline: MessageOutline) {
        octets = Array(buffer: outline.encode())[...]
        shift = 0
    }

    /// Of the message that those are together.
    package init(_ outline: MessageOutline, behind head: MessageHead) throws(OutlineCorrupt) {
        var octets: [UInt8] = []
        let fault = outline.encode().withUnsafeReadableBytes { outline -> OutlineCorrupt? in
            head.octets.withUnsafeBytes { head -> OutlineCorrupt? in
                do throws(OutlineCorrupt) {
                    try EncodedOutline.append(outline, behind: head, to: &octets)
                    return nil
                } catch {
                    return error
                }
            }
        }
        if let fault { throw fault }
        self.octets = octets[...]
        shift = head.octets.count
    }

    /// Appends the outline of a message that is `head` and the text that `outline` is of: to be read with a `shift` of the head's octets. What a list shows
    /// of the top is written so that nothing has to be put together when it is shown; where parts lie is told when it is asked for.
    package static func append(
        _ outline: UnsafeRawBufferPointer, behind head: UnsafeRawBufferPointer, to out: inout [UInt8]
    ) throws(OutlineCorrupt) {
        var reader = OutlineReader(outline)
        let text = try reader.head()
        guard max(text.size, text.headerSize, text.lineCount) <= Int.max - head.count else { throw reader.corrupt }
        out.reserveCapacity(out.count + outline.count + head.count + 16)
        out.append(compact: text.size + head.count)
        out.append(compact: text.headerSize + head.count)
        out.append(compact: text.lineCount + Lines.count(head))
        out.append(text.header == nil ? 0 : 1)
        if let header = text.header {
            out.append(compact: head.count + header.count)
            out.append(contentsOf: head)
            out.append(contentsOf: header)
        }
        out.append(contentsOf: outline[reader.offset...])
    }

    package func decoded() throws(OutlineCorrupt) -> MessageOutline {
        // Closures of the library do not hand on what they throw as its own type.
        let result = octets.withUnsafeBytes { octets -> Result<MessageOutline, OutlineCorrupt> in
            Result { () throws(OutlineCorrupt) in try MessageOutline(decoding: octets, shift: shift) }
        }
        return try result.get()
    }

    /// `body` reads from the start of the outline; neither the reader nor what it gives may outlive the call. Without a value of its own: what is
    /// generic is not specialised across modules, and this is called for each message of a list.
    package func read(_ body: (inout OutlineReader) throws(OutlineCorrupt) -> Void) throws(OutlineCorrupt) {
        let corrupt = octets.withUnsafeBytes { octets -> OutlineCorrupt? in
            var reader = OutlineReader(octets, shift: shift)
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

extension [UInt8] {
    /// As `OutlineWriter` writes a number.
    fileprivate mutating func append(compact number: Int) {
        var rest = UInt64(number)
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }
}
