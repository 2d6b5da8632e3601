import MessageFormat
import NIOCore

// The first words of a command.
extension CommandReader {
    struct HeadFault: Error {
        let tag: Tag?
        let error: SyntaxError
    }

    //     command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF   ; RFC 9051 §9
    //     uid     = "UID" SP (copy / move / fetch / search / store / uid-expunge)
    static func head(of line: ByteBuffer) -> Result<Head, HeadFault> {
        var scanner = ByteScanner(line)
        guard let tag = Tag(string(scanner.take(while: .tag), longest: Tag.longest)),
            scanner.isAtEnd || scanner.peek() == 0x20
        else {
            return .failure(HeadFault(tag: nil, error: SyntaxError("A command begins with a tag")))
        }
        guard scanner.take(0x20) else { return .failure(HeadFault(tag: tag, error: SyntaxError("Command missing"))) }
        var name = word(&scanner)
        if name == "UID", scanner.take(0x20) { name += " " + word(&scanner) }
        guard let verb = Verb(name), scanner.isAtEnd || scanner.peek() == 0x20 else {
            return .failure(HeadFault(tag: tag, error: SyntaxError("Unknown command")))
        }
        return .success(Head(tag: tag, verb: verb, end: scanner.position))
    }

    /// The tag of a line of which no more is known.
    static func tag(of line: ByteBuffer) -> Tag? {
        var scanner = ByteScanner(line)
        let word = scanner.take(while: .tag)
        guard scanner.peek() == 0x20 else { return nil }
        return Tag(string(word, longest: Tag.longest))
    }

    static let longestVerb = 16

    /// In capitals.
    private static func word(_ scanner: inout ByteScanner) -> String {
        string(scanner.take(while: .letters), longest: longestVerb).uppercased()
    }

    /// "" when it is longer.
    private static func string(_ bytes: ByteBuffer, longest: Int) -> String {
        bytes.readableBytes <= longest ? String(buffer: bytes) : ""
    }
}
