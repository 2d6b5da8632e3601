import MailModel
import MessageFormat
import NIOCore

// FETCH and STORE.
extension ArgumentReader {
    //     fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att /
    //             "(" fetch-att *(SP fetch-att) ")")                                 ; RFC 9051 §9
    //             [SP "(" fetch-modifier *(SP fetch-modifier) ")"]                   ; RFC 4466 §6
    mutating func fetchArguments() throws(SyntaxError) -> FetchArguments {
        var arguments = FetchArguments(set: try sequenceSet(), items: [])
        try space()
        var seen: Set<FetchItem> = []
        func add(_ item: FetchItem) { if seen.insert(item).inserted { arguments.items.append(item) } }
        if peek() == UInt8(ascii: "(") {
            try list(atMost: FetchArguments.mostItems) { (reader) throws(SyntaxError) in
                add(try reader.fetchItem(try reader.fetchName()))
            }
        } else {
            let name = try fetchName()
            if let macro = ArgumentReader.fetchMacros[name] { macro.forEach(add) } else { add(try fetchItem(name)) }
        }
        if scanner.take(0x20) { try fetchModifiers(&arguments) }
        return arguments
    }

    //     "(" fetch-att *(SP fetch-att) ")"
    /// Without doubles.
    mutating func fetchAttributes() throws(SyntaxError) -> [FetchItem] {
        var items: [FetchItem] = []
        try list(atMost: FetchArguments.mostItems) { (reader) throws(SyntaxError) in
            let item = try reader.fetchItem(try reader.fetchName())
            if !items.contains(item) { items.append(item) }
        }
        return items
    }

    // RFC 9051 §6.4.5.
    private static let fetchMacros: [String: [FetchItem]] = [
        "FAST": [.flags, .internalDate, .rfc822Size],
        "ALL": [.flags, .internalDate, .rfc822Size, .envelope],
        "FULL": [.flags, .internalDate, .rfc822Size, .envelope, .body],
    ]

    //     fetch-modifier = "CHANGEDSINCE" SP mod-sequence-value / "VANISHED"         ; RFC 7162 §7
    private mutating func fetchModifiers(_ arguments: inout FetchArguments) throws(SyntaxError) {
        try list(atMost: 3) { (reader) throws(SyntaxError) in
            switch try reader.keyword() {
            //     fetch-modifier =/ "PARTIAL" SP partial-range                       ; RFC 9394 §4
            case "PARTIAL":
                try reader.space()
                arguments.partial = try reader.partialRange()
            case "CHANGEDSINCE":
                try reader.space()
                arguments.changedSince = try reader.modSeq()
            case "VANISHED": arguments.vanished = true
            default: throw SyntaxError("Unknown FETCH modifier")
            }
        }
        if arguments.vanished, arguments.changedSince == nil { throw SyntaxError("VANISHED needs CHANGEDSINCE") }
    }

    /// Up to a bracket, a space or a parenthesis; in capitals.
    private mutating func fetchName() throws(SyntaxError) -> String {
        let octets = scanner.take(while: .fetchName)
        guard octets.readableBytes > 0 else { throw SyntaxError("FETCH item expected") }
        return String(buffer: octets).uppercased()
    }

    private static let simpleItems: [String: FetchItem] = [
        "FLAGS": .flags, "UID": .uid, "INTERNALDATE": .internalDate, "ENVELOPE": .envelope,
        "BODYSTRUCTURE": .bodyStructure,
        "RFC822.SIZE": .rfc822Size, "RFC822": .rfc822, "RFC822.HEADER": .rfc822Header, "RFC822.TEXT": .rfc822Text,
        "MODSEQ": .modSeq,
        "SAVEDATE": .saveDate, "EMAILID": .emailID, "THREADID": .threadID,
    ]

    //     fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822.SIZE" / "BODY" ["STRUCTURE"] / "UID" /
    //                 "BODY" section [partial] / "BODY.PEEK" section [partial] /
    //                 "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary
    //     fetch-att =/ "RFC822" [".HEADER" / ".TEXT"]                                ; RFC 3501 §9
    private mutating func fetchItem(_ name: String) throws(SyntaxError) -> FetchItem {
        if let item = ArgumentReader.simpleItems[name] { return item }
        switch name {
        case "BODY", "BODY.PEEK":
            guard peek() == UInt8(ascii: "[") else {
                if name == "BODY" { return .body }
                throw SyntaxError("Section expected")
            }
            let section = try bodySection()
            return .section(section, peek: name == "BODY.PEEK", partial: try partial())
        case "BINARY", "BINARY.PEEK":
            let path = try binarySection()
            return .binary(path, peek: name == "BINARY.PEEK", partial: try partial())
        case "BINARY.SIZE": return .binarySize(try binarySection())
        case "PREVIEW": return .preview(lazy: try previewModifiers())
        default: throw SyntaxError("Unknown FETCH item")
        }
    }

    //     fetch-att =/ "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"] ; preview-mod = "LAZY"   ; RFC 8970 §6
    // A parenthesis behind it that is no preview-mod is the FETCH's own modifiers.
    private mutating func previewModifiers() throws(SyntaxError) -> Bool {
        scanner.take(caseInsensitive: " (LAZY)")
    }

    //     section      = "[" [section-spec] "]"
    //     section-spec = section-msgtext / (section-part ["." section-text])
    fileprivate mutating func bodySection() throws(SyntaxError) -> BodySection {
        try expect("[")
        var section = BodySection(path: try sectionPath())
        let isBelow = !section.path.isEmpty
        if isBelow ? take(".") : peek() != UInt8(ascii: "]") { section.specifier = try sectionText(isBelow: isBelow) }
        try expect("]")
        return section
    }

    //     section-part = nz-number *("." nz-number)
    /// Leaves a "." in front of something else than a number.
    private mutating func sectionPath() throws(SyntaxError) -> [Int] {
        var path: [Int] = []
        while let octet = scanner.peek(at: path.isEmpty ? 0 : 1), OctetSet.digits.contains(octet) {
            if !path.isEmpty, !take(".") { break }
            guard path.count < BodySection.deepest else { throw SyntaxError("Section too deep") }
            path.append(Int(truncatingIfNeeded: try number(from: 1, upTo: UInt64(Int32.max))))
        }
        return path
    }

    //     section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
    //     section-text    = section-msgtext / "MIME"
    private mutating func sectionText(isBelow: Bool) throws(SyntaxError) -> BodySection.Specifier {
        switch try fetchName() {
        case "HEADER": return .header
        case "TEXT": return .text
        case "MIME" where isBelow: return .mime
        case "HEADER.FIELDS": return .headerFields(try headerList())
        case "HEADER.FIELDS.NOT": return .headerFieldsNot(try headerList())
        default: throw SyntaxError("Unknown section")
        }
    }

    //     header-list = "(" header-fld-name *(SP header-fld-name) ")" ; header-fld-name = astring
    private mutating func headerList() throws(SyntaxError) -> [String] {
        try space()
        var names: [String] = []
        try list(atMost: 1_000) { (reader) throws(SyntaxError) in names.append(try reader.headerFieldName()) }
        return names
    }

    /// RFC 5322 §2.2: printable ASCII without ":". Others can be in no header, and must not come back in ours.
    mutating func headerFieldName() throws(SyntaxError) -> String {
        let octets = try astring()
        guard octets.readableBytes > 0,
            octets.readableBytesView.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") })
        else {
            throw SyntaxError("Header field name expected")
        }
        return String(buffer: octets)
    }

    //     section-binary = "[" [section-part] "]"                                    ; RFC 9051 §9
    private mutating func binarySection() throws(SyntaxError) -> [Int] {
        try expect("[")
        let path = try sectionPath()
        try expect("]")
        return path
    }

    //     partial = "<" number64 "." nz-number64 ">"
    private mutating func partial() throws(SyntaxError) -> Partial? {
        guard take("<") else { return nil }
        let offset = try number(upTo: UInt64(Int.max))
        guard take(".") else { throw SyntaxError("Partial range expected") }
        let count = try number(from: 1, upTo: UInt64(Int.max))
        guard take(">"), offset <= UInt64(Int.max) - count else { throw SyntaxError("Partial range expected") }
        return Partial(offset: Int(offset), count: Int(count))
    }

    //     store = "STORE" SP sequence-set [SP "(" store-modifier ")"] SP store-att-flags
    //     store-modifier =/ "UNCHANGEDSINCE" SP mod-sequence-valzer                  ; RFC 7162 §7
    //     store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
    mutating func storeArguments() throws(SyntaxError) -> StoreArguments {
        let set = try sequenceSet()
        try space()
        var unchangedSince: ModSeq?
        if peek() == UInt8(ascii: "(") {
            try list(atMost: 1) { (reader) throws(SyntaxError) in
                guard try reader.keyword() == "UNCHANGEDSINCE" else { throw SyntaxError("Unknown STORE modifier") }
                try reader.space()
                unchangedSince = try reader.modSeq()
            }
            try space()
        }
        let operation: StoreArguments.Operation = take("+") ? .add : take("-") ? .remove : .replace
        let name = try keyword()
        guard name == "FLAGS" || name == "FLAGS.SILENT" else { throw SyntaxError("FLAGS expected") }
        try space()
        return StoreArguments(
            set: set, unchangedSince: unchangedSince, operation: operation, silent: name == "FLAGS.SILENT",
            flags: try flags())
    }
}

extension BodySection {
    /// What stands between the brackets; nil when it is no section.
    init?(text: String) {
        var reader = ArgumentReader(ByteBuffer(string: "[\(text)]"), .utf8)
        guard let section = try? reader.bodySection(), reader.scanner.isAtEnd else { return nil }
        self = section
    }
}
