/// Reads an XML text (XML 1.0) piece by piece: the part of the language that reports are written in. There are no document types and no entities but the five that
/// are always there, so nothing grows. It looks at each octet once.
package struct XMLReader: Sendable {
    package enum Event: Hashable, Sendable {
        /// An element begins: its name without a prefix. Attributes are passed over.
        case begin(String)
        /// A piece of a text; one text may come in several.
        case text(String)
        /// The element that began last, and has not ended, ends.
        case end
    }

    package enum Fault: Error, Hashable, Sendable {
        /// An element that is not closed, or not as it was opened; a tag, a comment or a reference that is none; more behind the end.
        case malformed
        /// `<!DOCTYPE`: whoever declares entities has nothing to report.
        case hasDocumentType
        /// Elements deeper within each other than `mostDepth`.
        case tooDeep
    }

    package static let mostDepth = 32
    /// Octets of a name.
    static let mostName = 100
    /// Octets of a piece of text.
    static let piece = 4_096

    private let octets: [UInt8]
    private var place: Int
    private var open: [ArraySlice<UInt8>] = []
    /// An element without content has begun, and ends now.
    private var isEnding = false
    private var hasEnded = false

    package init(_ octets: [UInt8]) {
        self.octets = octets
        place = octets.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// Nil when the outermost element has ended; what stands behind it is not looked at.
    package mutating func next() throws(Fault) -> Event? {
        if isEnding {
            isEnding = false
            return end()
        }
        while !hasEnded {
            guard place < octets.count else { throw .malformed }
            if octets[place] == UInt8(ascii: "<") {
                if let event = try markup() { return event }
            } else if open.isEmpty {
                // Before the outermost element, where there is nothing but blanks, some write other things.
                place += 1
            } else {
                return .text(try text())
            }
        }
        return nil
    }

    private mutating func end() -> Event {
        open.removeLast()
        hasEnded = open.isEmpty
        return .end
    }

    private func hasPrefix(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        return octets.count - place >= count && octets[place..<place + count].elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: count))
    }

    /// Goes behind the next `mark`.
    private mutating func skip(past mark: [UInt8]) throws(Fault) {
        while octets.count - place >= mark.count {
            if octets[place] == mark[0], octets[place..<place + mark.count].elementsEqual(mark) {
                place += mark.count
                return
            }
            place += 1
        }
        throw .malformed
    }

    /// Nil: nothing to tell of.
    private mutating func markup() throws(Fault) -> Event? {
        if hasPrefix("<!--") {
            place += 4
            try skip(past: Array("-->".utf8))
            return nil
        }
        if hasPrefix("<?") {
            try skip(past: Array("?>".utf8))
            return nil
        }
        if hasPrefix("<![CDATA["), !open.isEmpty {
            place += 9
            let start = place
            try skip(past: Array("]]>".utf8))
            return .text(String(decoding: octets[start..<place - 3].prefix(XMLReader.piece), as: UTF8.self))
        }
        if hasPrefix("<!") { throw .hasDocumentType }
        return hasPrefix("</") ? try closing() : try opening()
    }

    // ETag = "</" Name [S] ">"
    private mutating func closing() throws(Fault) -> Event {
        place += 2
        let name = try name()
        skipBlanks()
        guard place < octets.count, octets[place] == UInt8(ascii: ">"), open.last == name else { throw .malformed }
        place += 1
        return end()
    }

    // STag = "<" Name *( S Attribute ) [S] ">";   EmptyElemTag = "<" Name *( S Attribute ) [S] "/>"
    private mutating func opening() throws(Fault) -> Event {
        place += 1
        let name = try name()
        guard open.count < XMLReader.mostDepth else { throw .tooDeep }
        open.append(name)
        var quote: UInt8?
        while place < octets.count {
            let octet = octets[place]
            place += 1
            if octet == quote {
                quote = nil
            } else if quote == nil {
                if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "'") { quote = octet }
                if octet == UInt8(ascii: "<") { throw .malformed }
                if octet == UInt8(ascii: ">") {
                    isEnding = octets[place - 2] == UInt8(ascii: "/")
                    return .begin(XMLReader.local(name))
                }
            }
        }
        throw .malformed
    }

    private mutating func skipBlanks() { while place < octets.count, XMLReader.isBlank(octets[place]) { place += 1 } }

    // Letters, digits and marks of ASCII, and all else above it: who writes other names is understood by nobody.
    private mutating func name() throws(Fault) -> ArraySlice<UInt8> {
        let start = place
        while place < octets.count, XMLReader.isOfName(octets[place]) { place += 1 }
        guard (1...XMLReader.mostName).contains(place - start) else { throw .malformed }
        return octets[start..<place]
    }

    private static func local(_ name: ArraySlice<UInt8>) -> String {
        let colon = name.lastIndex(of: UInt8(ascii: ":"))
        return String(decoding: colon.map { name[name.index(after: $0)...] } ?? name, as: UTF8.self)
    }

    private static func isOfName(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...: true
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"): true
        default: false
        }
    }

    private static func isBlank(_ octet: UInt8) -> Bool { octet == 0x20 || (0x09...0x0D).contains(octet) }

    // MARK: Text

    private mutating func text() throws(Fault) -> String {
        if octets[place] == UInt8(ascii: "&") { return String(Character(try reference())) }
        let start = place
        while place < octets.count, octets[place] != UInt8(ascii: "<"), octets[place] != UInt8(ascii: "&"), place - start < XMLReader.piece { place += 1 }
        return String(decoding: octets[start..<place], as: UTF8.self)
    }

    // CharRef = "&#" 1*DIGIT ";" / "&#x" 1*HEXDIG ";";   EntityRef = "&" Name ";"
    private mutating func reference() throws(Fault) -> Unicode.Scalar {
        let rest = octets[(place + 1)...].prefix(10)
        guard let length = rest.firstIndex(of: UInt8(ascii: ";")) else { throw .malformed }
        let name = String(decoding: rest[..<length], as: UTF8.self)
        place = length + 1
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default: break
        }
        let number = name.hasPrefix("#x") ? UInt32(name.dropFirst(2), radix: 16) : name.hasPrefix("#") ? UInt32(name.dropFirst()) : nil
        guard let scalar = number.flatMap({ Unicode.Scalar($0) }) else { throw .malformed }
        return scalar
    }
}
