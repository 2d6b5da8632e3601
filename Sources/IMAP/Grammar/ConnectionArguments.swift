/// A field of ID (RFC 2971 §3.3): `field` up to 30 octets, `value` up to 1024.
package struct IDField: Hashable, Sendable {
    package let field: String
    package let value: String?

    package init(_ field: String, _ value: String?) {
        self.field = field
        self.value = value
    }
}

/// ID's (RFC 2971 §3.1): the client's fields in order, at most 30; empty for `ID NIL`.
package struct IDArguments: CommandArguments {
    package let fields: [IDField]

    package init(_ fields: [IDField]) { self.fields = fields }

    //     id = "ID" SP id-params-list                                                ; RFC 2971 §4
    //     id-params-list = "(" *(string SP nstring SP) ")" / nil          ; without the last SP, as clients write it
    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> IDArguments {
        if reader.scanner.take(caseInsensitive: "NIL") { return IDArguments([]) }
        var fields: [IDField] = []
        try reader.list(atMost: 30, orEmpty: true) { (reader) throws(SyntaxError) in
            let field = try reader.string()
            try reader.space()
            let value = try reader.nstring()
            guard field.readableBytes <= 30, value?.readableBytes ?? 0 <= 1_024 else {
                throw SyntaxError("ID field too long")
            }
            fields.append(
                IDField(
                    try ArgumentReader.text(field),
                    try value.map { octets throws(SyntaxError) in try ArgumentReader.text(octets) }))
        }
        return IDArguments(fields)
    }
}

/// ENABLE's (RFC 5161 §3.1).
package struct EnableArguments: CommandArguments {
    /// Of capabilities, in capitals.
    package let names: [String]

    package init(_ names: [String]) { self.names = names }

    private static let most = 100

    //     enable = "ENABLE" 1*(SP capability)
    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> EnableArguments {
        var names: [String] = []
        repeat {
            guard names.count < most else { throw SyntaxError("List too long") }
            names.append(try reader.keyword())
        } while reader.scanner.take(0x20)
        return EnableArguments(names)
    }
}

/// COMPRESS's (RFC 4978); DEFLATE is all there is.
package struct CompressArguments: CommandArguments {
    package init() {}

    //     compress = "COMPRESS" SP algorithm ; algorithm = "DEFLATE"             ; RFC 4978 §5
    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> CompressArguments {
        guard try reader.keyword() == "DEFLATE" else { throw SyntaxError("Unknown compression algorithm") }
        return CompressArguments()
    }
}
