import MessageFormat
import NIOCore
package import PostOffice
import Storage

/// Makes messages with octets above 127 ones without (RFC 6152 §3), as they are read: none of them is held.
///
/// A message is read once to plan (`SevenBitSurvey`), once to count, and again as it goes out.
package enum SevenBitConversion {
    /// `SMTPCarrier.Conversion`. Throws `SevenBitFault` where the message cannot be converted, and what reading it throws.
    package static func convert(_ message: OutgoingMessage) async throws -> OutgoingMessage {
        var survey = SevenBitSurvey()
        try await read(message, from: 0) { survey.consume($0) }
        let plan = try survey.finish()
        let traits = message.traits.subtracting(.eightBit)
        // It only might have had some: it goes as it is, and its signatures stay good.
        guard plan.isNeeded else { return OutgoingMessage(message, traits: traits, size: message.size, read: message.read) }
        var recoder = SevenBitRecoder(plan)
        var size = 0
        try await read(message, from: 0) { size += recoder.recode($0).readableBytes }
        size += recoder.finish().readableBytes
        let text = ConvertedText(message, plan, size: size)
        return OutgoingMessage(message, traits: traits, size: size) { try await text.octets($0) }
    }

    /// All octets in order.
    private static func read(_ message: OutgoingMessage, from start: Int, _ body: (ByteBuffer) -> Void) async throws {
        var offset = start
        while offset < message.size {
            let bytes = try await piece(of: message, at: offset)
            body(bytes)
            offset += bytes.readableBytes
        }
    }

    /// In octets: work of well under a millisecond.
    private static let piece = 32 * 1024

    fileprivate static func piece(of message: OutgoingMessage, at offset: Int) async throws -> ByteBuffer {
        let bytes = try await message.read(offset..<min(offset + piece, message.size))
        guard bytes.readableBytes > 0 else { throw Unreadable() }
        return bytes
    }

    /// The message has fewer octets than it says, or others than before; or two read it at once.
    struct Unreadable: Error {}
}

/// A message as it is after conversion, read in order. An octet before the last ones that were asked for is found from the start again.
private actor ConvertedText {
    private let message: OutgoingMessage
    private let plan: SevenBitPlan
    private let size: Int
    private var recoder: SevenBitRecoder
    /// Octets of the message that the recoder has seen.
    private var consumed = 0
    private var isFinished = false
    /// Converted and not yet behind what was asked for; its first octet is the one at `offset`.
    private var ready = ByteBuffer()
    private var offset = 0
    /// One reader at a time: a reader that waits for the message lets others in.
    private var isBusy = false

    init(_ message: OutgoingMessage, _ plan: SevenBitPlan, size: Int) {
        self.message = message
        self.plan = plan
        self.size = size
        recoder = SevenBitRecoder(plan)
    }

    func octets(_ range: Range<Int>) async throws -> ByteBuffer {
        guard !isBusy else { throw SevenBitConversion.Unreadable() }
        isBusy = true
        defer { isBusy = false }
        if range.lowerBound < offset { rewind() }
        while offset < range.lowerBound {
            if ready.readableBytes == 0 { try await convertMore() }
            let skipped = min(ready.readableBytes, range.lowerBound - offset)
            ready.moveReaderIndex(forwardBy: skipped)
            offset += skipped
        }
        while ready.readableBytes < min(range.upperBound, size) - offset { try await convertMore() }
        // What is read may be asked for again, from its start: it stays until something behind it is.
        return ready.getSlice(at: ready.readerIndex, length: min(range.count, ready.readableBytes)) ?? ByteBuffer()
    }

    private func rewind() {
        recoder = SevenBitRecoder(plan)
        (consumed, isFinished, offset) = (0, false, 0)
        ready = ByteBuffer()
    }

    private func convertMore() async throws {
        guard !isFinished else { throw SevenBitConversion.Unreadable() }
        var output: ByteBuffer
        if consumed < message.size {
            let bytes = try await SevenBitConversion.piece(of: message, at: consumed)
            consumed += bytes.readableBytes
            output = recoder.recode(bytes)
        } else {
            isFinished = true
            output = recoder.finish()
        }
        ready.discardReadBytes()
        ready.writeBuffer(&output)
    }
}
