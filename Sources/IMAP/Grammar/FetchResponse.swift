package import MailModel
package import MessageFormat
package import NIOCore

/// Writes one `* n FETCH (…)` item by item (RFC 9051 §7.5.2), each appended to the buffer it is given; end with `end`.
package struct FetchResponse: Sendable {
    private var isFirst = true

    private init() {}

    //     message-data = nz-number SP "FETCH" SP msg-att
    package init(_ sequence: UInt32, _ output: inout ByteBuffer) {
        output.write("* ")
        output.writeDecimal(sequence)
        output.write(" FETCH (")
    }

    //     message-data =/ uniqueid SP "UIDFETCH" SP msg-att                           ; RFC 9586 §4
    package init(uid: UID, _ output: inout ByteBuffer) {
        output.write("* ")
        output.writeDecimal(uid.rawValue)
        output.write(" UIDFETCH (")
    }

    package func end(_ output: inout ByteBuffer) { output.write(")\r\n") }

    private mutating func name(_ name: StaticString, _ output: inout ByteBuffer) {
        if !isFirst { output.write(" ") }
        isFirst = false
        output.write(name)
    }

    package mutating func flags(
        _ bits: FlagBits, _ table: KeywordTable, isRecent: Bool = false, _ output: inout ByteBuffer
    ) {
        name("FLAGS ", &output)
        output.writeFlags(bits, table, isRecent: isRecent)
    }

    package mutating func uid(_ uid: UID, _ output: inout ByteBuffer) {
        name("UID ", &output)
        output.writeDecimal(uid.rawValue)
    }

    package mutating func internalDate(_ moment: Timestamp, _ output: inout ByteBuffer) {
        name("INTERNALDATE ", &output)
        output.writeDateTime(moment)
    }

    package mutating func size(_ octets: UInt32, _ output: inout ByteBuffer) {
        name("RFC822.SIZE ", &output)
        output.writeDecimal(octets)
    }

    //     RFC 7162 §7: fetch-mod-resp = "MODSEQ" SP "(" permsg-modsequence ")"
    package mutating func modSeq(_ modSeq: ModSeq, _ output: inout ByteBuffer) {
        name("MODSEQ (", &output)
        output.writeDecimal(modSeq.rawValue)
        output.write(")")
    }

    package mutating func envelope(of outline: EncodedOutline, _ mode: TextMode, _ output: inout ByteBuffer) throws(OutlineCorrupt) {
        name("ENVELOPE ", &output)
        try output.writeEnvelope(of: outline, mode)
    }

    /// BODY, or with `extended` BODYSTRUCTURE.
    package mutating func body(
        of outline: EncodedOutline, extended: Bool, _ mode: TextMode, _ output: inout ByteBuffer
    ) throws(OutlineCorrupt) {
        name(extended ? "BODYSTRUCTURE " : "BODY ", &output)
        try output.writeBodyStructure(of: outline, extended: extended, mode)
    }

    /// RFC 8514 §4.2: NIL where none is kept.
    package mutating func saveDate(_ moment: Timestamp?, _ output: inout ByteBuffer) {
        name("SAVEDATE ", &output)
        if let moment { output.writeDateTime(moment) } else { output.write("NIL") }
    }

    /// RFC 8474 §5.1.
    package mutating func emailID(_ body: BodyID, _ output: inout ByteBuffer) {
        name("EMAILID (", &output)
        output.writeString(body.objectID)
        output.write(")")
    }

    /// RFC 8474 §5.2: NIL where threads are not known.
    package mutating func threadID(_ thread: ThreadID?, _ output: inout ByteBuffer) {
        name("THREADID ", &output)
        guard let thread else { return output.write("NIL") }
        output.write("(")
        output.writeString(thread.objectID)
        output.write(")")
    }

    /// RFC 8970 §3.2: UTF-8 always, so a literal outside UTF-8 mode; NIL for LAZY where it would have to be made first.
    package mutating func preview(_ text: String?, _ mode: TextMode, _ output: inout ByteBuffer) {
        name("PREVIEW ", &output)
        output.writeNString(text, mode)
    }

    package mutating func binarySize(_ path: [Int], _ octets: Int, _ output: inout ByteBuffer) {
        name("BINARY.SIZE[", &output)
        output.writePath(path)
        output.write("] ")
        output.writeDecimal(octets)
    }

    /// Names an item whose value is a string (`section`, `binary`, `rfc822`, `rfc822Header`, `rfc822Text`) and
    /// announces a literal. Exactly `octets` octets must be written behind it before anything else. `isBinary`: as a
    /// literal8, which may hold NUL; BINARY only.
    package mutating func literal(of item: FetchItem, octets: Int, isBinary: Bool = false, _ output: inout ByteBuffer) {
        itemName(item, &output)
        if isBinary { output.write("~") }
        output.writeLiteralHeader(octets: octets)
    }

    /// As `literal(of:octets:)`, of an item whose name was written once by `name(of:)`.
    mutating func literal(named name: ByteBuffer, octets: Int, _ output: inout ByteBuffer) {
        if !isFirst { output.write(" ") }
        isFirst = false
        output.writeImmutableBuffer(name)
        output.writeLiteralHeader(octets: octets)
    }

    /// What `literal(of:octets:)` writes before the literal.
    static func name(of item: FetchItem) -> ByteBuffer {
        var name = ByteBuffer()
        var response = FetchResponse()
        response.itemName(item, &name)
        return name
    }

    /// Such an item for which there is nothing: a part that is not there.
    package mutating func none(of item: FetchItem, _ output: inout ByteBuffer) {
        itemName(item, &output)
        output.write("NIL")
    }

    //     msg-att-static = ... "RFC822" [".HEADER" / ".TEXT"] SP nstring / "BODY" section ["<" number ">"] SP nstring /
    //                      "BINARY" section-binary SP (nstring / literal8)
    private mutating func itemName(_ item: FetchItem, _ output: inout ByteBuffer) {
        switch item {
        case .rfc822: name("RFC822 ", &output)
        case .rfc822Header: name("RFC822.HEADER ", &output)
        case .rfc822Text: name("RFC822.TEXT ", &output)
        case .section(let section, _, let partial):
            name("BODY[", &output)
            output.writeSection(section)
            output.writeOrigin(partial)
        case .binary(let path, _, let partial):
            name("BINARY[", &output)
            output.writePath(path)
            output.writeOrigin(partial)
        default: preconditionFailure("this item's value is no string")
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func writePath(_ path: [Int]) {
        for (index, number) in path.enumerated() {
            if index > 0 { write(".") }
            writeDecimal(number)
        }
    }

    fileprivate mutating func writeOrigin(_ partial: Partial?) {
        write("]")
        if let partial {
            write("<")
            writeDecimal(partial.offset)
            write(">")
        }
        write(" ")
    }

    fileprivate mutating func writeSection(_ section: BodySection) {
        writePath(section.path)
        if !section.path.isEmpty, section.specifier != .whole { write(".") }
        switch section.specifier {
        case .whole: break
        case .header: write("HEADER")
        case .text: write("TEXT")
        case .mime: write("MIME")
        case .headerFields(let names): writeFields("HEADER.FIELDS (", names)
        case .headerFieldsNot(let names): writeFields("HEADER.FIELDS.NOT (", names)
        }
    }

    private mutating func writeFields(_ start: StaticString, _ names: [String]) {
        write(start)
        for (index, name) in names.enumerated() {
            if index > 0 { write(" ") }
            writeAString(name, .ascii)
        }
        write(")")
    }
}
