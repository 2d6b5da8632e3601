import NIOCore
import PostOffice

/// A message's text on its way in.
struct Reception: Sendable {
    enum Source: Sendable {
        case data
        /// BDAT; so many octets of the current chunk are still to come.
        case chunk(remaining: Int, octets: Int, isLast: Bool)
    }

    let transaction: MailTransaction
    var source: Source
    /// Set once a piece was handed on.
    var incoming: Intake.Mail?
    /// What was read and not handed on.
    private(set) var text = ByteBuffer()
    private var decoder: TextDecoder
    /// Octets read from the peer, with dots and all.
    private var octetsRead = 0
    /// What became of a piece that was handed on.
    private var refusal: Reply?
    private let limit: Int

    /// - parameter limit: octets of text that are taken. Twice as many are read to find the end.
    init(_ transaction: MailTransaction, source: Source, limit: Int) {
        self.transaction = transaction
        self.source = source
        self.limit = limit
        if case .data = source { decoder = TextDecoder(isDotStuffed: true) } else { decoder = TextDecoder(isDotStuffed: false, isBinary: transaction.isBinary) }
    }

    /// Why it will not be taken; the rest is read and forgotten. It does not depend on how the octets were cut.
    var failure: Reply? {
        decoder.isMalformed ? .malformedText : decoder.count > limit ? .tooLarge : refusal
    }

    /// It holds a bare CR or a NUL, say.
    var isMalformed: Bool { decoder.isMalformed }

    /// The sender goes on for too long.
    var isOverdue: Bool { octetsRead >= patience }
    private var patience: Int { 2 * max(limit, 1_024) }

    /// Reads from the front of `input`, until there is a piece of text; true at the end of DATA or of the chunk.
    mutating func take(_ input: inout ByteBuffer, piece: Int) -> Bool {
        var available = min(input.readableBytes, max(0, piece - text.readableBytes), patience - octetsRead)
        if case .chunk(let remaining, _, _) = source { available = min(available, remaining) }
        var (used, isEnd) = (0, false)
        if available > 0 {
            let keep = failure == nil
            if keep { text.reserveCapacity(text.readableBytes + available) }
            (used, isEnd) = input.withUnsafeReadableBytes { octets in
                decoder.decode(UnsafeRawBufferPointer(rebasing: octets[..<available]), into: &text, keep: keep)
            }
            input.moveReaderIndex(forwardBy: used)
            octetsRead += used
        }
        if case .chunk(let remaining, let size, let isLast) = source {
            source = .chunk(remaining: remaining - used, octets: size, isLast: isLast)
            isEnd = remaining == used
            if isEnd, isLast { decoder.finish() }
        }
        if failure != nil { forget() }
        return isEnd
    }

    /// A piece was refused.
    mutating func refuse(_ reply: Reply) {
        refusal = reply
        forget()
    }

    private mutating func forget() {
        text = ByteBuffer()
        incoming = nil
    }

    /// What was read and not handed on, once.
    mutating func takeText() -> ByteBuffer {
        defer { text = ByteBuffer() }
        return text
    }
}
