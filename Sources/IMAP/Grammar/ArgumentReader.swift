import MailModel
import MessageFormat
import NIOCore

/// The arguments of a command, literals in place; the productions that many commands share (RFC 9051 §9).
struct ArgumentReader {
    var scanner: ByteScanner
    let textMode: TextMode

    init(_ arguments: ByteBuffer, _ textMode: TextMode) {
        scanner = ByteScanner(arguments)
        self.textMode = textMode
    }

    func peek() -> UInt8? { scanner.peek() }

    mutating func take(_ character: Unicode.Scalar) -> Bool { scanner.take(UInt8(ascii: character)) }

    mutating func space() throws(SyntaxError) {
        guard scanner.take(0x20) else { throw SyntaxError(scanner.isAtEnd ? "Arguments missing" : "Space expected") }
    }

    mutating func end() throws(SyntaxError) {
        guard scanner.isAtEnd else { throw SyntaxError("Unexpected text behind the arguments") }
    }

    mutating func expect(_ character: Unicode.Scalar) throws(SyntaxError) {
        guard scanner.take(UInt8(ascii: character)) else {
            throw SyntaxError(character == "(" ? "List expected" : "Parenthesis or bracket missing")
        }
    }

    /// At a literal's announcement that ends what has come.
    var isAtAnnouncement: Bool {
        var rest = scanner
        _ = rest.take(UInt8(ascii: "~"))
        guard rest.take(UInt8(ascii: "{")) else { return false }
        rest.skip { $0 != UInt8(ascii: "}") && $0 != 0x0A }
        return rest.take(UInt8(ascii: "}")) && rest.isAtEnd
    }

    //     atom = 1*ATOM-CHAR
    mutating func atom() throws(SyntaxError) -> String {
        let octets = scanner.take(while: .atom)
        guard octets.readableBytes > 0 else { throw SyntaxError("Atom expected") }
        return String(buffer: octets)
    }

    /// An atom in capitals.
    mutating func keyword() throws(SyntaxError) -> String { try atom().uppercased() }

    //     astring = 1*ASTRING-CHAR / string
    mutating func astring() throws(SyntaxError) -> ByteBuffer {
        let octets = scanner.take(while: .astring)
        return octets.readableBytes > 0 ? octets : try string()
    }

    //     string = quoted / literal
    mutating func string() throws(SyntaxError) -> ByteBuffer {
        switch peek() {
        case UInt8(ascii: "\""): return try quoted()
        case UInt8(ascii: "{"): return try literal()
        default: throw SyntaxError("String expected")
        }
    }

    //     nstring = string / nil
    mutating func nstring() throws(SyntaxError) -> ByteBuffer? {
        scanner.take(caseInsensitive: "NIL") ? nil : try string()
    }

    //     quoted      = DQUOTE *QUOTED-CHAR DQUOTE
    //     QUOTED-CHAR = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials / UTF8-2 / UTF8-3 / UTF8-4
    private mutating func quoted() throws(SyntaxError) -> ByteBuffer {
        guard scanner.take(UInt8(ascii: "\"")) else { throw SyntaxError("String expected") }
        var result = scanner.take(while: .quotedPlain)
        while !scanner.take(UInt8(ascii: "\"")) {
            guard scanner.take(UInt8(ascii: "\\")) else {
                throw SyntaxError("Quoted string without its end, or with a control character")
            }
            guard let escaped = scanner.next(), escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\") else {
                throw SyntaxError("Only a quote or a backslash can follow a backslash")
            }
            result.writeInteger(escaped)
            result.writeImmutableBuffer(scanner.take(while: .quotedPlain))
        }
        return result
    }

    //     literal = "{" number64 ["+"] "}" CRLF *CHAR8      ; CHAR8 = %x01-FF
    mutating func literal(allowingNUL: Bool = false) throws(SyntaxError) -> ByteBuffer {
        guard take("{"), let count = scanner.takeNumber(upTo: UInt64(Int32.max)) else {
            throw SyntaxError("Literal expected")
        }
        _ = take("+")
        guard take("}") else { throw SyntaxError("Literal expected") }
        _ = scanner.take(0x0D)
        guard scanner.take(0x0A), let octets = scanner.take(count: Int(count)) else {
            throw SyntaxError("Literal expected")
        }
        guard allowingNUL || !octets.readableBytesView.contains(0) else { throw SyntaxError("NUL in a literal") }
        return octets
    }

    /// An astring as text: UTF-8, in whatever form and mode it came.
    mutating func text() throws(SyntaxError) -> String { try ArgumentReader.text(try astring()) }

    static func text(_ octets: ByteBuffer) throws(SyntaxError) -> String {
        guard let text = String(validating: octets.readableBytesView, as: UTF8.self) else {
            throw SyntaxError("Text is not UTF-8")
        }
        return text
    }

    //     number = 1*DIGIT ; nz-number = digit-nz *DIGIT
    mutating func number(from least: UInt64 = 0, upTo most: UInt64) throws(SyntaxError) -> UInt64 {
        guard let number = scanner.takeNumber(upTo: most), number >= least else {
            throw SyntaxError("Number expected, or out of its range")
        }
        return number
    }

    //     mod-sequence-valzer = "0" / mod-sequence-value    ; RFC 7162 §7
    mutating func modSeq() throws(SyntaxError) -> ModSeq {
        guard let modSeq = ModSeq(rawValue: try number(upTo: ModSeq.max.rawValue)) else {
            throw SyntaxError("Number out of its range")
        }
        return modSeq
    }

    //     mailbox = "INBOX" / astring
    mutating func mailbox() throws(SyntaxError) -> MailboxArgument {
        let text = try text()
        return MailboxArgument(decoded(text), isWellEncoded: textMode != .ascii || ModifiedUTF7.isWellFormed(text))
    }

    func decoded(_ name: String) -> String { textMode == .ascii ? ModifiedUTF7.decode(name) : name }

    /// `(` elements parted by spaces `)`. `element` must take at least one octet or throw.
    mutating func list(
        atMost most: Int, orEmpty: Bool = false, _ element: (inout ArgumentReader) throws(SyntaxError) -> Void
    ) throws(SyntaxError) {
        try expect("(")
        if orEmpty, take(")") { return }
        var count = 0
        repeat {
            count += 1
            guard count <= most else { throw SyntaxError("List too long") }
            try element(&self)
        } while scanner.take(0x20)
        try expect(")")
    }
}
