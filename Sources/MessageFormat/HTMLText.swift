/// The text of an HTML body, crudely: tags, comments, styles and scripts left out, the commonest entities resolved. For
/// previews and search, never for display. Linear.
enum HTMLText {
    static func stripped(_ html: String) -> String {
        var html = html
        return html.withUTF8 { String(decoding: stripped(UnsafeRawBufferPointer($0)), as: UTF8.self) }
    }

    /// Of UTF-8, in UTF-8.
    static func stripped(_ html: UnsafeRawBufferPointer) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(html.count / 2)
        var stripper = Stripper()
        _ = stripper.strip(html, isLast: true, into: &text)
        return text
    }

    /// Takes the tags off piece by piece, with the same result for every way of cutting.
    struct Stripper {
        /// Text goes on behind this; nil: it is text.
        private var awaited: StaticString?
        /// The tag that ends what the tag just begun holds, which is no text.
        private var closingTag: StaticString?
        private var isInClosingTag = false

        /// What a mark is told by.
        private static let longestMark = 20

        /// Appends the text of `octets`. Answers how many of them were used: the rest, a few, must come again with what follows. Of the last ones all are used.
        mutating func strip(_ octets: UnsafeRawBufferPointer, isLast: Bool, into text: inout [UInt8]) -> Int {
            var index = 0
            while index < octets.count {
                if let word = awaited {
                    guard let end = HTMLText.end(of: word, in: octets, from: index) else {
                        return isLast ? octets.count : max(index, octets.count - (word.utf8CodeUnitCount - 1))
                    }
                    index = end
                    passed()
                    continue
                }
                let octet = octets[index]
                guard octet == UInt8(ascii: "<") || octet == UInt8(ascii: "&") else {
                    text.append(octet)
                    index += 1
                    continue
                }
                guard isLast || octets.count - index >= Stripper.longestMark else { return index }
                if octet == UInt8(ascii: "<") { mark(octets, &index, &text) } else { entity(octets, &index, &text) }
            }
            return index
        }

        /// What was awaited has come.
        private mutating func passed() {
            if let closingTag {
                awaited = closingTag
                isInClosingTag = true
                self.closingTag = nil
            } else {
                awaited = isInClosingTag ? ">" : nil
                isInClosingTag = false
            }
        }

        private mutating func mark(_ octets: UnsafeRawBufferPointer, _ index: inout Int, _ text: inout [UInt8]) {
            let start = index + 1
            guard start < octets.count, OctetSet.letters.contains(octets[start]) || "/!?".utf8.contains(octets[start]) else {
                text.append(octets[index])
                index += 1
                return
            }
            if HTMLText.begins("!--", octets, at: start) {
                index = start + 3
                awaited = "-->"
                return
            }
            let name = HTMLText.name(octets, at: start)
            index = start + name.utf8.count
            awaited = ">"
            switch name {
            case "script": closingTag = "</script"
            case "style": closingTag = "</style"
            case "title": closingTag = "</title"
            default: break
            }
            let isClosing = octets[start] == UInt8(ascii: "/")
            if !HTMLText.inline.contains(isClosing ? HTMLText.name(octets, at: start + 1) : name) { text.append(0x20) }
        }

        private func entity(_ octets: UnsafeRawBufferPointer, _ index: inout Int, _ text: inout [UInt8]) {
            var end = index + 1
            while end < octets.count, end - index < 12, octets[end] != UInt8(ascii: ";"), octets[end] != UInt8(ascii: "&") { end += 1 }
            let name = String(decoding: octets[(index + 1)..<end], as: UTF8.self)
            guard end < octets.count, octets[end] == UInt8(ascii: ";"), let scalar = HTMLText.scalar(name) else {
                text.append(octets[index])
                index += 1
                return
            }
            text += Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            index = end + 1
        }
    }

    /// Of a tag, in lower case; at most 16 octets of it.
    private static func name(_ octets: UnsafeRawBufferPointer, at start: Int) -> String {
        var end = start
        while end < octets.count, end - start < 16, OctetSet.letters.contains(octets[end]) { end += 1 }
        return HeaderText.lowercased(UnsafeRawBufferPointer(rebasing: octets[start..<end]))
    }

    private static func begins(_ word: StaticString, _ octets: UnsafeRawBufferPointer, at start: Int) -> Bool {
        let end = start + word.utf8CodeUnitCount
        return end <= octets.count && HeaderText.matches(UnsafeRawBufferPointer(rebasing: octets[start..<end]), word)
    }

    /// After the next occurrence in any case.
    private static func end(of word: StaticString, in octets: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var from = start
        while let found = Lines.index(of: word.utf8Start[0], in: octets, from: from) {
            if begins(word, octets, at: found) { return found + word.utf8CodeUnitCount }
            from = found + 1
        }
        return nil
    }

    // Tags that part no words.
    private static let inline: Set<String> = [
        "a", "b", "i", "u", "s", "em", "strong", "span", "font", "small", "big", "sub", "sup", "wbr", "abbr", "code",
        "tt",
        "ins", "del", "mark",
    ]

    private static func scalar(_ name: String) -> Unicode.Scalar? {
        if name.hasPrefix("#x") || name.hasPrefix("#X") {
            return UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
        }
        if name.hasPrefix("#") { return UInt32(name.dropFirst()).flatMap(Unicode.Scalar.init) }
        return entities[name]
    }

    private static let entities: [String: Unicode.Scalar] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{A0}", "copy": "©", "reg": "®",
        "euro": "€",
        "hellip": "…", "ndash": "–", "mdash": "—", "lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”", "laquo": "«",
        "raquo": "»", "bull": "•", "middot": "·", "auml": "ä", "ouml": "ö", "uuml": "ü", "Auml": "Ä", "Ouml": "Ö",
        "Uuml": "Ü", "szlig": "ß", "eacute": "é", "egrave": "è", "agrave": "à", "ccedil": "ç", "zwnj": "\u{200C}",
    ]
}
