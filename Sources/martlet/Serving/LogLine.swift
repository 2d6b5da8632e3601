import Glibc
import Logging

/// A log line's text. Whatever a peer managed to get into it, it is one line of bounded length without control characters.
struct LogLine {
    /// Octets; what is longer ends in `...`.
    static let longest = 4096

    enum Format: Sendable {
        /// `2026-11-22T00:35:00.123Z [INFO] Successful IMAP login for user: alice peer=192.0.2.1`
        case text
        /// An object with time, level, message, and the metadata's own names.
        case json
    }

    let format: Format

    /// Ends with LF. `metadata` in any order; names are sorted.
    func line(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata, at time: timespec) -> [UInt8] {
        let names = metadata.sorted { $0.key < $1.key }
        var line =
            switch format {
            case .text: text(level, message, names, time)
            case .json: json(level, message, names, time)
            }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private func text(
        _ level: Logger.Level, _ message: String, _ metadata: [(key: String, value: Logger.MetadataValue)],
        _ time: timespec
    ) -> [UInt8] {
        var text = LogLine.iso(time) + " [" + LogLine.name(level) + "] " + LogLine.clean(message, room: LogLine.longest)
        for (name, value) in metadata {
            text += " " + LogLine.clean(name, room: 64) + "=" + LogLine.value("\(value)")
            if text.utf8.count > LogLine.longest { break }
        }
        return LogLine.cut(text)
    }

    /// In quotes, with `\"` and `\\`, unless nothing in it could be taken for another value or for the quotes themselves.
    private static func value(_ text: String) -> String {
        // Most are ASCII, and Unicode's tables are not asked about each of their characters.
        if !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !quotable.contains($0) }) { return clean(text, room: longest) }
        let value = clean(text, room: longest)
        let isPlain = value.unicodeScalars.allSatisfy { $0 != " " && !$0.properties.isWhitespace && !["=", "\"", "\\", "'"].contains($0) }
        if isPlain, !value.isEmpty { return value }
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\"") }) else { return "\"" + value + "\"" }
        return "\"" + clean(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""), room: longest) + "\""
    }

    private static let quotable: [UInt8] = [UInt8(ascii: "="), UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "'")]

    private func json(
        _ level: Logger.Level, _ message: String, _ metadata: [(key: String, value: Logger.MetadataValue)],
        _ time: timespec
    ) -> [UInt8] {
        var object =
            "{\"time\":\"" + LogLine.iso(time) + "\",\"level\":\"" + LogLine.name(level).lowercased()
            + "\",\"message\":"
        // Half the room for the message: the object must not be cut.
        object += LogLine.quoted(message, room: LogLine.longest / 2)
        for (name, value) in metadata {
            let reserved = name == "time" || name == "level" || name == "message"
            let member =
                "," + LogLine.quoted(reserved ? "_" + name : name, room: 64) + ":"
                + LogLine.quoted("\(value)", room: LogLine.longest / 4)
            guard object.utf8.count + member.utf8.count < LogLine.longest else { break }
            object += member
        }
        return Array((object + "}").utf8)
    }

    /// As the grep examples spell them.
    private static func name(_ level: Logger.Level) -> String {
        switch level {
        case .trace: "TRACE"
        case .debug: "DEBUG"
        case .info: "INFO"
        case .notice: "NOTICE"
        case .warning: "WARN"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        }
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
        return switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .format: true
        default: false
        }
    }

    /// At most about `room` octets, without control characters, which are written `\u{A}`.
    private static func clean(_ text: String, room: Int) -> String {
        if text.utf8.count <= room, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return text }
        var clean = String.UnicodeScalarView()
        var left = room
        for scalar in text.unicodeScalars {
            guard left > 0 else { break }
            left -= 4
            if scalar.isASCII { left += 3 }
            if isControl(scalar) {
                clean.append(contentsOf: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".unicodeScalars)
            } else {
                clean.append(scalar)
            }
        }
        return String(clean)
    }

    private static func quoted(_ text: String, room: Int) -> String {
        var quoted = String.UnicodeScalarView()
        quoted.append("\"")
        var count = 0
        for scalar in text.unicodeScalars {
            guard count < room else {
                quoted.append(contentsOf: "...".unicodeScalars)
                break
            }
            switch scalar {
            case "\"", "\\":
                quoted.append("\\")
                quoted.append(scalar)
                count += 2
            case _ where scalar.value < 0x10000 && isControl(scalar):
                let hex = String(scalar.value, radix: 16)
                quoted.append(contentsOf: ("\\u" + String(repeating: "0", count: 4 - hex.count) + hex).unicodeScalars)
                count += 6
            default:
                quoted.append(scalar)
                count += scalar.utf8.count
            }
        }
        quoted.append("\"")
        return String(quoted)
    }

    private static func cut(_ text: String) -> [UInt8] {
        guard text.utf8.count > longest else { return Array(text.utf8) }
        var octets = Array(text.utf8.prefix(longest - 3))
        // Not in the middle of a character.
        while let last = octets.last, last & 0xC0 == 0x80 { octets.removeLast() }
        if let last = octets.last, last >= 0xC0 { octets.removeLast() }
        return octets + Array("...".utf8)
    }

    /// UTC, with milliseconds.
    private static func iso(_ time: timespec) -> String {
        var seconds = time.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return padded(Int(parts.tm_year) + 1900, 4) + "-" + padded(Int(parts.tm_mon) + 1, 2) + "-"
            + padded(Int(parts.tm_mday), 2) + "T"
            + padded(Int(parts.tm_hour), 2) + ":" + padded(Int(parts.tm_min), 2) + ":" + padded(Int(parts.tm_sec), 2)
            + "."
            + padded(time.tv_nsec / 1_000_000, 3) + "Z"
    }
}
