package import NIOCore

/// Reads replies (RFC 5321 §4.2) from a server that may send anything: what is held is bounded, and what is no reply ends it for good.
///
/// Taken beyond the RFC: lines of up to 8 KiB, a bare LF as the end of a line, a code without a text, any second digit.
package struct ReplyReader: Sendable {
    /// After one, nothing is read any more.
    package enum Fault: Error, Hashable, Sendable {
        /// More than the limits allow.
        case tooLong
        /// A line without a code of 200...599.
        case noReply
        /// The lines of one reply have different codes (RFC 5321 §4.2.1).
        case mixedCodes
    }

    /// Octets of a line with its end; RFC 5321 §4.5.3.1.5 says 512.
    package static let longestLine = 8 * 1024
    /// Of one reply.
    package static let mostLines = 1_000
    /// Of one reply, in octets.
    package static let mostOctets = 64 * 1024

    private var input = ByteBuffer()
    /// Octets of `input` that hold no LF.
    private var searched = 0
    private var code: Int?
    private var lines: [String] = []
    /// Of the lines.
    private var octets = 0
    private var fault: Fault?

    package init() {}

    /// Something lies here that no reply was made of.
    package var isAhead: Bool { input.readableBytes > 0 || !lines.isEmpty }

    package mutating func feed(_ bytes: ByteBuffer) {
        guard fault == nil else { return }
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.discardReadBytes()
            input.writeImmutableBuffer(bytes)
        }
    }

    /// Nil: more octets are needed. `next` is called until it answers nil before more is fed.
    package mutating func next() throws(Fault) -> ServerReply? {
        if let fault { throw fault }
        do throws(Fault) { return try read() } catch {
            self = ReplyReader()
            fault = error
            throw error
        }
    }

    private mutating func read() throws(Fault) -> ServerReply? {
        while let line = try line() {
            // Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF                             (RFC 5321 §4.2)
            guard let (code, isLast) = ReplyReader.code(of: line) else { throw .noReply }
            guard self.code == nil || self.code == code else { throw .mixedCodes }
            guard lines.count < ReplyReader.mostLines else { throw .tooLong }
            self.code = code
            lines.append(String(decoding: line.dropFirst(4), as: UTF8.self))
            guard isLast else { continue }
            defer {
                lines = []
                octets = 0
                self.code = nil
            }
            return ServerReply(code: code, lines: lines)
        }
        return nil
    }

    /// Without its end.
    private mutating func line() throws(Fault) -> ByteBufferView? {
        let view = input.readableBytesView
        let feed = view.dropFirst(searched).firstIndex(of: 0x0A)
        let length = feed.map { $0 - view.startIndex + 1 } ?? view.count
        // One that is still without its end has at least one octet to come.
        let least = feed == nil ? length + 1 : length
        guard least <= ReplyReader.longestLine, octets + least <= ReplyReader.mostOctets else { throw .tooLong }
        guard feed != nil, let line = input.readSlice(length: length) else {
            searched = length
            return nil
        }
        searched = 0
        octets += length
        if input.readableBytes == 0 { input = ByteBuffer() }
        let text = line.readableBytesView.dropLast()
        return text.last == 0x0D ? text.dropLast() : text
    }

    // Reply-code = %x32-35 %x30-35 %x30-39
    private static func code(of line: ByteBufferView) -> (code: Int, isLast: Bool)? {
        var code = 0
        for octet in line.prefix(3) {
            guard (0x30...0x39).contains(octet) else { return nil }
            code = code * 10 + Int(octet - 0x30)
        }
        guard line.count >= 3, (200...599).contains(code) else { return nil }
        switch line.dropFirst(3).first {
        case nil, UInt8(ascii: " "): return (code, true)
        case UInt8(ascii: "-"): return (code, false)
        default: return nil
        }
    }
}
