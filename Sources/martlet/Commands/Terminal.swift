import FoundationEssentials
import Glibc

/// What commands print and read.
enum Terminal {
    static func show(_ text: String) { write(text + "\n", STDOUT_FILENO) }

    static func complain(_ text: String) { write(text + "\n", STDERR_FILENO) }

    /// For scripts: members in order of name.
    static func show(json value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        show(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// In one line, for lists that are printed as they come.
    static func line(json value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// Standard output is a terminal, and whoever sits there wants colours (https://no-color.org).
    static var isColoured: Bool { isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"]?.isEmpty ?? true }

    static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

    /// The first line of standard input without its end; nil at the end of input. At most `longest` octets.
    static func readLine(longest: Int = 4096) throws(SystemFault) -> [UInt8]? {
        var line: [UInt8] = []
        var octet: UInt8 = 0
        var hasRead = false
        while line.count < longest {
            let count = read(STDIN_FILENO, &octet, 1)
            if count < 0, errno == EINTR { continue }
            // A line that breaks off is no shorter line.
            guard count >= 0 else { throw SystemFault("read", "standard input") }
            guard count > 0 else { break }
            hasRead = true
            if octet == UInt8(ascii: "\n") { break }
            line.append(octet)
        }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return hasRead ? line : nil
    }

    /// Standard input up to its end. Throws `SystemFault`, with EMSGSIZE where it is longer than `most` octets.
    static func readAll(most: Int) throws(SystemFault) -> [UInt8] {
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(STDIN_FILENO, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemFault("read", "standard input") }
            guard count > 0 else { return octets }
            octets += chunk[..<count]
            guard octets.count <= most else { throw SystemFault("read", "standard input", code: EMSGSIZE) }
        }
    }

    private static func write(_ text: String, _ file: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var done = 0
            while done < bytes.count, let base = bytes.baseAddress {
                let count = Glibc.write(file, base + done, bytes.count - done)
                if count < 0, errno == EINTR { continue }
                // Nobody reads on: there is nobody to tell either.
                guard count > 0 else { return }
                done += count
            }
        }
    }
}
