import Glibc
import MessageFormat
import NIOCore

// Lines and the literals of arguments.
extension CommandReader {
    mutating func readLine(_ phase: Phase, _ input: inout ByteBuffer) -> Progress {
        let limit = if case .bare(let limit) = phase { limit } else { limits.line }
        let had = gathered.readableBytes - lineStart
        let end = input.octetsBeforeLF
        guard had + (end ?? input.readableBytes) <= limit else {
            return passOverLine(phase, had: had, limit: limit, &input)
        }
        gather(end ?? input.readableBytes, of: &input, sharing: end != nil)
        guard end != nil else { return .more }
        input.moveReaderIndex(forwardBy: 1)
        var contentEnd = gathered.readableBytes
        if contentEnd > lineStart,
            gathered.getInteger(at: gathered.readerIndex + contentEnd - 1, as: UInt8.self) == 0x0D
        {
            contentEnd -= 1
        }
        switch phase {
        case .command: return endCommandLine(contentEnd)
        case .append(let appending): return endAppendLine(appending, contentEnd)
        case .bare:
            let line = bytes(0, contentEnd)
            reset()
            return .event(.line(line))
        }
    }

    /// Takes octets from the input; `sharing` its storage where that spares a copy, which must not be for what waits
    /// for more.
    private mutating func gather(_ count: Int, of input: inout ByteBuffer, sharing: Bool = false) {
        guard count > 0, var slice = input.readSlice(length: count) else { return }
        if sharing, gathered.readableBytes == 0 { gathered = slice } else { gathered.writeBuffer(&slice) }
    }

    /// Octets `start..<end` of what is gathered.
    func bytes(_ start: Int, _ end: Int) -> ByteBuffer {
        gathered.getSlice(at: gathered.readerIndex + start, length: end - start) ?? ByteBuffer()
    }

    private mutating func passOverLine(_ phase: Phase, had: Int, limit: Int, _ input: inout ByteBuffer) -> Progress {
        if case .bare = phase {
            reset()
            state = .skipBare
            return .event(.lineTooLong)
        }
        // However the line was cut, its first limit + 1 octets are looked at here.
        gather(limit + 1 - had, of: &input)
        let seen = bytes(lineStart, gathered.readableBytes)
        let tag: Tag? = if case .append(let appending) = phase { appending.tag } else { head?.tag ?? CommandReader.tag(of: seen) }
        reset()
        var skipped = SkippedLine()
        skipped.append(seen.readableBytesView)
        state = .skip(skipped)
        return .event(.syntaxError(tag: tag, SyntaxError("Line too long")))
    }

    private mutating func endCommandLine(_ contentEnd: Int) -> Progress {
        let mark = LiteralMark(endOf: bytes(lineStart, contentEnd))
        let head: Head
        switch self.head.map({ .success($0) }) ?? CommandReader.head(of: bytes(0, contentEnd)) {
        case .success(let known): head = known
        case .failure(let fault): return fail(fault.tag, fault.error, mark)
        }
        guard gathered.readableBytes < limits.command else {
            return fail(head.tag, SyntaxError("Command too long"), mark)
        }
        if head.verb.addsMessage {
            self.head = head
            let appending = Appending(tag: head.tag, verb: head.verb, place: .opening)
            return appendLine(appending, bytes(head.end, contentEnd), mark)
        }
        guard let mark else {
            let line = CommandLine(
                tag: head.tag, verb: head.verb, arguments: bytes(head.end, contentEnd), textMode: textMode)
            reset()
            return .event(.command(line))
        }
        self.head = head
        return announce(mark, head)
    }

    /// An argument's literal is about to come.
    mutating func announce(_ mark: LiteralMark, _ head: Head, then phase: Phase = .command) -> Progress {
        // RFC 5464 §5: a value may be a literal8.
        guard !mark.isBinary || head.verb.allowsBinary else { return fail(head.tag, SyntaxError("A literal8 cannot stand here"), mark) }
        gathered.writeInteger(UInt8(0x0A))
        guard mark.octets <= limits.command - gathered.readableBytes else {
            return tooBig(mark.octets, mark.synchronising, head)
        }
        state = .literal(remaining: mark.octets, phase)
        guard mark.synchronising else { return .again }
        isOffered = true
        return .event(.literalRequest(tag: head.tag, verb: head.verb, octets: mark.octets))
    }

    mutating func readLiteral(_ remaining: Int, _ phase: Phase, _ input: inout ByteBuffer) -> Progress {
        let count = min(remaining, input.readableBytes)
        gather(count, of: &input)
        guard count == remaining else {
            state = .literal(remaining: remaining - count, phase)
            return .more
        }
        lineStart = gathered.readableBytes
        state = .line(phase)
        return .again
    }

    /// Reports an error; the literal that the line announced, if any, is passed over with the rest of the command.
    mutating func fail(_ tag: Tag?, _ error: SyntaxError, _ mark: LiteralMark?) -> Progress {
        reset()
        if let mark, !mark.synchronising { state = .swallow(remaining: mark.octets) }
        return .event(.syntaxError(tag: tag, error))
    }

    mutating func tooBig(_ octets: Int, _ synchronising: Bool, _ head: Head) -> Progress {
        reset()
        if !synchronising { state = .swallow(remaining: octets) }
        return .event(.tooBig(tag: head.tag, verb: head.verb, octets: octets, synchronising: synchronising))
    }
}

// What is passed over.
extension CommandReader {
    /// The end of a line that is not kept: as much as may announce a literal.
    struct SkippedLine: Hashable, Sendable {
        var tail: [UInt8] = []

        /// With room for the CR.
        static let most = LiteralMark.longest + 1

        mutating func append(_ octets: ByteBufferView) {
            // As a slice: the suffix that makes an array walks over every octet.
            tail += octets[(octets.endIndex - min(octets.count, SkippedLine.most))...]
            if tail.count > SkippedLine.most { tail.removeFirst(tail.count - SkippedLine.most) }
        }

        var mark: LiteralMark? {
            LiteralMark(endOf: ByteBuffer(bytes: tail.last == 0x0D ? tail.dropLast() : tail[...]))
        }
    }

    mutating func swallow(_ remaining: Int, _ input: inout ByteBuffer) -> Progress {
        let count = min(remaining, input.readableBytes)
        input.moveReaderIndex(forwardBy: count)
        state = count == remaining ? .skip(SkippedLine()) : .swallow(remaining: remaining - count)
        return count == remaining ? .again : .more
    }

    mutating func skip(_ line: SkippedLine, _ input: inout ByteBuffer) -> Progress {
        var line = line
        guard let end = input.octetsBeforeLF else {
            line.append(input.readableBytesView)
            input.moveReaderIndex(to: input.writerIndex)
            state = .skip(line)
            return .more
        }
        line.append(input.readableBytesView.prefix(end))
        input.moveReaderIndex(forwardBy: end + 1)
        reset()
        if let mark = line.mark, !mark.synchronising { state = .swallow(remaining: mark.octets) }
        return .again
    }

    mutating func skipBare(_ input: inout ByteBuffer) -> Progress {
        guard let end = input.octetsBeforeLF else {
            input.moveReaderIndex(to: input.writerIndex)
            return .more
        }
        input.moveReaderIndex(forwardBy: end + 1)
        reset()
        return .again
    }
}

extension ByteBuffer {
    fileprivate var octetsBeforeLF: Int? {
        withUnsafeReadableBytes { octets in
            guard let start = octets.baseAddress, let found = memchr(start, 0x0A, octets.count) else { return nil }
            return UnsafeRawPointer(found) - start
        }
    }
}
