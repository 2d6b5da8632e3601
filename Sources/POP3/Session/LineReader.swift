import NIOCore

/// Finds the lines in what a client sends. What comes out does not depend on how it was cut.
struct LineReader: Sendable {
    enum Line: Sendable {
        /// Without its CRLF.
        case line(ByteBuffer)
        /// A bare LF ended it.
        case malformed
        case tooLong
        /// So long that its end is not worth waiting for.
        case endless
    }

    /// Octets of the line in the input that were searched for its end.
    private var searched = 0
    /// Octets that were dropped of a line that is too long.
    private var dropped = 0

    /// Nil when more must come.
    mutating func next(_ input: inout ByteBuffer, _ isInExchange: Bool) -> Line? {
        let view = input.readableBytesView
        guard let feed = view.dropFirst(searched).firstIndex(of: UInt8(ascii: "\n")) else {
            searched = view.count
            guard dropped > 0 || view.count > LineReader.limit(view, isInExchange) else { return nil }
            dropped += view.count
            searched = 0
            input.moveReaderIndex(forwardBy: view.count)
            guard dropped > POP3Settings.longestLine else { return nil }
            dropped = 0
            return .endless
        }
        let length = feed - view.startIndex
        let total = dropped + length + 1
        let limit = dropped > 0 ? 0 : LineReader.limit(view, isInExchange)
        searched = 0
        dropped = 0
        guard let text = input.readSlice(length: length), input.readInteger(as: UInt8.self) != nil else { return nil }
        if total > POP3Settings.longestLine { return .endless }
        if total > limit { return .tooLong }
        guard text.readableBytesView.last == UInt8(ascii: "\r"),
            let line = text.getSlice(at: text.readerIndex, length: length - 1)
        else { return .malformed }
        return .line(line)
    }

    private static func limit(_ view: ByteBufferView, _ isInExchange: Bool) -> Int {
        guard !isInExchange else { return POP3Settings.authLine }
        let isAuth = view.count >= 5 && zip(view, "auth ".utf8).allSatisfy { $0 | 0x20 == $1 }
        return isAuth ? POP3Settings.authLine : POP3Settings.commandLine
    }
}
