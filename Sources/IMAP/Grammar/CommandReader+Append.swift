import MailModel
import MessageFormat
import NIOCore

// APPEND's messages.
extension CommandReader {
    mutating func begin(_ message: AppendMessage, of tag: Tag, _ event: (AppendMessage) -> CommandEvent) -> Progress {
        let head = Head(tag: tag, verb: .append, end: 0)
        if message.isBinary, !acceptsBinary {
            return fail(tag, SyntaxError("A literal8 cannot stand here"), LiteralMark(of: message))
        }
        guard message.octets <= limits.message else { return tooBig(message.octets, message.synchronising, head) }
        reset()
        state = .message(remaining: message.octets, tag)
        isOffered = message.synchronising
        return .event(event(message))
    }

    mutating func readMessage(_ remaining: Int, _ tag: Tag, _ input: inout ByteBuffer) -> Progress {
        guard remaining > 0 else {
            state = .line(.afterMessage(tag))
            return .again
        }
        guard input.readableBytes > 0, let octets = input.readSlice(length: min(remaining, input.readableBytes)) else {
            return .more
        }
        state = .message(remaining: remaining - octets.readableBytes, tag)
        return .event(.appendBytes(octets))
    }

    mutating func endAppendLine(_ tag: Tag, _ contentEnd: Int) -> Progress {
        guard contentEnd > 0 else {
            reset()
            return .event(.appendEnd(tag: tag))
        }
        let line = bytes(0, contentEnd)
        let mark = LiteralMark(endOf: line)
        guard let mark, acceptsMultipleAppend else {
            return fail(tag, SyntaxError("Unexpected text behind the message"), mark)
        }
        do {
            var reader = ArgumentReader(line, textMode)
            return begin(try reader.appendMessage(mark), of: tag) { .appendNext(tag: tag, message: $0) }
        } catch {
            return fail(tag, error, mark)
        }
    }
}

extension LiteralMark {
    init(of message: AppendMessage) {
        octets = message.octets
        synchronising = message.synchronising
        isBinary = message.isBinary
    }
}

/// APPEND up to its first message.
struct AppendOpening {
    let mailbox: MailboxArgument
    let message: AppendMessage

    //     append = "APPEND" SP mailbox 1*append-message     ; RFC 9051 §9, RFC 3502 §6.3.11
    /// Nil when the literal that `mark` announces is the mailbox's name.
    init?(_ arguments: ByteBuffer, _ mark: LiteralMark, _ textMode: TextMode) throws(SyntaxError) {
        var reader = ArgumentReader(arguments, textMode)
        try reader.space()
        guard !reader.isAtAnnouncement else { return nil }
        mailbox = try reader.mailbox()
        message = try reader.appendMessage(mark)
    }
}

extension ArgumentReader {
    //     append-message = [SP flag-list] [SP date-time] SP append-data
    //     append-data    = literal / literal8
    mutating func appendMessage(_ mark: LiteralMark) throws(SyntaxError) -> AppendMessage {
        try space()
        var message = AppendMessage(octets: mark.octets, synchronising: mark.synchronising, isBinary: mark.isBinary)
        if peek() == UInt8(ascii: "(") {
            message.flags = try flagList(ignoringUnknown: true)
            try space()
        }
        if peek() == UInt8(ascii: "\"") {
            message.date = try dateTime()
            try space()
        }
        guard isAtAnnouncement else { throw SyntaxError("A flag list, a date or the message expected") }
        return message
    }
}
