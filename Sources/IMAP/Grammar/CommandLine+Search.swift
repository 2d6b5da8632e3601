import MailModel
import MessageFormat
import NIOCore

// SEARCH.
extension ArgumentReader {
    //     search = "SEARCH" [search-return-opts] SP search-program                   ; RFC 9051 §9
    //     search-program = ["CHARSET" SP charset SP] search-key *(SP search-key)
    mutating func searchArguments() throws(SyntaxError) -> SearchArguments {
        var arguments = SearchArguments(key: .all)
        if takeWord("RETURN") {
            try space()
            try searchReturns(into: &arguments)
            try space()
        }
        var charset: String?
        if takeWord("CHARSET") {
            try space()
            charset = try text().uppercased()
            try space()
        }
        try searchProgram(into: &arguments, charset: charset)
        return arguments
    }

    mutating func searchProgram(into arguments: inout SearchArguments, charset: String?) throws(SyntaxError) {
        var keys = SearchKeyReader(reader: self, charset: charset)
        arguments.charset = charset
        arguments.isCharsetSupported = keys.isCharsetSupported
        arguments.key = try keys.program()
        self = keys.reader
    }

    /// A word that no other continues.
    mutating func takeWord(_ word: StaticString) -> Bool {
        let start = scanner
        if scanner.take(caseInsensitive: word), scanner.peek() == 0x20 { return true }
        scanner = start
        return false
    }

    //     search-return-opts = SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
    //     search-return-opt =/ "PARTIAL" SP partial-range                            ; RFC 9394 §4
    //     search-return-opt =/ modifier-context / modifier-partial / modifier-update ; RFC 5267 §5
    //     modifier-context  = "CONTEXT" ; modifier-update = "UPDATE"
    mutating func searchReturns(into arguments: inout SearchArguments) throws(SyntaxError) {
        var options: SearchArguments.ReturnOptions = []
        var partial: PartialRange?
        var isEmpty = true
        try list(atMost: 100, orEmpty: true) { (reader) throws(SyntaxError) in
            isEmpty = false
            switch try reader.keyword() {
            case "MIN": options.insert(.min)
            case "MAX": options.insert(.max)
            case "ALL": options.insert(.all)
            case "COUNT": options.insert(.count)
            case "SAVE": options.insert(.save)
            case "RELEVANCY": options.insert(.relevancy)
            // RFC 5267 §4.2: a hint, which makes no difference here.
            case "CONTEXT": break
            case "UPDATE": arguments.isUpdated = true
            case "PARTIAL":
                guard partial == nil else { throw SyntaxError("PARTIAL given twice") }
                try reader.space()
                partial = try reader.partialRange()
            default: throw SyntaxError("Unknown SEARCH return option")
            }
        }
        // RFC 9394 §3.1.
        if partial != nil, options.contains(.all) { throw SyntaxError("ALL and PARTIAL exclude each other") }
        arguments.returns = isEmpty ? .all : options
        arguments.partial = partial
    }
}

/// Reads the keys of one SEARCH, counting them.
struct SearchKeyReader {
    var reader: ArgumentReader
    /// In capitals; nil: UTF-8.
    let charset: String?
    let isCharsetSupported: Bool
    private var count = 0

    init(reader: ArgumentReader, charset: String?) {
        self.reader = reader
        self.charset = charset
        isCharsetSupported = charset.map { Charset.isKnown($0) } ?? true
    }

    /// Keys parted by spaces.
    mutating func program() throws(SyntaxError) -> SearchKey { try keys(depth: 1) }

    private mutating func keys(depth: Int) throws(SyntaxError) -> SearchKey {
        var keys = [try key(depth: depth)]
        while reader.scanner.take(0x20) { keys.append(try key(depth: depth)) }
        return keys.count == 1 ? keys[0] : .and(keys)
    }

    //     search-key = "ALL" / ... / sequence-set / "(" search-key *(SP search-key) ")"
    private mutating func key(depth: Int) throws(SyntaxError) -> SearchKey {
        count += 1
        guard count <= SearchKey.most else { throw SyntaxError("Too many search keys") }
        guard depth <= SearchKey.deepest else { throw SyntaxError("Search keys nested too deep") }
        switch reader.peek() {
        case UInt8(ascii: "("):
            try reader.expect("(")
            let inner = try keys(depth: depth + 1)
            try reader.expect(")")
            return inner
        case UInt8(ascii: "*"), UInt8(ascii: "$"), .some(0x30...0x39):
            return .sequence(try reader.sequenceSet())
        default:
            let name = try reader.keyword()
            if let key = SearchKeyReader.plain[name] { return key }
            return try keyWithArgument(name, depth: depth)
        }
    }

    private static let plain: [String: SearchKey] = [
        "ALL": .all, "ANSWERED": .flag(.answered), "DELETED": .flag(.deleted), "DRAFT": .flag(.draft),
        "FLAGGED": .flag(.flagged),
        "SEEN": .flag(.seen), "UNANSWERED": .not(.flag(.answered)), "UNDELETED": .not(.flag(.deleted)),
        "UNDRAFT": .not(.flag(.draft)),
        "UNFLAGGED": .not(.flag(.flagged)), "UNSEEN": .not(.flag(.seen)), "NEW": .new, "OLD": .old, "RECENT": .recent,
        "SAVEDATESUPPORTED": .saveDateSupported,
    ]

    private mutating func keyWithArgument(_ name: String, depth: Int) throws(SyntaxError) -> SearchKey {
        guard SearchKeyReader.withArgument.contains(name) else { throw SyntaxError("Unknown search key") }
        try reader.space()
        switch name {
        case "NOT": return .not(try key(depth: depth + 1))
        //     search-key =/ "FUZZY" SP search-key                                    ; RFC 6203 §7
        case "FUZZY": return .fuzzy(try key(depth: depth + 1))
        case "OR":
            let first = try key(depth: depth + 1)
            try reader.space()
            return .or(first, try key(depth: depth + 1))
        case "UID": return .uid(try reader.sequenceSet())
        //     search-key =/ "UIDAFTER" SP uniqueid / "UIDBEFORE" SP uniqueid              ; RFC 9738 §4
        case "UIDAFTER": return try reader.uidKey { $0 == .max ? nil : $0 + 1...UInt32.max }
        case "UIDBEFORE": return try reader.uidKey { $0 == 1 ? nil : 1...$0 - 1 }
        case "KEYWORD": return .keyword(try reader.flagKeyword())
        case "UNKEYWORD": return .not(.keyword(try reader.flagKeyword()))
        case "LARGER": return .larger(try reader.number(upTo: UInt64(Int64.max)))
        case "SMALLER": return .smaller(try reader.number(upTo: UInt64(Int64.max)))
        case "OLDER": return .older(UInt32(truncatingIfNeeded: try reader.number(from: 1, upTo: UInt64(UInt32.max))))
        case "YOUNGER":
            return .younger(UInt32(truncatingIfNeeded: try reader.number(from: 1, upTo: UInt64(UInt32.max))))
        case "MODSEQ": return try modSeqKey()
        case "EMAILID": return .emailID(try objectID())
        case "THREADID": return .threadID(try objectID())
        case "HEADER":
            let field = try reader.headerFieldName().lowercased()
            try reader.space()
            return .header(field: field, try text())
        default:
            if let key = try dateKey(name) { return key }
            return try textKey(name)
        }
    }

    private static let withArgument: Set<String> = [
        "NOT", "OR", "FUZZY", "UID", "UIDAFTER", "UIDBEFORE", "KEYWORD", "UNKEYWORD", "LARGER", "SMALLER", "OLDER", "YOUNGER", "MODSEQ",
        "EMAILID",
        "THREADID", "HEADER", "BCC",
        "CC", "FROM", "TO", "SUBJECT", "BODY", "TEXT", "BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE",
        "SAVEDBEFORE", "SAVEDON",
        "SAVEDSINCE",
    ]

    private mutating func textKey(_ name: String) throws(SyntaxError) -> SearchKey {
        let text = try text()
        switch name {
        case "FROM": return .from(text)
        case "TO": return .to(text)
        case "CC": return .cc(text)
        case "BCC": return .bcc(text)
        case "SUBJECT": return .subject(text)
        case "BODY": return .body(text)
        default: return .text(text)
        }
    }

    private mutating func dateKey(_ name: String) throws(SyntaxError) -> SearchKey? {
        switch name {
        case "BEFORE": return .before(try reader.date())
        case "ON": return .on(try reader.date())
        case "SINCE": return .since(try reader.date())
        case "SENTBEFORE": return .sentBefore(try reader.date())
        case "SENTON": return .sentOn(try reader.date())
        case "SENTSINCE": return .sentSince(try reader.date())
        case "SAVEDBEFORE": return .savedBefore(try reader.date())
        case "SAVEDON": return .savedOn(try reader.date())
        case "SAVEDSINCE": return .savedSince(try reader.date())
        default: return nil
        }
    }

    //     search-modsequence = "MODSEQ" [search-modseq-ext] SP mod-sequence-valzer   ; RFC 7162 §7
    //     search-modseq-ext  = SP entry-name SP entry-type-req
    //     entry-name = DQUOTE "/flags/" attr-flag DQUOTE ; entry-type-req = "priv" / "shared" / "all"
    private mutating func modSeqKey() throws(SyntaxError) -> SearchKey {
        if reader.peek() == UInt8(ascii: "\"") {
            _ = try reader.string()
            try reader.space()
            let type = try reader.keyword()
            guard type == "PRIV" || type == "SHARED" || type == "ALL" else { throw SyntaxError("Unknown entry type") }
            try reader.space()
        }
        return .modSeq(try reader.modSeq())
    }

    //     objectid = 1*255(ALPHA / DIGIT / "_" / "-")                                ; RFC 8474 §7
    private mutating func objectID() throws(SyntaxError) -> String {
        let octets = reader.scanner.take(while: .objectID)
        guard (1...255).contains(octets.readableBytes) else { throw SyntaxError("Object identifier expected") }
        return String(buffer: octets)
    }

    /// In the search's charset; "" when that is not supported.
    private mutating func text() throws(SyntaxError) -> String {
        let octets = try reader.astring()
        guard isCharsetSupported else { return "" }
        guard let charset, charset != "UTF-8", charset != "US-ASCII" else { return try ArgumentReader.text(octets) }
        return Charset.decode(Array(octets.readableBytesView), label: charset) ?? ""
    }
}

extension ArgumentReader {
    /// The messages whose UIDs are in the range that a UID stands for; nil: none.
    fileprivate mutating func uidKey(_ range: (UInt32) -> ClosedRange<UInt32>?) throws(SyntaxError) -> SearchKey {
        let uid = UInt32(truncatingIfNeeded: try number(from: 1, upTo: UInt64(UInt32.max)))
        guard let range = range(uid) else { return .not(.all) }
        return .uid(.ranges([SequenceSet.Span(first: range.lowerBound, second: range.upperBound)]))
    }
}
