import MailModel
import NIOCore

@testable import IMAP

/// Reads the bytes as a client's, whole and cut in two ways, and traps when the ways disagree. The first octet chooses
/// the mode.
package func fuzzIMAPGrammar(_ bytes: UnsafeRawBufferPointer) {
    guard let choice = bytes.first else { return }
    let rest = bytes.dropFirst()
    let whole = FuzzRun(choice, [ByteBuffer(bytes: rest)])
    let single = FuzzRun(choice, rest.map { ByteBuffer(bytes: CollectionOfOne($0)) })
    precondition(whole.seen == single.seen, "events depend on how the bytes are cut")
    var pieces: [ByteBuffer] = []
    var index = rest.startIndex
    var step = Int(choice % 13) + 1
    while index < rest.endIndex {
        let end = min(index + step, rest.endIndex)
        pieces.append(ByteBuffer(bytes: rest[index..<end]))
        index = end
        step = step % 37 + 5
    }
    precondition(whole.seen == FuzzRun(choice, pieces).seen, "events depend on how the bytes are cut")
}

/// One reading of the bytes, and of every command in them.
private struct FuzzRun {
    /// An event, with what its command parses to.
    struct Seen: Hashable {
        let event: CommandEvent
        let command: Command?
    }

    private(set) var seen: [Seen] = []
    private var reader: CommandReader

    init(_ choice: UInt8, _ pieces: [ByteBuffer]) {
        reader = CommandReader(limits: CommandReader.Limits(line: 200, command: 400, message: 50))
        reader.textMode = choice & 1 == 0 ? .ascii : .utf8
        reader.acceptsBinary = choice & 2 == 0
        reader.acceptsMultipleAppend = choice & 4 == 0
        for piece in pieces {
            var input = piece
            while let event = reader.next(&input) { take(event) }
            precondition(input.readableBytes == 0, "the reader left input behind")
            precondition(reader.gathered.readableBytes <= 601, "the reader holds more than its limits")
        }
    }

    private mutating func take(_ event: CommandEvent) {
        switch event {
        case .command(let line):
            if line.verb == .idle || line.verb == .authenticate { reader.expectLine(limit: 20) }
            let command = try? line.parse()
            if let command { exercise(command, line.textMode) }
            seen.append(Seen(event: event, command: command))
        case .appendBytes(let more):
            if case .appendBytes(var before) = seen.last?.event {
                before.writeImmutableBuffer(more)
                seen[seen.count - 1] = Seen(event: .appendBytes(before), command: nil)
            } else {
                seen.append(Seen(event: event, command: nil))
            }
        case .literalRequest(_, _, let octets):
            refuse(octets)
            seen.append(Seen(event: event, command: nil))
        case .appendBegin(_, _, let message), .appendNext(_, let message):
            refuse(message.octets)
            seen.append(Seen(event: event, command: nil))
        case .appendText(_, let text):
            refuse(text.octets)
            seen.append(Seen(event: event, command: nil))
        case .appendURL(_, let text):
            _ = IMAPURL(text)
            seen.append(Seen(event: event, command: nil))
        default:
            seen.append(Seen(event: event, command: nil))
        }
    }

    private mutating func refuse(_ octets: Int) {
        if octets % 5 == 3 { reader.refuseLiteral() }
    }

    // What is parsed is also used and written.
    private func exercise(_ command: Command, _ mode: TextMode) {
        var output = ByteBuffer()
        switch command.arguments {
        case let arguments as ListArguments:
            for pattern in arguments.patterns {
                _ = MailboxPattern(reference: arguments.reference, pattern).matches(.inbox)
            }
        case let arguments as SelectArguments: output.writeMailbox(text: arguments.mailbox.text, mode)
        case let arguments as SearchArguments:
            if case .uid(let set) = arguments.key { _ = set.resolved(last: 7) }
        case let arguments as FetchArguments:
            output.writeText(about: 0) { text in
                var response = FetchResponse(1, &text)
                for item in arguments.items { response.none(named: FetchResponse.name(of: item), &text) }
                response.end(&text)
            }
        case let arguments as IDArguments: output.writeID(arguments.fields, mode)
        default: break
        }
    }
}
