import MailModel
import NIOCore
import Testing

@testable import IMAP

/// The events of a text, read in pieces of `size` octets; nil: whole. Neighbouring `appendBytes` are put together.
func events(
    _ text: String, by size: Int? = nil, limits: CommandReader.Limits = .generous,
    prepare: (inout CommandReader) -> Void = { _ in },
    react: (CommandEvent, inout CommandReader) -> Void = { _, _ in }
) -> [CommandEvent] {
    events(Array(text.utf8), by: size, limits: limits, prepare: prepare, react: react)
}

func events(
    _ octets: [UInt8], by size: Int? = nil, limits: CommandReader.Limits = .generous,
    prepare: (inout CommandReader) -> Void = { _ in },
    react: (CommandEvent, inout CommandReader) -> Void = { _, _ in }
) -> [CommandEvent] {
    var reader = CommandReader(limits: limits)
    prepare(&reader)
    var found: [CommandEvent] = []
    for start in stride(from: 0, to: octets.count, by: size ?? max(octets.count, 1)) {
        var input = ByteBuffer(bytes: octets[start..<min(start + (size ?? octets.count), octets.count)])
        while let event = reader.next(&input) {
            react(event, &reader)
            if case .appendBytes(let more) = event, case .appendBytes(var before) = found.last {
                before.writeImmutableBuffer(more)
                found[found.count - 1] = .appendBytes(before)
            } else {
                found.append(event)
            }
        }
        #expect(input.readableBytes == 0)
    }
    return found
}

/// The events of a text, the same whole, octet by octet and in threes.
func allEvents(
    _ text: String, limits: CommandReader.Limits = .generous, prepare: (inout CommandReader) -> Void = { _ in },
    react: (CommandEvent, inout CommandReader) -> Void = { _, _ in }
) -> [CommandEvent] {
    let whole = events(text, limits: limits, prepare: prepare, react: react)
    for size in [1, 3] {
        #expect(events(text, by: size, limits: limits, prepare: prepare, react: react) == whole, "\(text)")
    }
    return whole
}

/// The one command that a line is, read in every way.
func command(_ line: String, _ mode: TextMode = .ascii) throws -> Command {
    let found = allEvents("t " + line + "\r\n", prepare: { $0.textMode = mode }).filter {
        if case .literalRequest = $0 { false } else { true }
    }
    try #require(found.count == 1, "\(found)")
    switch found[0] {
    case .command(let line): return try line.parse()
    case .syntaxError(_, let error): throw error
    default:
        Issue.record("\(found[0])")
        throw SyntaxError("unexpected event")
    }
}

func tag(_ text: String) -> IMAP.Tag {
    guard let tag = IMAP.Tag(text) else { fatalError("no tag: \(text)") }
    return tag
}

func mod(_ value: UInt64) -> ModSeq { ModSeq(rawValue: value) ?? .zero }

func validity(_ value: UInt32) -> UIDValidity {
    guard let validity = UIDValidity(rawValue: value) else { fatalError("no UIDVALIDITY: 0") }
    return validity
}

extension CommandReader.Limits {
    static let generous = CommandReader.Limits(line: 65_536, command: 1_000_000, message: 1_000_000)
}

extension SequenceSet {
    /// Pairs of ends; 0 is `*`.
    static func spans(_ pairs: (UInt32, UInt32)...) -> SequenceSet {
        .ranges(pairs.map { Span(first: $0.0, second: $0.1) })
    }
}

/// What a closure writes.
func written(_ write: (inout ByteBuffer) -> Void) -> String {
    var buffer = ByteBuffer()
    write(&buffer)
    return String(buffer: buffer)
}
