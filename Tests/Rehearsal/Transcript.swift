import Foundation
import NIOCore

/// A written conversation from `Tests/Transcripts/PROTOCOL/NAME.txt`, to be performed against a worker.
///
///     # RFC 5321 §4.1.1.4: the authority, on top
///     #: fixture three-messages      a setting the test reads
///     S: 220 mx.example ready        the server sends exactly this line (and CRLF)
///     C: NOOP                        the client sends this line and CRLF; lines in a row are one segment (pipelined)
///     S~ 250 2.0.0 queued as *       `*` stands for any octets but CRLF
///     S*                             any lines, none too
///     S\ \xff\x00                    the server's line with escapes: \r \n \t \0 \\ \xNN
///     C\ half a li                   the client's bytes with the same escapes, and no CRLF
///     == connect [NAME] [tls] [from ADDRESS]    a (further) connection, current from here on; the first one is implied
///     == as NAME                     another connection is current again; the first one is called `1`
///     == tls                         the server must be waiting for the handshake: it takes place
///     == compressed                  the server must have begun compression; the transcript goes on in plain text
///     == close                       the server must have closed
///     == hangup, poke, poked, expire, shutdown  see `Rehearsal`
///
/// All that the server writes must be said by the `S` lines below what caused it.
package struct Transcript: Sendable, CustomStringConvertible {
    /// `imap/fetch-body`.
    package let name: String
    /// The `#:` lines.
    package let settings: [String: String]
    let turns: [Turn]

    package var description: String { name }

    /// Something the client or the world does, and what the server has to say to it.
    struct Turn: Sendable {
        let line: Int
        var action: Action
        var expected: [ExpectedLine] = []
    }

    enum Action: Equatable, Sendable {
        case connect(name: String, tls: Bool, address: String?)
        case send(ByteBuffer)
        case use(String)
        case tls, compressed, close, hangUp, poke, poked, expire, shutdown
    }

    /// A file that breaks the rules above.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    /// The transcripts of one protocol, sorted by name; empty when there is no such folder.
    package static func all(_ protocolName: String) throws -> [Transcript] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(components: "Transcripts", protocolName)
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
        return try files.filter { $0.hasSuffix(".txt") }.sorted().map { file in
            let text = try String(contentsOf: folder.appending(component: file), encoding: .utf8)
            return try Transcript(name: "\(protocolName)/\(file.dropLast(4))", text: text)
        }
    }

    package init(name: String, text: String) throws {
        var settings: [String: String] = [:]
        var turns: [Turn] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let (mark, rest) = (line.prefix(3), line.dropFirst(3))
            let number = index + 1
            if turns.isEmpty, !line.isEmpty, !mark.hasPrefix("#"), !line.hasPrefix("== connect") {
                turns.append(Turn(line: number, action: .connect(name: "1", tls: false, address: nil)))
            }
            switch mark {
            case "#: ":
                let words = rest.split(separator: " ", maxSplits: 1).map(String.init)
                settings[words.first ?? ""] = words.count > 1 ? words[1] : ""
            case "C: ", "C:": turns.addSent(ByteBuffer(string: rest + "\r\n"), at: number)
            case "C\\ ": turns.addSent(ByteBuffer(bytes: try Self.unescape(rest, at: number)), at: number)
            case "S: ", "S:": turns.addExpected(.exact(Array(rest.utf8)))
            case "S~ ": turns.addExpected(.glob(rest.utf8.split(separator: 0x2A, omittingEmptySubsequences: false).map(Array.init)))
            case "S\\ ": turns.addExpected(.exact(try Self.unescape(rest, at: number)))
            case "S*": turns.addExpected(.anyLines)
            case "== ": turns.append(Turn(line: number, action: try Self.directive(rest, at: number)))
            default:
                guard line.isEmpty || line.hasPrefix("#") else { throw Fault(description: "\(name):\(number): not understood: \(line)") }
            }
        }
        self.name = name
        self.settings = settings
        self.turns = turns
    }

    private static func directive(_ text: Substring, at line: Int) throws -> Action {
        var words = text.split(separator: " ").map(String.init)
        switch words.first {
        case "connect":
            var name = "1", tls = false, address: String?
            words.removeFirst()
            if let from = words.firstIndex(of: "from"), from + 1 < words.count {
                address = words[from + 1]
                words.removeSubrange(from...(from + 1))
            }
            for word in words { if word == "tls" { tls = true } else { name = word } }
            return .connect(name: name, tls: tls, address: address)
        case "as" where words.count == 2: return .use(words[1])
        case "tls": return .tls
        case "compressed": return .compressed
        case "close": return .close
        case "hangup": return .hangUp
        case "poke": return .poke
        case "poked": return .poked
        case "expire": return .expire
        case "shutdown": return .shutdown
        default: throw Fault(description: "line \(line): no such directive: \(text)")
        }
    }

    private static func unescape(_ text: Substring, at line: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Substring(text).utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "r"): bytes.append(13)
            case UInt8(ascii: "n"): bytes.append(10)
            case UInt8(ascii: "t"): bytes.append(9)
            case UInt8(ascii: "0"): bytes.append(0)
            case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "x"):
                guard let value = UInt8(String(Substring(rest.prefix(2))), radix: 16) else { fallthrough }
                bytes.append(value)
                rest = rest.dropFirst(2)
            default: throw Fault(description: "line \(line): unknown escape: \(text)")
            }
        }
        return bytes
    }
}

extension [Transcript.Turn] {
    /// Bytes sent in a row, with no answer expected between, are one segment.
    fileprivate mutating func addSent(_ bytes: ByteBuffer, at line: Int) {
        if let last = last, case .send(var sent) = last.action, last.expected.isEmpty {
            sent.writeImmutableBuffer(bytes)
            self[count - 1].action = .send(sent)
        } else {
            append(Transcript.Turn(line: line, action: .send(bytes)))
        }
    }

    fileprivate mutating func addExpected(_ line: ExpectedLine) {
        self[count - 1].expected.append(line)
    }
}
