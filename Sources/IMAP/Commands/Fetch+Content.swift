import MailModel
import MessageFormat
import NIOCore
import Storage

// The items of FETCH that are octets of the message (RFC 9051 §6.4.5.1; RFC 3516).
extension CommandExecution {
    /// Octets that are read and sent at a time.
    private static let piece = 256 << 10
    /// Up to here a content is held whole.
    private static let held = 1 << 20

    /// The message's outline is decoded, if the content needs it.
    mutating func writeContent(_ step: ContentStep, _ message: FetchedMessage, _ response: inout FetchResponse) async throws {
        let row = message.row
        switch try await content(of: step.source, message) {
        case .missing:
            output.write(&response) { $0.none(named: step.name, &$1) }
        case .bytes(let bytes):
            writeHeld(bytes, step.window(of: bytes.readableBytes), step, &response)
        case .octets(let range):
            let window = step.window(of: range.count)
            try await writeOctets(range.lowerBound + window.lowerBound..<range.lowerBound + window.upperBound, row, step, &response)
        case .decoded(let range, let encoding):
            try await writeDecoded(range, encoding, row, step, &response)
        }
    }

    /// What a section is made of.
    private enum Content {
        /// There is no such part.
        case missing
        case bytes(ByteBuffer)
        /// Of the message as it is.
        case octets(Range<Int>)
        /// Of a part, its transfer encoding taken off.
        case decoded(Range<Int>, encoding: String)
    }

    private func content(of source: ContentStep.Source, _ message: FetchedMessage) async throws -> Content {
        let row = message.row
        switch source {
        case .message(.whole): return .octets(0..<Int(row.size))
        case .message(let section):
            let outline = try message.knownValues()
            let headerEnd = min(outline.headerSize, outline.size)
            return try await content(section, 0..<headerEnd, headerEnd..<outline.size, row, outline.header)
        case .part(let path, let section):
            guard let part = try message.knownValues().part(at: path) else { return .missing }
            switch section {
            case .whole: return .octets(part.bodyRange)
            case .mime: return .octets(part.headerRange)
            case .header, .fields, .text:
                guard case .message(let embedded) = part.content else { return .missing }
                let end = max(embedded.headerRange.upperBound, part.bodyRange.upperBound)
                return try await content(section, embedded.headerRange, embedded.headerRange.upperBound..<end, row, nil)
            }
        case .decoded(let path): return try binary(path, message)
        }
    }

    private func content(
        _ section: ContentStep.Section, _ header: Range<Int>, _ text: Range<Int>, _ row: MessageRow, _ known: ByteBuffer?
    ) async throws -> Content {
        switch section {
        case .text: return .octets(text)
        case .fields(let selection):
            var selected = ByteBuffer()
            try await self.header(header, row, known).withUnsafeReadableBytes { header in
                selection.forEachRun(of: header) { selected.writeBytes($0) }
            }
            return .bytes(selected)
        case .header, .whole, .mime: return known.map { .bytes($0) } ?? .octets(header)
        }
    }

    /// What lies beyond the octets of a header that the parser looks at is no field.
    private func header(_ range: Range<Int>, _ row: MessageRow, _ known: ByteBuffer?) async throws -> ByteBuffer {
        if let known { return known }
        let most = MessageLimits.standard.headerOctets
        return try await read(range.lowerBound..<min(range.upperBound, range.lowerBound + most), row)
    }

    private func binary(_ path: [Int], _ message: FetchedMessage) throws -> Content {
        guard !path.isEmpty else { return .octets(0..<Int(message.row.size)) }
        guard let part = try message.knownValues().part(at: path) else { return .missing }
        guard case .leaf = part.content else { return .octets(part.bodyRange) }
        guard TransferDecoder.isKnown(part.encoding) else {
            throw Ending(.no("The part's transfer encoding is not known", .unknownCTE))
        }
        return .decoded(part.bodyRange, encoding: part.encoding)
    }

    func binarySize(_ path: [Int], _ message: FetchedMessage) async throws -> Int {
        switch try binary(path, message) {
        case .missing: return 0
        case .bytes(let bytes): return bytes.readableBytes
        case .octets(let range): return range.count
        case .decoded(let range, let encoding):
            var size = 0
            try await decode(range, encoding, message.row) { size += $0.readableBytes }
            return size
        }
    }

    private func read(_ range: Range<Int>, _ row: MessageRow) async throws -> ByteBuffer {
        guard let mailbox = view?.mailbox, !range.isEmpty else { return ByteBuffer() }
        if let body = readAhead[row.body], let slice = body.getSlice(at: body.readerIndex + range.lowerBound, length: range.count) {
            return slice
        }
        let bytes = try await mailroom.read(range, of: row, in: mailbox)
        guard bytes.readableBytes == range.count else {
            throw StorageFault.corrupt("body \(row.body.rawValue) has \(bytes.readableBytes) octets at \(range)")
        }
        return bytes
    }

    // MARK: Writing

    private mutating func writeHeld(
        _ bytes: ByteBuffer, _ window: Range<Int>, _ step: ContentStep, isDecoded: Bool = false, _ response: inout FetchResponse
    ) {
        let shown = bytes.getSlice(at: bytes.readerIndex + window.lowerBound, length: window.count) ?? ByteBuffer()
        // Only BINARY may answer with a literal8, the only literal that holds NUL (RFC 3516 §4.2).
        let isBinary = isDecoded && shown.readableBytesView.contains(0)
        output.write(&response) { $0.literal(named: step.name, octets: shown.readableBytes, isBinary: isBinary, &$1) }
        output.writeImmutableBuffer(shown)
    }

    /// A big content is read through once before its literal begins, so that what cannot be read is an answer and no broken literal.
    private mutating func writeOctets(
        _ range: Range<Int>, _ row: MessageRow, _ step: ContentStep, _ response: inout FetchResponse
    ) async throws {
        guard range.count > CommandExecution.held else {
            let bytes = try await read(range, row)
            output.write(&response) { $0.literal(named: step.name, octets: bytes.readableBytes, &$1) }
            try await send(bytes)
            return
        }
        for piece in CommandExecution.pieces(of: range) { _ = try await read(piece, row) }
        output.write(&response) { $0.literal(named: step.name, octets: range.count, &$1) }
        isInLiteral = true
        for piece in CommandExecution.pieces(of: range) { try await send(try await read(piece, row)) }
        isInLiteral = false
    }

    private static func pieces(of range: Range<Int>) -> some Sequence<Range<Int>> {
        stride(from: range.lowerBound, to: range.upperBound, by: piece).lazy.map { $0..<min(range.upperBound, $0 + piece) }
    }

    /// Copied behind what is gathered when it is small, else sent as it is.
    private mutating func send(_ bytes: ByteBuffer) async throws {
        guard bytes.readableBytes >= CommandExecution.flushSize / 4 else {
            output.writeImmutableBuffer(bytes)
            return
        }
        try await flush()
        sentPieces += 1
        try await link.write(bytes)
    }

    private func decode(
        _ range: Range<Int>, _ encoding: String, _ row: MessageRow, _ take: (ByteBuffer) async throws -> Void
    ) async throws {
        var decoder = TransferDecoder(encoding) ?? .identity
        for piece in CommandExecution.pieces(of: range) {
            var decoded = ByteBuffer()
            decoder.decode(try await read(piece, row), into: &decoded)
            try await take(decoded)
        }
        var rest = ByteBuffer()
        decoder.finish(into: &rest)
        try await take(rest)
    }

    private mutating func writeDecoded(
        _ range: Range<Int>, _ encoding: String, _ row: MessageRow, _ step: ContentStep, _ response: inout FetchResponse
    ) async throws {
        var size = 0
        var hasNUL = false
        var kept: ByteBuffer? = ByteBuffer()
        try await decode(range, encoding, row) { bytes in
            size += bytes.readableBytes
            hasNUL = hasNUL || bytes.readableBytesView.contains(0)
            if size <= CommandExecution.held { kept?.writeImmutableBuffer(bytes) } else { kept = nil }
        }
        let window = step.window(of: size)
        if let kept { return writeHeld(kept, window, step, isDecoded: true, &response) }
        output.write(&response) { $0.literal(named: step.name, octets: window.count, isBinary: hasNUL, &$1) }
        isInLiteral = true
        var offset = 0
        var decoder = TransferDecoder(encoding) ?? .identity
        for piece in CommandExecution.pieces(of: range) {
            var decoded = ByteBuffer()
            decoder.decode(try await read(piece, row), into: &decoded)
            try await send(decoded, at: &offset, within: window)
        }
        var rest = ByteBuffer()
        decoder.finish(into: &rest)
        try await send(rest, at: &offset, within: window)
        isInLiteral = false
    }

    private mutating func send(_ bytes: ByteBuffer, at offset: inout Int, within window: Range<Int>) async throws {
        let shown = window.clamped(to: offset..<offset + bytes.readableBytes)
        if !shown.isEmpty, let slice = bytes.getSlice(at: bytes.readerIndex + shown.lowerBound - offset, length: shown.count) {
            try await send(slice)
        }
        offset += bytes.readableBytes
    }
}
