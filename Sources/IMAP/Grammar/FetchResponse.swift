package import MailModel
package import MessageFormat
import NIOCore

/// Writes one `* n FETCH (…)` item by item (RFC 9051 §7.5.2), each to the text it is given; end with `end`.
package struct FetchResponse: Sendable {
    private var isFirst = true

    /// Before anything is written.
    init() {}

    //     message-data = nz-number SP "FETCH" SP msg-att
    package init(_ sequence: UInt32, _ text: inout WireText) {
        text.write("* ")
        text.write(decimal: sequence)
        text.write(" FETCH (")
    }

    //     message-data =/ uniqueid SP "UIDFETCH" SP msg-att                           ; RFC 9586 §4
    package init(uid: UID, _ text: inout WireText) {
        text.write("* ")
        text.write(decimal: uid.rawValue)
        text.write(" UIDFETCH (")
    }

    package func end(_ text: inout WireText) { text.write(")\r\n") }

    private mutating func name(_ name: StaticString, _ text: inout WireText) {
        if !isFirst { text.write(" ") }
        isFirst = false
        text.write(name)
    }

    package mutating func flags(
        _ bits: FlagBits, _ table: KeywordTable, further: FurtherKeywords = FurtherKeywords(), isRecent: Bool = false, _ text: inout WireText
    ) {
        name("FLAGS ", &text)
        text.writeFlags(bits, table, further: further, isRecent: isRecent)
    }

    package mutating func uid(_ uid: UID, _ text: inout WireText) {
        name("UID ", &text)
        text.write(decimal: uid.rawValue)
    }

    package mutating func internalDate(_ moment: Timestamp, _ text: inout WireText) {
        name("INTERNALDATE ", &text)
        text.writeDateTime(moment)
    }

    package mutating func size(_ octets: UInt32, _ text: inout WireText) {
        name("RFC822.SIZE ", &text)
        text.write(decimal: octets)
    }

    //     RFC 7162 §7: fetch-mod-resp = "MODSEQ" SP "(" permsg-modsequence ")"
    package mutating func modSeq(_ modSeq: ModSeq, _ text: inout WireText) {
        name("MODSEQ (", &text)
        text.write(decimal: modSeq.rawValue)
        text.write(")")
    }

    package mutating func envelope(of outline: EncodedOutline, _ mode: TextMode, _ text: inout WireText) throws(OutlineCorrupt) {
        name("ENVELOPE ", &text)
        try text.writeEnvelope(of: outline, mode)
    }

    /// BODY, or with `extended` BODYSTRUCTURE.
    package mutating func body(
        of outline: EncodedOutline, extended: Bool, _ mode: TextMode, _ text: inout WireText
    ) throws(OutlineCorrupt) {
        name(extended ? "BODYSTRUCTURE " : "BODY ", &text)
        try text.writeBodyStructure(of: outline, extended: extended, mode)
    }

    /// RFC 8514 §4.2: NIL where none is kept.
    package mutating func saveDate(_ moment: Timestamp?, _ text: inout WireText) {
        name("SAVEDATE ", &text)
        if let moment { text.writeDateTime(moment) } else { text.write("NIL") }
    }

    /// RFC 8474 §5.1.
    package mutating func emailID(_ body: BodyID, _ text: inout WireText) {
        name("EMAILID (", &text)
        text.write(body.objectID)
        text.write(")")
    }

    /// RFC 8474 §5.2: NIL where threads are not known.
    package mutating func threadID(_ thread: ThreadID?, _ text: inout WireText) {
        name("THREADID ", &text)
        guard let thread else { return text.write("NIL") }
        text.write("(")
        text.write(thread.objectID)
        text.write(")")
    }

    /// RFC 8970 §3.2: UTF-8 always, so a literal outside UTF-8 mode; NIL for LAZY where it would have to be made first.
    package mutating func preview(_ preview: String?, _ mode: TextMode, _ text: inout WireText) {
        name("PREVIEW ", &text)
        text.writeNString(preview, mode)
    }

    package mutating func binarySize(_ path: [Int], _ octets: Int, _ text: inout WireText) {
        name("BINARY.SIZE[", &text)
        text.writePath(path)
        text.write("] ")
        text.write(decimal: octets)
    }

    /// Names an item whose value is a string, as `name(of:)` has it, and announces a literal. Exactly `octets` octets must be written behind it before anything
    /// else. `isBinary`: as a literal8, which may hold NUL; BINARY only.
    package mutating func literal(named name: [UInt8], octets: Int, isBinary: Bool = false, _ text: inout WireText) {
        begin(named: name, &text)
        if isBinary { text.write("~") }
        text.writeLiteralHeader(octets: octets)
    }

    /// Such an item whose value is written next.
    mutating func begin(named name: [UInt8], _ text: inout WireText) {
        if !isFirst { text.write(" ") }
        isFirst = false
        name.withUnsafeBytes { text.write($0) }
    }

    /// Such an item for which there is nothing: a part that is not there.
    package mutating func none(named name: [UInt8], _ text: inout WireText) {
        begin(named: name, &text)
        text.write("NIL")
    }

    //     msg-att-static = ... "RFC822" [".HEADER" / ".TEXT"] SP nstring / "BODY" section ["<" number ">"] SP nstring /
    //                      "BINARY" section-binary SP (nstring / literal8)
    /// The name of an item whose value is a string, with the blank behind it; empty for any other. Worked out once for many messages.
    package static func name(of item: FetchItem) -> [UInt8] {
        var name = ByteBuffer()
        switch item {
        case .rfc822: name.writeStaticString("RFC822 ")
        case .rfc822Header: name.writeStaticString("RFC822.HEADER ")
        case .rfc822Text: name.writeStaticString("RFC822.TEXT ")
        case .section(let section, _, let partial):
            name.writeText(about: 80) { text in
                text.write("BODY[")
                text.writeSection(section)
                writeOrigin(partial, &text)
            }
        case .binary(let path, _, let partial):
            name.writeText(about: 80) { text in
                text.write("BINARY[")
                text.writePath(path)
                writeOrigin(partial, &text)
            }
        default: break
        }
        return Array(name.readableBytesView)
    }

    private static func writeOrigin(_ partial: Partial?, _ text: inout WireText) {
        text.write("]")
        if let partial {
            text.write("<")
            text.write(decimal: partial.offset)
            text.write(">")
        }
        text.write(" ")
    }
}

extension ByteBuffer {
    /// Goes on with `response` by what `body` writes; `about`: how much that will be. `body` may be called twice.
    mutating func write<Failure: Error>(
        _ response: inout FetchResponse, about: Int = 160, _ body: (inout FetchResponse, inout WireText) throws(Failure) -> Void
    ) throws(Failure) {
        let before = response
        var after = before
        try writeText(about: about) { (text) throws(Failure) in
            after = before
            try body(&after, &text)
        }
        response = after
    }
}
