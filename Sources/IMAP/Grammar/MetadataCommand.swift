package import MailModel
import MessageFormat
package import NIOCore

/// RFC 5464 §4.2, §4.3. Entry names are in small letters.
package enum MetadataCommand: Hashable, Sendable {
    /// GETMETADATA.
    case get([String], MetadataOptions)
    /// SETMETADATA; nil removes.
    case set([String: [UInt8]?])
}

/// RFC 5464 §4.2.1, §4.2.2.
package struct MetadataOptions: Hashable, Sendable {
    package enum Depth: String, Hashable, Sendable {
        case zero = "0"
        case one = "1"
        case infinity = "INFINITY"
    }

    /// Octets.
    package var maxSize: Int?
    package var depth: Depth

    package init(maxSize: Int? = nil, depth: Depth = .zero) {
        self.maxSize = maxSize
        self.depth = depth
    }

    /// Whether `entry` is meant where `name` was asked for.
    func covers(_ entry: String, below name: String) -> Bool {
        guard entry != name else { return true }
        guard depth != .zero, entry.hasPrefix(name + "/") else { return false }
        return depth == .infinity || !entry.dropFirst(name.count + 1).contains("/")
    }
}

/// Such a command's arguments.
package struct MetadataArguments: CommandArguments {
    package let command: MetadataCommand
    /// "" is the server.
    package let mailbox: MailboxArgument

    package init(_ command: MetadataCommand, _ mailbox: MailboxArgument) {
        self.command = command
        self.mailbox = mailbox
    }

    //     getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries            ; RFC 5464 §5
    /// The options may also stand behind the mailbox, as in the examples of RFC 5464 §4.2.
    static func get(_ reader: inout ArgumentReader) throws(SyntaxError) -> MetadataArguments {
        var options = MetadataOptions()
        if reader.peek() == UInt8(ascii: "(") {
            options = try reader.metadataOptions()
            try reader.space()
        }
        let mailbox = try reader.mailbox()
        try reader.space()
        if reader.isAtMetadataOptions {
            options = try reader.metadataOptions()
            try reader.space()
        }
        return MetadataArguments(.get(try reader.metadataEntries(), options), mailbox)
    }

    //     setmetadata = "SETMETADATA" SP mailbox SP entry-values
    static func set(_ reader: inout ArgumentReader) throws(SyntaxError) -> MetadataArguments {
        let mailbox = try reader.mailbox()
        try reader.space()
        return MetadataArguments(.set(try reader.entryValues()), mailbox)
    }
}

extension ArgumentReader {
    private static let mostEntries = 100
    private static let longestEntry = 255

    fileprivate var isAtMetadataOptions: Bool {
        var rest = scanner
        guard rest.take(UInt8(ascii: "(")) else { return false }
        return rest.take(caseInsensitive: "MAXSIZE") || rest.take(caseInsensitive: "DEPTH")
    }

    //     getmetadata-options = "(" getmetadata-option *(SP getmetadata-option) ")"
    //     maxsize-opt = "MAXSIZE" SP number ; scope-opt = "DEPTH" SP ("0" / "1" / "infinity")
    fileprivate mutating func metadataOptions() throws(SyntaxError) -> MetadataOptions {
        var options = MetadataOptions()
        try list(atMost: 2) { (reader) throws(SyntaxError) in
            let name = try reader.keyword()
            try reader.space()
            switch name {
            case "MAXSIZE": options.maxSize = Int(try reader.number(upTo: UInt64(UInt32.max)))
            case "DEPTH":
                guard let depth = MetadataOptions.Depth(rawValue: try reader.keyword()) else { throw SyntaxError("Unknown DEPTH") }
                options.depth = depth
            default: throw SyntaxError("Unknown GETMETADATA option")
            }
        }
        return options
    }

    //     entries = entry / "(" entry *(SP entry) ")"
    /// Without doubles.
    mutating func metadataEntries() throws(SyntaxError) -> [String] {
        guard peek() == UInt8(ascii: "(") else { return [try entry(isScopeAllowed: true)] }
        var entries: [String] = []
        try list(atMost: ArgumentReader.mostEntries) { (reader) throws(SyntaxError) in
            let entry = try reader.entry(isScopeAllowed: true)
            if !entries.contains(entry) { entries.append(entry) }
        }
        return entries
    }

    //     entry-values = "(" entry-value *(SP entry-value) ")" ; entry-value = entry SP value ; value = nstring / literal8
    fileprivate mutating func entryValues() throws(SyntaxError) -> [String: [UInt8]?] {
        var values: [String: [UInt8]?] = [:]
        try list(atMost: ArgumentReader.mostEntries) { (reader) throws(SyntaxError) in
            let entry = try reader.entry()
            guard values[entry] == nil else { throw SyntaxError("An entry given twice") }
            try reader.space()
            let value = try reader.take("~") ? reader.literal(allowingNUL: true) : reader.nstring()
            values.updateValue(value.map { Array($0.readableBytesView) }, forKey: entry)
        }
        return values
    }

    //     entry = astring      ; slash-separated path to entry, MUST NOT contain "*" or "%"
    /// RFC 5464 §3.2: at least two components, four below `vendor`; a name asked for may be a scope alone.
    private mutating func entry(isScopeAllowed: Bool = false) throws(SyntaxError) -> String {
        let octets = try astring()
        let name = String(buffer: octets)
        let isPlain = octets.readableBytesView.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "*") && $0 != UInt8(ascii: "%") }
        let parts = name.lowercased().split(separator: "/", omittingEmptySubsequences: false)
        guard isPlain, name.utf8.count <= ArgumentReader.longestEntry, parts.count >= 2, parts[0].isEmpty,
            parts[1] == "private" || parts[1] == "shared", parts.dropFirst().allSatisfy({ !$0.isEmpty })
        else { throw SyntaxError("No annotation can have that name") }
        let least = parts.count > 2 && parts[2] == "vendor" ? 5 : 3
        guard isScopeAllowed || parts.count >= least else { throw SyntaxError("The annotation's name is too short") }
        return name.lowercased()
    }
}

extension ByteBuffer {
    //     metadata-resp = "METADATA" SP mailbox SP entry-values
    /// `mailbox` nil: the server. Not empty.
    package mutating func writeMetadata(_ mailbox: MailboxName?, _ entries: [(name: String, value: [UInt8]?)], _ mode: TextMode) {
        write("* METADATA ")
        if let mailbox { writeMailbox(mailbox, mode) } else { write("\"\"") }
        for (index, entry) in entries.enumerated() {
            write(index == 0 ? " (" : " ")
            writeAString(entry.name, mode)
            write(" ")
            if let value = entry.value { writeValue(value, mode) } else { write("NIL") }
        }
        write(")\r\n")
    }

    //     value = nstring / literal8
    private mutating func writeValue(_ value: [UInt8], _ mode: TextMode) {
        if value.count <= 1_000, value.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
            return writeString(String(decoding: value, as: UTF8.self), mode)
        }
        if value.contains(0) { write("~") }
        writeLiteralHeader(octets: value.count)
        writeBytes(value)
    }
}
