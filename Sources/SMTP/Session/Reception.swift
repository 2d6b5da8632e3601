import NIOCore
import PostOffice

/// A message's text on its way in.
struct Reception: Sendable {
    enum Source: Sendable {
        case data
        /// BDAT; so many octets of the current chunk are still to come.
        case chunk(remaining: Int, octets: Int, isLast: Bool)
    }

    let transaction: Transaction
    var source: Source
    /// Set once a piece was handed on.
    var incoming: Intake.Incoming?
    /// What was read and not handed on.
    private(set) var text = ByteBuffer()
    /// Octets of text so far.
    private(set) var octets = 0
    /// Why it will not be taken; the rest is read and forgotten.
    private(set) var failure: Reply?
    private(set) var forgotten = 0
    private var decoder: TextDecoder

    init(_ transaction: Transaction, source: Source) {
        self.transaction = transaction
        self.source = source
        if case .data = source { decoder = TextDecoder(isDotStuffed: true) } else { decoder = TextDecoder(isDotStuffed: false) }
    }

    /// Reads from the front of `input`; true at the end of DATA or of the chunk.
    mutating func take(_ input: inout ByteBuffer, limit: Int) -> Bool {
        let before = text.readableBytes
        let available: Int
        switch source {
        case .data: available = input.readableBytes
        case .chunk(let remaining, _, _): available = min(remaining, input.readableBytes)
        }
        var (used, isEnd) = (0, false)
        if available > 0 {
            if failure == nil { text.reserveCapacity(before + available) }
            (used, isEnd) = input.withUnsafeReadableBytes { octets in
                decoder.decode(UnsafeRawBufferPointer(rebasing: octets[..<available]), into: &text, keep: failure == nil)
            }
            input.moveReaderIndex(forwardBy: used)
        }
        if case .chunk(let remaining, let size, let isLast) = source {
            source = .chunk(remaining: remaining - used, octets: size, isLast: isLast)
            isEnd = remaining == used
            if isEnd, isLast { decoder.finish() }
        }
        octets += text.readableBytes - before
        if failure != nil { forgotten += used }
        if decoder.isMalformed { fail(.malformedText) }
        if octets > limit { fail(.tooLarge) }
        return isEnd
    }

    /// The first failure counts. What was handed on is let go of.
    mutating func fail(_ reply: Reply) {
        guard failure == nil else { return }
        failure = reply
        text = ByteBuffer()
        incoming = nil
    }

    /// What was read and not handed on, once.
    mutating func takeText() -> ByteBuffer {
        defer { text = ByteBuffer() }
        return text
    }
}
