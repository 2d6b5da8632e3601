import Glibc
package import NIOCore

/// A message on its way into a response of several lines (RFC 1939 §3): each line that begins with "." gets one more, and a line of "."
/// ends it. Pieces of any size come out as the whole would.
///
/// A bare LF becomes CRLF, so that no client, wherever it sees lines end, takes a line of the message for the end.
package struct DotStuffer: Sendable {
    /// The octet before, as if a line had just ended.
    private var previous = UInt8(ascii: "\n")

    package init() {}

    package mutating func write(_ bytes: ByteBuffer, to output: inout ByteBuffer) {
        bytes.withUnsafeReadableBytes { octets in
            guard let last = octets.last else { return }
            // Octets that are passed on together begin here.
            var start = 0
            if previous == UInt8(ascii: "\n"), octets[0] == UInt8(ascii: ".") { output.writeInteger(UInt8(ascii: ".")) }
            var from = 0
            while let feed = DotStuffer.feed(in: octets, from: from) {
                let before = feed > 0 ? octets[feed - 1] : previous
                if before != UInt8(ascii: "\r") {
                    output.writeBytes(UnsafeRawBufferPointer(rebasing: octets[start..<feed]))
                    output.writeInteger(UInt8(ascii: "\r"))
                    start = feed
                }
                from = feed + 1
                if from < octets.count, octets[from] == UInt8(ascii: ".") {
                    output.writeBytes(UnsafeRawBufferPointer(rebasing: octets[start..<from]))
                    output.writeInteger(UInt8(ascii: "."))
                    start = from
                }
            }
            output.writeBytes(UnsafeRawBufferPointer(rebasing: octets[start...]))
            previous = last
        }
    }

    /// The last line ends, and so does the response.
    package mutating func finish(_ output: inout ByteBuffer) {
        if previous != UInt8(ascii: "\n") { output.writeStaticString("\r\n") }
        output.writeLastLine()
    }

    /// Where the next LF is.
    static func feed(in octets: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < octets.count, let base = octets.baseAddress,
            let found = memchr(base + start, 0x0A, octets.count - start)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }
}

extension ByteBuffer {
    /// The answer to RETR (RFC 1939 §5).
    mutating func writeMessage(_ message: ByteBuffer) {
        var stuffer = DotStuffer()
        Reply.ok("\(message.readableBytes) octets").write(to: &self)
        stuffer.write(message, to: &self)
        stuffer.finish(&self)
    }
}

/// What TOP shows of a message: its header, the empty line, and so many lines of its body (RFC 1939 §7).
package struct TopLines: Sendable {
    /// Lines of the body that are still to come.
    private var lines: Int
    private var isInHeader = true
    /// Of the line so far.
    private var line = Beginning.empty
    package private(set) var isComplete = false

    package init(lines: Int) { self.lines = lines }

    /// As much of the next piece as belongs.
    package mutating func take(_ bytes: ByteBuffer) -> ByteBuffer {
        let count = bytes.withUnsafeReadableBytes { octets in
            var start = 0
            while !isComplete {
                guard let feed = DotStuffer.feed(in: octets, from: start) else {
                    see(octets[start...])
                    return octets.count
                }
                see(octets[start..<feed])
                endLine()
                start = feed + 1
            }
            return start
        }
        return bytes.getSlice(at: bytes.readerIndex, length: count) ?? ByteBuffer()
    }

    private enum Beginning { case empty, carriageReturn, text }

    private mutating func see(_ octets: Slice<UnsafeRawBufferPointer>) {
        guard let first = octets.first else { return }
        line = line == .empty && octets.count == 1 && first == UInt8(ascii: "\r") ? .carriageReturn : .text
    }

    private mutating func endLine() {
        if isInHeader { isInHeader = line == .text } else { lines -= 1 }
        isComplete = !isInHeader && lines <= 0
        line = .empty
    }
}
